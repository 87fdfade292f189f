"""The receivables wing: the ledger, what is owed and what pays it (B6-B9, C)."""
