"""Prepaid balances given back or applied (B6)."""
