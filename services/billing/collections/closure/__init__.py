"""Closure programme (画句号工程): households with arrears of more than a year, stage by stage (D6)."""
