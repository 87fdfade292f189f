"""Categories of orders: what may be asked for, under which words (G1, G2)."""
