"""Orders: request, dispatch, transitions and their history (G1, G3)."""
