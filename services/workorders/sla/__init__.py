"""Limits, alarms and figures of the service clocks (G2, J2)."""
