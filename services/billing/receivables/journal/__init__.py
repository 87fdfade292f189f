"""The journal: the ledger's entries as auditors read them (B7, I5)."""
