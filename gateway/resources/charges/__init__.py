"""One-off charges (B1)."""
