"""The case of one household: steps, holds, contacts and what comes next (D1-D3)."""
