"""LAW of what late-fee waivers reach: the late fee of their day, and nothing that accrues after it (C1, C2)."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date

from services.billing.receivables.booking.rules import OpenItems
from services.billing.receivables.late_fee.events import kind_of
from services.billing.receivables.late_fee.open_bills import open_bills
from services.billing.receivables.late_fee.rules import LateFeePolicy, OpenBill, late_fee
from services.billing.receivables.ledger.rules import (
    LATE_FEE_INCOME,
    LATE_FEE_WAIVED,
    BookingDay,
    Entry,
    Movement,
)
from services.billing.receivables.plans.rules import frozen_on

_PAYS = {"late_fee_payment": 1, "late_fee_restoration": -1}
_WAIVES = {"late_fee_waiver": 1, "late_fee_waiver_reversal": -1}


def waivers_of(items: OpenItems, bill_ids: Collection[int]) -> dict[int, dict[str, list[Entry]]]:
    """The entries of late-fee waivers, by bill and waiver; bills without any are left out."""
    waivers: dict[int, dict[str, list[Entry]]] = defaultdict(lambda: defaultdict(list))
    for bill_id in bill_ids & items.bills.keys():
        for entry in items.entries.get(bill_id, ()):
            if kind_of(entry) in _WAIVES:
                waivers[bill_id][entry.source].append(entry)
    return waivers


def excess(
    items: OpenItems,
    waivers: Mapping[int, Mapping[str, Sequence[Entry]]],
    reach: Mapping[str, date],
    policy: LateFeePolicy,
    booked_on: date,
) -> Iterator[Movement]:
    """What of each waiver is more than the late fee there was, the other way round, from the day the waiver counts.

    `reach` is the day up to whose end a waiver goes. A payment dated back, a plan or a credit may leave less late fee
    on that day than was waived; without this the rest would waive what accrues afterwards.
    """
    plans, bills = list(items.plans.by_id.values()), open_bills(items.bills, items.entries)
    for bill in (bill for bill in bills if bill.id in waivers):
        waived_fen = 0
        for source, entries in sorted(waivers[bill.id].items(), key=lambda item: (reach[item[0]], item[0])):
            until, fen = reach[source], _sum(entries)
            freezes = frozen_on(plans, bills, until).of(bill.id)
            accrued_fen = late_fee(bill.amount_fen, bill.due, bill.events, until, policy, freezes).accrued_fen
            room_fen = max(0, accrued_fen - _paid_fen(bill, until) - waived_fen)
            waived_fen += min(fen, room_fen)
            yield _reversal(bill.id, source, fen - min(fen, room_fen), entries[0].counts_on, booked_on)


def _sum(entries: Sequence[Entry]) -> int:
    return sum(_WAIVES[kind_of(entry) or ""] * entry.amount_fen for entry in entries)


def _paid_fen(bill: OpenBill, until: date) -> int:
    return sum(_PAYS.get(event.kind, 0) * event.amount_fen for event in bill.events if event.on <= until)


def _reversal(bill_id: int, waiver: str, fen: int, counts_on: date, booked_on: date) -> Movement:
    day = BookingDay(booked_on, None if counts_on == booked_on else counts_on)
    return Movement("fee_waiver_reversed", LATE_FEE_INCOME, LATE_FEE_WAIVED, fen, day, waiver, bill_id)
