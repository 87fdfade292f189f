"""Checks that find faults which are known and being mended: held back until then. Must be empty."""

MENDING: dict[str, str] = {
    "told_receipts": "FM8: when four work at once, what was told last of a payment lacks a bill the ledger has",
    "standing_credit": "FM1: credit pays oldest first, as soon as it exists or a bill does",
    "rates_of_past_days": "FM9: a rate is 0–1",
}
