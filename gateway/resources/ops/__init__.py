"""Health, metrics, audit log, parked events (I, E)."""
