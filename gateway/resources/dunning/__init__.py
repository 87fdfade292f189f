"""Arrears, ladder, sweeps and cases (D1-D5, D8)."""
