"""Portfolio: estates, buildings, units, households, staff and who answers for which building (A1, A4)."""
