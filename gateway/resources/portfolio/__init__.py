"""Regions, estates, buildings, units, households (A1, A4)."""
