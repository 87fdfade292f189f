"""LAW of reading the ledger: what each entry means for its bill (B7, C1)."""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Literal

from services.billing.receivables.late_fee.rules import (
    BillEvent,
    DailyRate,
    GraceMode,
    Kind,
    LateFeePolicy,
    LateFeeTerms,
)
from services.billing.receivables.ledger.rules import (
    CHARGED_TO,
    FEE_INCOME,
    LATE_FEE_INCOME,
    LATE_FEE_WAIVED,
    OPENING_EQUITY,
    RECEIVABLE,
    CollectionTerms,
    Entry,
)


def bill_events(entries: Iterable[Entry]) -> tuple[BillEvent, ...]:
    """What the entries of one bill mean; its issue means nothing, for that is the principal itself."""
    return tuple(event for event in map(_event, entries) if event)


def _event(entry: Entry) -> BillEvent | None:
    kind = kind_of(entry)
    if kind is None:
        return None
    # Paid before the books were opened: on which day is unknown, so it never accrued.
    on = date.min if entry.debit_account == OPENING_EQUITY else entry.counts_on
    return BillEvent(kind, on, entry.amount_fen)


def kind_of(entry: Entry) -> Kind | None:
    """What an entry means for its bill; None: nothing, or the principal itself."""
    if entry.credit_account == RECEIVABLE:
        return "waiver" if entry.debit_account == FEE_INCOME else "payment"
    if entry.debit_account == RECEIVABLE:
        return None if entry.credit_account in CHARGED_TO else "restoration"
    if entry.credit_account == LATE_FEE_INCOME:
        return "late_fee_waiver" if entry.debit_account == LATE_FEE_WAIVED else "late_fee_payment"
    if entry.debit_account == LATE_FEE_INCOME:
        return "late_fee_waiver_reversal" if entry.credit_account == LATE_FEE_WAIVED else "late_fee_restoration"
    return None


def waived_fen(events: Iterable[BillEvent], kind: Literal["waiver", "late_fee_waiver"], as_of: date) -> int:
    """Fen waived of a bill by the end of a day: principal or late fee (C2)."""
    signs = {kind: 1, "late_fee_waiver_reversal": -1 if kind == "late_fee_waiver" else 0}
    return sum(signs.get(event.kind, 0) * event.amount_fen for event in events if event.on <= as_of)


def late_fee_policy(
    clause: str | None,
    rate_days: Iterable[date],
    rate_values: Iterable[object],
    *,
    is_capped: bool,
    grace_days: int,
    grace_mode: str,
    later: Iterable[CollectionTerms] = (),
) -> LateFeePolicy:
    """An estate's policy from its stored parts."""
    rates = tuple(DailyRate(day, Decimal(str(value))) for day, value in zip(rate_days, rate_values, strict=True))
    changes = tuple(
        LateFeeTerms(each.effective_from, each.late_fee_capped, each.grace_days, _mode(each.grace_mode))
        for each in later
    )
    return LateFeePolicy(clause, rates, is_capped, grace_days, _mode(grace_mode), changes)


def _mode(word: str) -> GraceMode:
    return "after_grace" if word == "after_grace" else "from_due"
