"""Waivers and who may grant them (C2)."""
