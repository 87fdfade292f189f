"""The collections wing: dunning, legal steps, closure, risk (D)."""
