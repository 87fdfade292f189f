"""Dunning: the ladder, sweeps, holds, contacts and the arrears ledger (D1, D2, D3, D5)."""
