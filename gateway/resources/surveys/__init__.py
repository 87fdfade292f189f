"""Ratings (H3)."""
