"""Files brought in (A3)."""
