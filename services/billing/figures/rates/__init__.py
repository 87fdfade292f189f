"""Collection rates and receivables by every cut (J1)."""
