"""Arrears risk: how likely a household is late next month, and why; it orders a steward's visits, nothing else (D7)."""
