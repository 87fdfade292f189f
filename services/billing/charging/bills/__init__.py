"""Bills: the amount rule, the due date, bill runs spread over the broker, and explanations (B1, B3, B4, B6)."""
