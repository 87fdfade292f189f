"""Billing's policies: which there are, where each is kept, and what it may say (ADR 23)."""
