"""One-off services: a bill at once, outside of any run (B1)."""
