"""Policies as data: changed by two people, from a day on, with their history (ADR 23)."""
