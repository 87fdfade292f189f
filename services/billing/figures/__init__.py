"""Figures: collection rates, receivable by age, dashboards and their metrics (J1, D5)."""
