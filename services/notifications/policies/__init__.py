"""How messages may reach people: notifications' policy (F3, ADR 23)."""
