"""Instalment plans (C3)."""
