"""Messages, templates, preferences (F)."""
