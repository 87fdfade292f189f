"""Tariffs, billing policy, shared costs (B1, B3)."""
