"""The holds wing: what stops urging a household (D3)."""
