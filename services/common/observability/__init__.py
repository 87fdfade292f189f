"""Logs, traces, metrics and health of every process."""
