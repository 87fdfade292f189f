"""STORY of granting: an approved waiver is kept, and booked on its bills (C2)."""

from collections.abc import Mapping
from datetime import date, datetime

from sqlalchemy.orm import Session

from services.billing.receivables.booking.handlers import book
from services.billing.receivables.ledger.rules import (
    FEE_INCOME,
    LATE_FEE_INCOME,
    LATE_FEE_WAIVED,
    RECEIVABLE,
    Account,
    Movement,
    MovementKind,
)
from services.billing.receivables.waivers import tables
from services.billing.receivables.waivers.tables import WaiverRow

# debit, credit and kind of the movement of each kind of waiver
ACCOUNTS: Mapping[str, tuple[str, str, MovementKind]] = {
    "principal": (FEE_INCOME, RECEIVABLE, "principal_waived"),
    "late_fee": (LATE_FEE_WAIVED, LATE_FEE_INCOME, "late_fee_waived"),
}


def grant(
    session: Session, account: Account, waiver: WaiverRow, amounts: Mapping[int, int], today: date, now: datetime
) -> None:
    """Book what is granted per bill; the household is locked by the caller."""
    debit, credit, kind = ACCOUNTS[waiver.kind]
    day, cause = account.booking_day(today), str(waiver.id)
    tables.grant(session, waiver.id, amounts)
    movements = [Movement(kind, debit, credit, fen, day, cause, bill_id) for bill_id, fen in amounts.items()]
    book(session, account, movements, now)
