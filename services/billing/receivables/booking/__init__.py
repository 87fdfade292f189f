"""The one verb for money: `book` (B7, ADR 15)."""
