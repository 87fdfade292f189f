"""Closing the books: months, quarters, the fund of estates under remuneration (B2, B8)."""
