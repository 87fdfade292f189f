"""Stewards: who answers for which building on which days (首问负责, A4)."""
