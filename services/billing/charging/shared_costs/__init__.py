"""Shared costs (公摊): one cost of the estate or of a building, shared by floor area to the fen (B1)."""
