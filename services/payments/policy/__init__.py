"""What an estate lets happen with payments: how far back, how many orders, how long a transfer (E2, E3)."""
