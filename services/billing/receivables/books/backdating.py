"""STORE of money that was dated back beyond policy: what a closing has to look at (E3, B8)."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.common.contracts.answers.books import BackdatedPayment
from services.common.contracts.answers.payments import Channel
from services.common.rows import rows_of

# It belongs to the month its money was booked in: the one it was dated into, or the first that was open then.
_BACKDATED_PAYMENTS = text("""
SELECT p.payment_id, h.code AS household, p.channel, p.amount_fen, p.business_date, n.booked_on, p.settled_at,
       p.backdated_by, p.backdate_reason
FROM payment_posting p JOIN household h ON h.id = p.household_id
CROSS JOIN LATERAL (SELECT min(e.booked_on) AS booked_on FROM ledger_entry e
                    WHERE e.household_id = p.household_id AND e.source = p.payment_id::text) n
WHERE p.estate_id = :estate_id AND p.backdated_by IS NOT NULL
ORDER BY n.booked_on, p.settled_at, p.payment_id
""")


@dataclass(frozen=True)
class BackdatedRow:
    """A payment with the day it was dated to, the day it is booked on, and who dated it so."""

    payment_id: UUID
    household: str
    channel: Channel
    amount_fen: int
    business_date: date
    booked_on: date
    settled_at: datetime
    backdated_by: str
    backdate_reason: str | None


def backdated_by_month(session: Session, estate_id: int) -> dict[date, list[BackdatedPayment]]:
    """All of an estate by the first day of the month it is booked in."""
    months: dict[date, list[BackdatedPayment]] = defaultdict(list)
    for row in rows_of(BackdatedRow, session.execute(_BACKDATED_PAYMENTS, {"estate_id": estate_id})):
        months[row.booked_on.replace(day=1)].append(_view(row))
    return months


def _view(row: BackdatedRow) -> BackdatedPayment:
    return BackdatedPayment(
        payment_id=row.payment_id,
        household=row.household,
        channel=row.channel,
        amount_fen=row.amount_fen,
        business_date=row.business_date,
        booked_on=row.booked_on,
        settled_at=row.settled_at,
        by=row.backdated_by,
        reason=row.backdate_reason,
    )
