"""Ratings of finished orders, one answer per invitation (H3)."""
