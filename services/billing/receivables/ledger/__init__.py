"""The ledger: late fee, allocation, statement and trial balance (B6, B7, B9, C1)."""
