"""Bill runs, bills, statements, explanations (B3, B4, B6)."""
