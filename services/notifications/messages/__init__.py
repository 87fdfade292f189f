"""What is to be said to whom: one message per (recipient, cause), however often its event arrives (F4)."""
