"""The trial balance (B7)."""
