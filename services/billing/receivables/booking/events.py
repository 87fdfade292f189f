"""LAW of what others are told of a booking: new bills, and bills of which more or less is open (B4–B6, C2).

A payment tells of itself, with what each bill got.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal

from services.billing.receivables.booking.rules import effects
from services.billing.receivables.ledger.rules import (
    DISCOUNT_CARRIED,
    RECEIVABLE,
    WAIVER_CARRIED,
    Account,
    Bill,
    Entry,
    debit_fen,
    is_payment,
)
from services.common.contracts.base import Event
from services.common.contracts.events import AdjustedBill, BillsAdjusted, BillsIssued, IssuedBill
from services.common.domain.calendar import format_period

Reason = Literal["credit", "waiver", "void"]
REASONS: Final[Mapping[str, Reason]] = {
    "credit_applied": "credit",
    "principal_waived": "waiver",
    "discount": "waiver",
    WAIVER_CARRIED: "waiver",
    DISCOUNT_CARRIED: "waiver",
    "bill_voided": "void",
}


def events_of(account: Account, bills: Mapping[int, Bill], entries: Sequence[Entry]) -> list[Event]:
    """The events of a booking; a bill that is new is told of once, with what is open of it."""
    changes = open_changes(entry for entry in entries if not is_payment(entry))
    issues = {bill_id for bill_id, effect in effects(entries).items() if effect.billed_count}
    reasons = {entry.bill_id: REASONS[entry.kind] for entry in entries if entry.kind in REASONS}
    adjustments: dict[Reason, list[AdjustedBill]] = defaultdict(list)
    for bill_id, fen in changes.items():
        if fen and bill_id in reasons and bill_id not in issues:
            adjustments[reasons[bill_id]].append(_adjusted_bill(account, bills[bill_id], fen))
    issue_events: list[Event] = [_issue_event(account, bills[bill_id], changes[bill_id]) for bill_id in sorted(issues)]
    return issue_events + [
        BillsAdjusted(estate=account.estate, reason=reason, bills=lines) for reason, lines in adjustments.items()
    ]


def open_changes(entries: Iterable[Entry]) -> dict[int, int]:
    """By how many fen the open principal of each bill changes, by id; all of it when the bill is voided."""
    sums: dict[int, int] = defaultdict(int)
    for entry in entries:
        if entry.bill_id is not None:
            sums[entry.bill_id] += debit_fen(entry, RECEIVABLE)
    return dict(sorted(sums.items()))


def _adjusted_bill(account: Account, bill: Bill, fen: int) -> AdjustedBill:
    return AdjustedBill(bill_id=bill.id, household=account.code, due_date=bill.due_date, open_change_fen=fen)


def _issue_event(account: Account, bill: Bill, open_fen: int) -> BillsIssued:
    return BillsIssued(
        run_id=bill.run_id,
        estate=account.estate,
        fee_item=bill.fee_item,
        period=format_period(bill.period),
        due_date=bill.due_date,
        bills=[IssuedBill(bill_id=bill.id, household=account.code, amount_fen=bill.amount_fen, open_fen=open_fen)],
    )
