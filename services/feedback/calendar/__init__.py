"""Working days that were announced after this release, and what they move (H2)."""
