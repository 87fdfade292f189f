"""Billing: portfolio, tariffs, bills, the receivables ledger, dunning and the figures that come of them (A–D, J1)."""
