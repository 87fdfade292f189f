"""Collection targets and early warnings (J3)."""
