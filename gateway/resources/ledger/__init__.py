"""The journal of the ledger (B7)."""
