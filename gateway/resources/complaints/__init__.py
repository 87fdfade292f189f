"""Complaints (H1, H2)."""
