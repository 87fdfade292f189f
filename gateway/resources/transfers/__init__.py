"""Units that change hands (A1)."""
