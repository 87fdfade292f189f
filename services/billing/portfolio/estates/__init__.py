"""Estates, units and households as they are shown, and taken over on their day (A1, A4)."""
