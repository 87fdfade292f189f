"""The charging wing: tariffs, bill runs, one-off charges, voids (B1-B5)."""
