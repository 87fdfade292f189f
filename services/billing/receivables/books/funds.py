"""STORY of the fund: what fees received are for on an estate under remuneration (酬金制, B2)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from sqlalchemy.orm import Session

from services.billing.periods import first_of
from services.billing.portfolio.tables import Estate, find_estate
from services.billing.receivables.books import rules, tables
from services.billing.receivables.books.rules import CATEGORIES
from services.billing.receivables.books.tables import FundRow
from services.billing.receivables.ledger import tables as ledger
from services.billing.receivables.trial_balance.rules import Flow
from services.billing.tables import lock_estate
from services.common.contracts.answers.books import (
    CategoryMovement,
    Fund,
    FundCategory,
    FundEntry,
    FundExpense,
    FundMovement,
    FundPolicy,
)
from services.common.contracts.errors import Conflict, Invalid
from services.common.domain.access import Caller
from services.common.domain.calendar import business_date
from services.common.domain.permissions import Permission
from services.common.locks import Lock, hold
from services.common.once import same_request

REMUNERATION = "remuneration"


@dataclass(frozen=True)
class Expense:
    """Money spent for a category on a day, with the reference of its voucher."""

    category: str
    amount_fen: int
    spent_on: date
    description: str
    reference: str


def record_expense(
    session: Session, caller: Caller, code: str, request_id: UUID, expense: Expense, now: datetime
) -> FundExpense:
    """Take an expense from the fund (B2); the same request again answers the same. Conflict, Invalid, NotFound."""
    caller.require(Permission.RECORD_FUND_EXPENSE)
    estate = _estate_with_fund(session, caller, code)
    if expense.category not in CATEGORIES:
        raise Invalid("There is no such category.", [{"loc": "category", "msg": f"one of {', '.join(CATEGORIES)}"}])
    if expense.spent_on > business_date(now):
        raise Invalid("The day has not come yet.", [{"loc": "spent_on", "msg": "not after today"}])
    hold(session, Lock.REQUEST, str(request_id))  # no key of an entry keeps two estates from one request
    lock_estate(session, estate.id)
    source = f"expense:{request_id}"
    description = f"{expense.reference}: {expense.description}"
    move = rules.expense(expense.category, expense.amount_fen)
    if tables.fund_entry_of(session, source) is None:
        day = ledger.booking_day(session, estate.id, expense.spent_on)
        tables.post_fund(session, estate.id, [move], day.booked_on, source, description, now)
    terms = {"category": expense.category, "amount_fen": expense.amount_fen, "description": description}
    entry = same_request("expense", tables.fund_entry_of(session, source), terms | {"estate_id": estate.id})
    return FundExpense(**_fund_entry(entry), estate=code)


def get_fund(session: Session, caller: Caller, code: str, period: str | None, today: date) -> Fund:
    """The fund of an estate up to today or in a month: per category opening, contributed, spent, returned, closing."""
    caller.require(Permission.READ_FUND)
    estate = _estate_with_fund(session, caller, code)
    first = date.min if period is None else first_of(period)
    last = today if period is None else rules.last_day(first)
    entries = [] if period is None else tables.fund_entries(session, estate.id, first, last)
    policy = tables.load_fund_policy(session, estate.id)
    return Fund(
        **fund(session, estate.id, first, last),
        estate=code,
        period=period,
        remuneration=float(policy.remuneration),
        shares=_weights(policy.shares),
        entries=[_fund_entry(row) for row in entries],
    )


def set_fund_policy(
    session: Session, caller: Caller, code: str, remuneration: Decimal, shares: dict[str, Decimal]
) -> FundPolicy:
    """Say what the company takes and how the rest is shared, from the next close on. Invalid, Conflict, NotFound."""
    caller.require(Permission.SET_FUND_POLICY)
    estate = _estate_with_fund(session, caller, code)
    unknown = shares.keys() - set(CATEGORIES)
    if unknown or any(share < 0 for share in shares.values()) or not sum(shares.values()):
        message = f"weights from 0 on, not all 0, of {', '.join(CATEGORIES)}"
        raise Invalid("The shares are not valid.", [{"loc": "shares", "msg": message}])
    if not 0 <= remuneration <= 1:
        raise Invalid("The remuneration is not valid.", [{"loc": "remuneration", "msg": "from 0 to 1"}])
    tables.keep_fund_policy(session, estate.id, remuneration, {name: str(share) for name, share in shares.items()})
    return FundPolicy(estate=code, remuneration=float(remuneration), shares=_weights(shares))


def _weights(shares: Mapping[str, Decimal]) -> dict[FundCategory, float]:
    return {name: float(shares[name]) for name in CATEGORIES if name in shares}


def _estate_with_fund(session: Session, caller: Caller, code: str) -> Estate:
    estate = find_estate(session, caller, code)
    if estate.charging_mode != REMUNERATION:
        raise Conflict(f"Estate {code} is charged as a lump sum (包干制); it has no fund.")
    return estate


def fund(session: Session, estate_id: int, first: date, last: date) -> FundMovement:
    """What an estate's fund received, gave to the company, and per category had, got, spent and has, in fen (B2)."""
    before = [] if first == date.min else tables.fund_flows(session, estate_id, date.min, rules.day_before(first))
    flows = tables.fund_flows(session, estate_id, first, last)
    lines = {line.account: line for line in rules.account_periods(before, flows)}
    return FundMovement(
        received_fen=_net(flows, "fees_received"),
        remuneration_fen=-_net(flows, "remuneration"),
        categories=[_category(name, lines.get(rules.fund(name)), flows) for name in CATEGORIES],
    )


def to_return(session: Session, estate_id: int, last: date) -> dict[str, int]:
    """What each category had at the end of the day `last` and what has not been returned since, in fen (B2).

    A return is booked on the day it is made, after the quarter it is of: the next quarter's closing has it still.
    """
    closing = fund(session, estate_id, date.min, last)["categories"]
    since = fund(session, estate_id, last + timedelta(days=1), date.max)["categories"]
    return {at["category"]: at["closing_fen"] - after["returned_fen"] for at, after in zip(closing, since, strict=True)}


def _net(flows: Iterable[Flow], account: str) -> int:
    return sum(flow.amount_fen for flow in flows if flow.debit_account == account) - sum(
        flow.amount_fen for flow in flows if flow.credit_account == account
    )


def _category(name: FundCategory, line: rules.AccountPeriod | None, flows: Iterable[Flow]) -> CategoryMovement:
    account = rules.fund(name)
    mine = [flow for flow in flows if account in (flow.debit_account, flow.credit_account)]
    return CategoryMovement(
        category=name,
        opening_fen=-line.opening_fen if line else 0,
        contributed_fen=_net(mine, "fees_received"),
        spent_fen=-_net(mine, f"spent_{name}"),
        returned_fen=-_net(mine, "returned"),
        closing_fen=-line.closing_fen if line else 0,
    )


def _fund_entry(row: FundRow) -> FundEntry:
    return FundEntry(
        id=row.id,
        booked_on=row.booked_on,
        debit_account=row.debit_account,
        credit_account=row.credit_account,
        amount_fen=row.amount_fen,
        category=row.category,
        description=row.description,
    )
