"""Checks that find faults which are known and being mended: held back until then. Must be empty."""

MENDING: dict[str, str] = {
    "standing_credit": "FM1: credit pays oldest first, as soon as it exists or a bill does",
    "suit_gate": "FM3: the suit gate claims the statement's total",
    "told_receipts": "FM8: every payment whose places moved is told anew",
    "rates_of_past_days": "FM9: a rate is 0–1",
    "cases": "FM4: listed until nothing is overdue",
}
