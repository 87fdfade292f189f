"""What a household owes at the end of a day (B6)."""
