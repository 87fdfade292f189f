"""Work orders (G)."""
