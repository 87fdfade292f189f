"""Tariffs: versioned prices and their publication (公示) before any bill may use them (B1)."""
