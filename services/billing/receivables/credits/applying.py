"""STORY of applying credit: a household's prepaid balance settles bills as a payment would (B6, B9)."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy.orm import Session

from services.billing.receivables.allocation.decision import within_of
from services.billing.receivables.allocation.rules import Money, Placement, Share, place_all
from services.billing.receivables.late_fee.open_bills import open_bills, policy_of
from services.billing.receivables.ledger import tables as ledger
from services.billing.receivables.ledger.history import entries_by_bill
from services.billing.receivables.ledger.rollups import Delta, key_of, roll_up
from services.billing.receivables.ledger.rules import (
    CUSTOMER_CREDIT,
    LATE_FEE_INCOME,
    RECEIVABLE,
    Account,
    Bill,
    BookingDay,
)
from services.billing.receivables.ledger.tables import Posting
from services.billing.receivables.plans.rules import Planned
from services.billing.receivables.plans.standing import after_posting
from services.billing.receivables.plans.tables import planned
from services.common.contracts.events import AdjustedBill, BillsAdjusted
from services.common.messaging import record


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
    designated: Sequence[int] = ()


def apply_credit(session: Session, account: Account, asked: Applying, today: date, now: datetime) -> list[Share]:
    """Move credit of a locked household to its bills; what each bill got, by id. What no bill takes stays credit.

    The portions together are not more than the credit.
    """
    plans = planned(session, account.id)
    rows = _rows(session, account, asked.bill_ids, plans)
    bills = open_bills(rows, entries_by_bill(session, list(rows)))
    # Bills that are named are fresh ones, of no plan yet.
    agreed = list(plans.plans.values()) if asked.bill_ids is None else []
    placements = place_all(_moneys(asked, now), bills, policy_of(account), within_of(account), agreed)
    day = ledger.booking_day(session, account.estate_id, today)
    ledger.post(session, (posting for one in placements for posting in _postings(account, one, asked, day)), now)
    shares = _sums(placements)
    principal = {share.bill_id: share.principal_fen for share in shares if share.principal_fen}
    ledger.pay_bills(session, principal)
    ledger.add_credit(session, account.id, -sum(share.total_fen for share in shares))
    roll_up(session, _deltas(rows, placements))
    after_posting(session, account, [share.bill_id for share in shares], now)
    _tell(session, account, rows, principal, now)
    return shares


def _rows(session: Session, account: Account, bill_ids: Collection[int] | None, plans: Planned) -> dict[int, Bill]:
    bills = ledger.bills_to_pay(session, account.id, plans.principal)
    return {bill_id: bill for bill_id, bill in bills.items() if bill_ids is None or bill_id in bill_ids}


def _moneys(asked: Applying, now: datetime) -> list[Money]:
    """Portions as the law of allocation sees money; their order within a day is the order given."""
    return [
        Money(UUID(int=index), portion.fen, portion.on, now, designated=tuple(asked.designated))
        for index, portion in enumerate(asked.portions)
        if portion.fen
    ]


def _postings(account: Account, placement: Placement, asked: Applying, day: BookingDay) -> Iterable[Posting]:
    on = placement.payment.business_date
    value_on = None if on == day.booked_on else on

    def posting(kind: str, credit: str, fen: int, bill_id: int) -> Posting:
        return Posting(
            account.estate_id, account.id, day.booked_on, kind, CUSTOMER_CREDIT, credit, fen, asked.source, bill_id,
            value_on,
        )  # fmt: skip

    for share in placement.shares:
        yield posting("credit_applied", RECEIVABLE, share.principal_fen, share.bill_id)
        yield posting("credit_applied_late_fee", LATE_FEE_INCOME, share.late_fee_fen, share.bill_id)


def _deltas(rows: Mapping[int, Bill], placements: Iterable[Placement]) -> Iterable[Delta]:
    """Figures count credit from the day it counts for the late fee: a reissue changes no past rate (J1)."""
    for placement in placements:
        for share in placement.shares:
            if share.principal_fen:
                key = key_of(rows[share.bill_id], placement.payment.business_date)
                yield Delta(key, collected_fen=share.principal_fen)


def _sums(placements: Iterable[Placement]) -> list[Share]:
    principal: dict[int, int] = defaultdict(int)
    fee: dict[int, int] = defaultdict(int)
    for placement in placements:
        for share in placement.shares:
            principal[share.bill_id] += share.principal_fen
            fee[share.bill_id] += share.late_fee_fen
    return [Share(bill_id, fen, fee[bill_id]) for bill_id, fen in sorted(principal.items())]


def _tell(
    session: Session, account: Account, rows: Mapping[int, Bill], principal: Mapping[int, int], now: datetime
) -> None:
    if principal:
        changed = [
            AdjustedBill(bill_id=i, household=account.code, due_date=rows[i].due_date, open_change_fen=-fen)
            for i, fen in principal.items()
        ]
        event = BillsAdjusted(estate=account.estate, reason="credit", bills=changed)
        record(session, event, aggregate=f"estate:{account.estate}", at=now)
