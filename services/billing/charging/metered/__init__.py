"""Metered fees (阶梯): consumption between readings, priced by tiers (B1)."""
