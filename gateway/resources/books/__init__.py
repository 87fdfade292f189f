"""Closes, settlements and the fund (B2, B8)."""
