"""Statuses: occupied, vacant or unsold, a unit is one of them on every day (A1, B3)."""
