"""Waivers (减免): requested with a reason, granted by an authority matrix, shown apart from what was collected (C2)."""
