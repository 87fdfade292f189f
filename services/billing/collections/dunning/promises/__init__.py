"""Promises to pay: the ladder waits for the day that was promised (D1, D3)."""
