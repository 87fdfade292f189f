"""Payments and notifications of channels (E)."""
