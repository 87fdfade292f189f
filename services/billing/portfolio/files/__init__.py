"""Owner files: segment, preferences, legacy dispute, service history, co-owners (A1, A2)."""
