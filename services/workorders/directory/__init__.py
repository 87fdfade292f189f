"""What other services told us: estates, households, staff, arrears (A1, A4, G4)."""
