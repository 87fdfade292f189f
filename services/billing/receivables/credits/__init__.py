"""Credit of households: applied to bills, or paid back as surplus (多退少补, B6)."""
