"""Arrears risk (D7)."""
