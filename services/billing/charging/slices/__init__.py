"""The piece of a bill run that is priced in one go: its units, days and lines (B3, B4)."""
