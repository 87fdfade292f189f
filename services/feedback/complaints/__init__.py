"""Complaints: registered, answered, resolved, closed, reopened (H1)."""
