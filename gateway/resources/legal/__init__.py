"""Suit gate, legal files, limitation, evidence (D4)."""
