"""Wordings: versioned data with strict variables (F2)."""
