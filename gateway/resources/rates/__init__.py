"""Collection rates by every cut (J1)."""
