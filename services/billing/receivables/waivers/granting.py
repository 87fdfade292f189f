"""STORY of granting: what an approved waiver means for bills, ledger and rollups (C2)."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Row
from sqlalchemy.orm import Session

from services.billing.receivables.ledger import tables as ledger
from services.billing.receivables.ledger.rollups import Delta, key_of, roll_up
from services.billing.receivables.ledger.rules import (
    FEE_INCOME,
    LATE_FEE_INCOME,
    LATE_FEE_WAIVED,
    RECEIVABLE,
    Account,
    BookingDay,
)
from services.billing.receivables.ledger.tables import Posting
from services.billing.receivables.plans.standing import after_posting
from services.billing.receivables.waivers import tables
from services.common.contracts.events import AdjustedBill, BillsAdjusted
from services.common.messaging import record

# debit, credit and kind of the posting of each kind of waiver
ACCOUNTS = {
    "principal": (FEE_INCOME, RECEIVABLE, "principal_waived"),
    "late_fee": (LATE_FEE_WAIVED, LATE_FEE_INCOME, "late_fee_waived"),
}


def grant(
    session: Session,
    account: Account,
    waiver: Row[Any],
    bills: Sequence[Row[Any]],
    given: Mapping[int, int],
    today: date,
    now: datetime,
) -> None:
    """Post what is granted per bill; the household is locked by the caller."""
    day = ledger.booking_day(session, account.estate_id, today)
    granted = [bill for bill in bills if given[bill.id]]
    tables.grant(session, waiver.id, given)
    ledger.post(session, _postings(waiver, granted, given, day), now)
    if waiver.kind == "principal":
        tables.waive_principal(session, {bill.id: given[bill.id] for bill in granted})
        roll_up(session, [Delta(key_of(bill, day.booked_on), waived_fen=given[bill.id]) for bill in granted])
        _tell(session, account, granted, given, now)
    after_posting(session, account, [bill.id for bill in granted], now)


def _postings(
    waiver: Row[Any], bills: Iterable[Row[Any]], given: Mapping[int, int], day: BookingDay
) -> Iterable[Posting]:
    debit, credit, kind = ACCOUNTS[waiver.kind]
    for bill in bills:
        yield Posting(
            bill.estate_id, bill.household_id, day.booked_on, kind, debit, credit, given[bill.id], str(waiver.id),
            bill.id, day.value_on,
        )  # fmt: skip


def _tell(
    session: Session, account: Account, bills: Sequence[Row[Any]], given: Mapping[int, int], now: datetime
) -> None:
    if bills:
        changed = [
            AdjustedBill(
                bill_id=bill.id, household=account.code, due_date=bill.due_date, open_change_fen=-given[bill.id]
            )
            for bill in bills
        ]
        event = BillsAdjusted(estate=account.estate, reason="waiver", bills=changed)
        record(session, event, aggregate=f"estate:{account.estate}", at=now)
