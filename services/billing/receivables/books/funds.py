"""STORY of the fund: what fees received are for on an estate under remuneration (酬金制, B2)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.orm import Session

from services.billing.periods import first_of
from services.billing.portfolio.tables import find_estate
from services.billing.receivables.books import rules, tables
from services.billing.receivables.books.rules import CATEGORIES
from services.billing.receivables.ledger import tables as ledger
from services.billing.receivables.trial_balance.rules import Moved
from services.billing.tables import lock_estate
from services.common.access import STAFF_ROLES, Caller
from services.common.calendar import business_date
from services.common.contracts.errors import Conflict, Invalid

KEEPERS = ("group_admin", "finance")
FUNDED = "remuneration"


@dataclass(frozen=True)
class Expense:
    """Money spent for a category on a day, with the reference of its voucher."""

    category: str
    amount_fen: int
    spent_on: date
    description: str
    reference: str


def record_expense(
    session: Session, caller: Caller, estate: str, request_id: UUID, spent: Expense, now: datetime
) -> dict[str, Any]:
    """Take an expense from the fund (B2); the same request again answers the same. Conflict, Invalid, NotFound."""
    caller.require(*KEEPERS, "estate_manager")
    found = _funded(session, caller, estate)
    if spent.category not in CATEGORIES:
        raise Invalid("There is no such category.", [{"loc": "category", "msg": f"one of {', '.join(CATEGORIES)}"}])
    if spent.spent_on > business_date(now):
        raise Invalid("The day has not come yet.", [{"loc": "spent_on", "msg": "not after today"}])
    lock_estate(session, found.id)
    source = f"expense:{request_id}"
    told = f"{spent.reference}: {spent.description}"
    move = rules.expense(spent.category, spent.amount_fen)
    if tables.fund_entry_of(session, source) is None:
        day = ledger.booking_day(session, found.id, spent.spent_on)
        tables.post_fund(session, found.id, [move], day.booked_on, source, told, now)
    kept = tables.fund_entry_of(session, source)
    if kept is None or (kept.estate_id, kept.category, kept.amount_fen, kept.description) != (
        found.id, spent.category, spent.amount_fen, told,
    ):  # fmt: skip
        raise Conflict("This request id was used for another expense.")
    return _fund_entry(kept) | {"estate": estate}


def get_fund(session: Session, caller: Caller, estate: str, period: str | None, today: date) -> dict[str, Any]:
    """The fund of an estate up to today or in a month: per category opening, contributed, spent, returned, closing."""
    caller.require(*STAFF_ROLES)
    found = _funded(session, caller, estate)
    first = date.min if period is None else first_of(period)
    last = today if period is None else rules.last_day(first)
    entries = [] if period is None else tables.fund_entries(session, found.id, first, last)
    policy = tables.load_fund_policy(session, found.id)
    return fund(session, found.id, first, last) | {
        "estate": estate,
        "period": period,
        "remuneration": float(policy.remuneration),
        "shares": {name: float(share) for name, share in policy.shares.items()},
        "entries": [_fund_entry(row) for row in entries],
    }


def set_fund_policy(
    session: Session, caller: Caller, estate: str, remuneration: Decimal, shares: dict[str, Decimal]
) -> dict[str, Any]:
    """Say what the company takes and how the rest is shared, from the next close on. Invalid, Conflict, NotFound."""
    caller.require(*KEEPERS)
    found = _funded(session, caller, estate)
    unknown = shares.keys() - set(CATEGORIES)
    if unknown or any(share < 0 for share in shares.values()) or not sum(shares.values()):
        told = f"weights from 0 on, not all 0, of {', '.join(CATEGORIES)}"
        raise Invalid("The shares are not valid.", [{"loc": "shares", "msg": told}])
    if not 0 <= remuneration <= 1:
        raise Invalid("The remuneration is not valid.", [{"loc": "remuneration", "msg": "from 0 to 1"}])
    tables.keep_fund_policy(session, found.id, remuneration, {name: str(share) for name, share in shares.items()})
    return {"estate": estate, "remuneration": float(remuneration), "shares": {n: float(s) for n, s in shares.items()}}


def _funded(session: Session, caller: Caller, estate: str) -> Row[Any]:
    found = find_estate(session, caller, estate)
    if found.charging_mode != FUNDED:
        raise Conflict(f"Estate {estate} is charged as a lump sum (包干制); it has no fund.")
    return found


def fund(session: Session, estate_id: int, first: date, last: date) -> dict[str, Any]:
    """What an estate's fund received, gave to the company, and per category had, got, spent and has, in fen (B2)."""
    before = [] if first == date.min else tables.fund_moved(session, estate_id, date.min, rules.day_before(first))
    moved = tables.fund_moved(session, estate_id, first, last)
    lines = {line.account: line for line in rules.account_periods(before, moved)}
    return {
        "received_fen": _net(moved, "fees_received"),
        "remuneration_fen": -_net(moved, "remuneration"),
        "categories": [_category(name, lines.get(rules.fund(name)), moved) for name in CATEGORIES],
    }


def to_return(session: Session, estate_id: int, last: date) -> dict[str, int]:
    """What each category had at the end of the day `last` and what has not been returned since, in fen (B2).

    A return is booked on the day it is made, after the quarter it is of: the next quarter's closing has it still.
    """
    closing = fund(session, estate_id, date.min, last)["categories"]
    since = fund(session, estate_id, last + timedelta(days=1), date.max)["categories"]
    return {at["category"]: at["closing_fen"] - after["returned_fen"] for at, after in zip(closing, since, strict=True)}


def _net(moved: Iterable[Moved], account: str) -> int:
    return sum(m.amount_fen for m in moved if m.debit_account == account) - sum(
        m.amount_fen for m in moved if m.credit_account == account
    )


def _category(name: str, line: rules.AccountPeriod | None, moved: Iterable[Moved]) -> dict[str, Any]:
    account = rules.fund(name)
    mine = [move for move in moved if account in (move.debit_account, move.credit_account)]
    return {
        "category": name,
        "opening_fen": -line.opening_fen if line else 0,
        "contributed_fen": _net(mine, "fees_received"),
        "spent_fen": -_net(mine, f"spent_{name}"),
        "returned_fen": -_net(mine, "returned"),
        "closing_fen": -line.closing_fen if line else 0,
    }


def _fund_entry(row: Row[Any]) -> dict[str, Any]:
    return {
        "id": row.id,
        "booked_on": row.booked_on,
        "debit_account": row.debit_account,
        "credit_account": row.credit_account,
        "amount_fen": row.amount_fen,
        "category": row.category,
        "description": row.description,
    }
