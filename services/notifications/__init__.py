"""Notifications: the right words to the right person, once, over a channel the person agreed to (F)."""
