"""Payments placed on bills (B6, B9)."""
