"""The closure programme (画句号, D6)."""
