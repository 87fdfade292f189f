"""Instalment plans (C3): agreements that freeze late fee and dunning while they are kept."""
