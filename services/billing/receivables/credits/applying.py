"""STORY of applying credit: a household's prepaid balance settles bills as a payment would (B6, B9)."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from uuid import UUID

from sqlalchemy.orm import Session

from services.billing.receivables.allocation.decision import within_of
from services.billing.receivables.allocation.rules import Money, Placement, Share, place_all
from services.billing.receivables.booking.handlers import book
from services.billing.receivables.booking.open_items import items_to_pay
from services.billing.receivables.late_fee.open_bills import open_bills, policy_of
from services.billing.receivables.ledger.rules import (
    CUSTOMER_CREDIT,
    LATE_FEE_INCOME,
    RECEIVABLE,
    Account,
    BookingDay,
    Movement,
)


@dataclass(frozen=True)
class Portion:
    """Some of a household's credit in fen, and from which day on it counts for the late fee."""

    on: date
    fen: int


@dataclass(frozen=True)
class Applying:
    """What is applied, where, and in whose name: `bill_ids` None means all bills, oldest due first (B9)."""

    portions: Sequence[Portion]
    source: str
    bill_ids: Collection[int] | None = None
    designated_ids: Sequence[int] = ()


def apply_credit(session: Session, account: Account, application: Applying, today: date, now: datetime) -> list[Share]:
    """Move credit of a locked household to its bills; what each bill got, by id. What no bill takes stays credit.

    The portions together are not more than the credit.
    """
    items = items_to_pay(session, account)
    bill_ids = items.bills if application.bill_ids is None else application.bill_ids
    candidates = {bill_id: bill for bill_id, bill in items.bills.items() if bill_id in bill_ids}
    # Bills that are named are fresh ones, of no plan yet.
    plans = list(items.plans.by_id.values()) if application.bill_ids is None else []
    bills = open_bills(candidates, items.entries)
    placements = place_all(
        _moneys(account, application, now), bills, policy_of(account), within_of(account, today), plans
    )
    book(session, account, _movements(placements, application.source, account.booking_day(today)), now, items)
    return _sums(placements)


def _moneys(account: Account, application: Applying, now: datetime) -> list[Money]:
    """Portions as the law of allocation sees money; their order within a day is the order given."""
    return [
        Money(
            UUID(int=index),
            portion.fen,
            portion.on,
            now,
            designated_ids=tuple(application.designated_ids),
            within=within_of(account, portion.on),
        )
        for index, portion in enumerate(application.portions)
        if portion.fen
    ]


def _movements(placements: Iterable[Placement], source: str, today: BookingDay) -> Iterator[Movement]:
    """Booked today, counting from the day the money had come."""
    for placement in placements:
        on = placement.payment.business_date
        day = replace(today, value_on=None if on == today.booked_on else on)
        for share in placement.shares:
            principal, fee, bill_id = share.principal_fen, share.late_fee_fen, share.bill_id
            yield Movement("credit_applied", CUSTOMER_CREDIT, RECEIVABLE, principal, day, source, bill_id)
            yield Movement("credit_applied_late_fee", CUSTOMER_CREDIT, LATE_FEE_INCOME, fee, day, source, bill_id)


def _sums(placements: Iterable[Placement]) -> list[Share]:
    principal: dict[int, int] = defaultdict(int)
    fee: dict[int, int] = defaultdict(int)
    for placement in placements:
        for share in placement.shares:
            principal[share.bill_id] += share.principal_fen
            fee[share.bill_id] += share.late_fee_fen
    return [Share(bill_id, fen, fee[bill_id]) for bill_id, fen in sorted(principal.items())]
