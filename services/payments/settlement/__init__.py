"""Money has arrived: settle it once, give a receipt number, or keep it in suspense (E2, E3)."""
