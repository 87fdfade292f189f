"""Policies and their changes, of whichever service keeps them (ADR 23)."""
