"""What arrears add up to, and what each step of the ladder brought in (D5, D8)."""
