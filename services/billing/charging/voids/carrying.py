"""STORY of what a household keeps of a void bill: waivers go on to the reissue, discounts too or come back (ADR 11).

A correction of ours takes nothing away that was granted. What is kept counts from the days it was granted.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Final, NamedTuple
from uuid import UUID

from sqlalchemy.orm import Session

from services.billing.charging.voids import grant_tables
from services.billing.charging.voids.grant_tables import KeptRow
from services.billing.charging.voids.rules import Grant, grants, keep
from services.billing.charging.voids.tables import BillToVoid, StandingBill
from services.billing.receivables.booking.handlers import book
from services.billing.receivables.incentives.returning import NOTHING_BACK, DiscountReturn, Loss, return_discount
from services.billing.receivables.ledger import tables as ledger
from services.billing.receivables.ledger.rules import (
    DISCOUNT_CARRIED,
    FEE_INCOME,
    FEE_WAIVER_CARRIED,
    LATE_FEE_INCOME,
    LATE_FEE_WAIVED,
    RECEIVABLE,
    WAIVER_CARRIED,
    Account,
    BookingDay,
    Movement,
    MovementKind,
)
from services.common.contracts.answers.voids import GrantKind, KeptGrant
from services.common.domain.calendar import business_date

# kind, debit and credit of the movement that grants it on the reissue
MOVES: Final[Mapping[GrantKind, tuple[MovementKind, str, str]]] = {
    "principal": (WAIVER_CARRIED, FEE_INCOME, RECEIVABLE),
    "late_fee": (FEE_WAIVER_CARRIED, LATE_FEE_WAIVED, LATE_FEE_INCOME),
    "discount": (DISCOUNT_CARRIED, FEE_INCOME, RECEIVABLE),
}


class Inheritance(NamedTuple):
    """A void bill whose grants are settled, and the bill that takes its place for the same household, if one does."""

    void: BillToVoid
    fresh: StandingBill | None = None


def grants_of(session: Session, void: BillToVoid, *, is_void_now: bool) -> list[Grant]:
    """What was granted on a void bill; the discounts of one that was void before have come back already."""
    entries = ledger.entries_of(session, [void.id])
    return [grant for grant in grants(entries) if is_void_now or grant.kind != "discount"]


def carry(
    session: Session,
    account: Account,
    void: BillToVoid,
    fresh: StandingBill,
    old_grants: Sequence[Grant],
    now: datetime,
) -> None:
    """Grant on the fresh bill what the locked household had on the void one, before money is put on it."""
    proportional = grant_tables.proportional(session, [grant.source for grant in old_grants])
    today = account.booking_day(business_date(now)).booked_on
    shares = keep(old_grants, proportional, void.amount_fen, fresh.amount_fen)
    book(session, account, [_movement(grant, fresh.id, today) for grant in shares], now)


def _movement(grant: Grant, bill_id: int, today: date) -> Movement:
    kind, debit, credit = MOVES[grant.kind]
    day = BookingDay(today, None if grant.on == today else grant.on)
    return Movement(kind, debit, credit, grant.fen, day, grant.source, bill_id)


def settle(
    session: Session,
    account: Account,
    inheritance: Inheritance,
    old_grants: Sequence[Grant],
    request_id: UUID,
    now: datetime,
) -> None:
    """Write what the fresh bill keeps, and give points and coupons back that are on no bill any more."""
    fresh = inheritance.fresh
    new_grants = grants(ledger.entries_of(session, [fresh.id]) if fresh else [])
    kept_fen = {(grant.kind, grant.source): grant.fen for grant in new_grants}
    outcomes = [(grant, kept_fen.get((grant.kind, grant.source), 0)) for grant in old_grants]
    returns = [_return(session, account, grant, fen, now) for grant, fen in outcomes]
    rows = [
        _row(request_id, inheritance, grant, fen, back) for (grant, fen), back in zip(outcomes, returns, strict=True)
    ]
    grant_tables.add(session, rows)


def _return(session: Session, account: Account, grant: Grant, kept_fen: int, now: datetime) -> DiscountReturn:
    """What comes back of a discount that the fresh bill does not keep whole."""
    if grant.kind != "discount" or kept_fen == grant.fen:
        return NOTHING_BACK
    loss = Loss(grant.fen - kept_fen, is_whole=kept_fen == 0)
    return return_discount(session, account, UUID(grant.source), loss, now)


def _row(request_id: UUID, inheritance: Inheritance, grant: Grant, kept_fen: int, back: DiscountReturn) -> KeptRow:
    return KeptRow(
        request_id=request_id,
        source_id=UUID(grant.source),
        kind=grant.kind,
        from_bill_id=inheritance.void.id,
        granted_fen=grant.fen,
        bill_id=inheritance.fresh.id if inheritance.fresh and kept_fen else None,
        kept_fen=kept_fen,
        returned_points=back.points,
        returned_coupon_id=back.coupon_id,
    )


def give_back(session: Session, account: Account, void: BillToVoid, request_id: UUID, now: datetime) -> None:
    """A bill is void for good: what was redeemed on it comes back, what was waived has nothing to be on."""
    old_grants = [grant for grant in grants_of(session, void, is_void_now=True) if grant.kind == "discount"]
    settle(session, account, Inheritance(void), old_grants, request_id, now)


def grants_moved_by(session: Session, request_id: UUID) -> list[KeptGrant]:
    """What became of waivers and discounts by a void or a reissue."""
    return [
        KeptGrant(
            kind=row.kind,
            source_id=row.source_id,
            granted_fen=row.granted_fen,
            bill_id=row.bill_id,
            kept_fen=row.kept_fen,
            returned_points=row.returned_points,
            returned_coupon_id=row.returned_coupon_id,
        )
        for row in grant_tables.rows(session, request_id)
    ]
