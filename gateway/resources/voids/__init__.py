"""Voids, reissues, credit notes (B5)."""
