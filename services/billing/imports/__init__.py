"""Imports: CSV files validated as a whole, loaded whole or not at all (A3)."""
