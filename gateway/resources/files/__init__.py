"""Owner files and co-owners (A2)."""
