"""Late fees by estate (C1)."""
