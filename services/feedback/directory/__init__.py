"""What billing told us: estates, households, staff (A1, A4)."""
