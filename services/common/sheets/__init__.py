"""Spreadsheets people bring: cells and whole files, read strictly and with errors by line (A3)."""
