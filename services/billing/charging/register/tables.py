"""STORE of the register: a page of bills by estate, household, due date and id, without an index of its own.

Of household after household the page takes what it still lacks, by the indexes that are there; open and void bills have
partial ones in just this order. So a run pays nothing for the register.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Index, TextClause, text
from sqlalchemy.orm import Session

from services.billing.charging.bills.views.tables import BillRow
from services.billing.receivables.ledger.sql import open_bill
from services.billing.tables import bill
from services.common.contracts.answers.bills import BillStatus
from services.common.rows import rows_of

Index(
    "bill_void_idx",
    bill.c.estate_id,
    bill.c.household_id,
    bill.c.due_date,
    bill.c.id,
    postgresql_where=text("voided_at IS NOT NULL"),
)


@dataclass(frozen=True)
class RegisterFilter:
    """Which bills a page shows; None: all."""

    household_id: int | None = None
    building: str | None = None
    fee_item: str | None = None
    period: date | None = None
    status: BillStatus | None = None
    due_from: date | None = None
    due_to: date | None = None
    void: bool | None = None


@dataclass(frozen=True)
class RegisterRow(BillRow):
    """A bill with its household and building."""

    household_id: int
    building: str


def _conditions(bill: str) -> dict[str, str]:
    """SQL: what each filter asks of a bill; states as HAS_STATUS of the views has them, in the words of the indexes."""
    return {
        "household_id": f"{bill}.household_id = :household_id",
        "building": f"{bill}.building = :building",
        "fee_item": f"{bill}.fee_item = :fee_item",
        "period": f"{bill}.period = :period",
        "due_from": f"{bill}.due_date >= :due_from",
        "due_to": f"{bill}.due_date <= :due_to",
        "open": f"{open_bill(bill)} AND {bill}.paid_fen = 0 AND {bill}.waived_fen = 0",
        "partially_paid": f"{open_bill(bill)} AND ({bill}.paid_fen > 0 OR {bill}.waived_fen > 0)",
        "paid": f"{bill}.voided_at IS NULL AND {bill}.amount_fen = {bill}.paid_fen + {bill}.waived_fen",
        "void": f"{bill}.voided_at IS NOT NULL",
        "valid": f"{bill}.voided_at IS NULL",
    }


# These have an index by estate and household; anything else is found household by household.
_WITH_INDEX = frozenset({"open", "partially_paid", "void"})
# Where the page before ended: somewhere in its estate, and at the beginning of those after it.
_PLACE = {
    "after_household": "CASE id WHEN :after_estate THEN :after_household ELSE 0 END",
    "after_day": "CASE id WHEN :after_estate THEN :after_day ELSE DATE '-infinity' END",
    "after_id": "CASE id WHEN :after_estate THEN :after_id ELSE 0 END",
}


def _by_index(bill: str, place: str) -> str:
    """SQL: bills of an estate, by an index that has all of them in order."""
    return f"bill {bill} WHERE {bill}.estate_id = {place}.id"


def _by_household(bill: str, place: str) -> str:
    """SQL: bills of an estate, household by household."""
    of_estate = f"h.estate_id = {place}.id AND {bill}.estate_id = {place}.id"
    return f"household h JOIN bill {bill} ON {bill}.household_id = h.id WHERE {of_estate}"


def _after(bill: str, place: str, *, has_index: bool) -> str:
    """SQL: the bill comes after the page before."""
    key = f"({bill}.household_id, {bill}.due_date, {bill}.id)"
    beyond = f"{key} > ({place}.after_household, {place}.after_day, {place}.after_id)"
    return beyond if has_index else f"{beyond} AND h.id >= {place}.after_household"


def register_page(names: frozenset[str]) -> TextClause:
    """SQL of a page; `names` are the filters and, from the second page on, `after`."""
    has_index, place, begin = bool(names & _WITH_INDEX), "", ""
    conditions = [condition for name, condition in _conditions("b").items() if name in names]
    if "after" in names:
        place, begin = "".join(f", {place} AS {name}" for name, place in _PLACE.items()), " AND id >= :after_estate"
        conditions.append(_after("b", "e", has_index=has_index))
    source = _by_index("b", "e") if has_index else _by_household("b", "e")
    where = "".join(f" AND {condition}" for condition in conditions)
    return text(f"""
WITH page AS MATERIALIZED (
  SELECT b.*, e.code AS estate
  FROM (SELECT id, code{place} FROM estate
        WHERE (CAST(:estates AS text[]) IS NULL OR code = ANY (:estates)){begin} ORDER BY id) e
  CROSS JOIN LATERAL (SELECT b.* FROM {source}{where}
                      ORDER BY b.household_id, b.due_date, b.id LIMIT :limit) b
  LIMIT :limit -- of the estates in their order only as many as fill the page: each is looked into by itself
)
SELECT p.*, u.code AS unit, h.code AS household
FROM page p JOIN unit u ON u.id = p.unit_id JOIN household h ON h.id = p.household_id
ORDER BY p.estate_id, p.household_id, p.due_date, p.id
""")


def bills_after(
    session: Session,
    scope: Collection[str] | None,
    cut: RegisterFilter,
    after: tuple[int, int, date, int] | None,
    limit: int,
) -> list[RegisterRow]:
    """Bills of the estates named, by estate, household, due date and id."""
    filters = {name: value for name, value in vars(cut).items() if value is not None and name not in ("status", "void")}
    states = (cut.status, {None: None, True: "void", False: "valid"}[cut.void], "after" if after else None)
    place = dict(zip(("after_estate", "after_household", "after_day", "after_id"), after or (), strict=bool(after)))
    values = filters | place | {"estates": None if scope is None else sorted(scope), "limit": limit}
    statement = register_page(frozenset(name for name in (*filters, *states) if name))
    return rows_of(RegisterRow, session.execute(statement, values))
