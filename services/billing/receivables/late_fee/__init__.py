"""Late fee (违约金): its law, its SQL, its totals (C1)."""
