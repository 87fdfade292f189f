"""The ladder as data: which rungs there are, and what no rung may be (D1, D4)."""
