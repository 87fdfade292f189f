"""Accounts, their balances and the checks on them (B7)."""
