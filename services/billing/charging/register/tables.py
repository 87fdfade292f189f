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


_OPTIONAL = {
    "household_id": "b.household_id = :household_id",
    "building": "b.building = :building",
    "fee_item": "b.fee_item = :fee_item",
    "period": "b.period = :period",
    "due_from": "b.due_date >= :due_from",
    "due_to": "b.due_date <= :due_to",
    # as HAS_STATUS of the views has it; open and void in the words of the partial indexes
    "open": f"{open_bill('b')} AND b.paid_fen = 0 AND b.waived_fen = 0",
    "partially_paid": f"{open_bill('b')} AND (b.paid_fen > 0 OR b.waived_fen > 0)",
    "paid": "b.voided_at IS NULL AND b.amount_fen = b.paid_fen + b.waived_fen",
    "void": "b.voided_at IS NOT NULL",
    "valid": "b.voided_at IS NULL",
}
# These have an index by estate and household; anything else is found household by household.
_INDEXED = frozenset({"open", "partially_paid", "void"})
# Where the page before ended: somewhere in its estate, and at the beginning of those after it.
_PLACE = {
    "after_household": "CASE id WHEN :after_estate THEN :after_household ELSE 0 END",
    "after_day": "CASE id WHEN :after_estate THEN :after_day ELSE DATE '-infinity' END",
    "after_id": "CASE id WHEN :after_estate THEN :after_id ELSE 0 END",
}
_AFTER = "(b.household_id, b.due_date, b.id) > (e.after_household, e.after_day, e.after_id)"
_BY_INDEX = "bill b WHERE b.estate_id = e.id"
_BY_HOUSEHOLD = "household h JOIN bill b ON b.household_id = h.id WHERE h.estate_id = e.id AND b.estate_id = e.id"


def register_page(names: frozenset[str]) -> TextClause:
    """SQL of a page; `names` are the filters and, from the second page on, `after`."""
    has_index, place, begin = bool(names & _INDEXED), "", ""
    conditions = [condition for name, condition in _OPTIONAL.items() if name in names]
    if "after" in names:
        place, begin = "".join(f", {place} AS {name}" for name, place in _PLACE.items()), " AND id >= :after_estate"
        conditions += [_AFTER] if has_index else [_AFTER, "h.id >= e.after_household"]
    source = (_BY_INDEX if has_index else _BY_HOUSEHOLD) + "".join(f" AND {condition}" for condition in conditions)
    return text(f"""
WITH page AS MATERIALIZED (
  SELECT b.*, e.code AS estate
  FROM (SELECT id, code{place} FROM estate
        WHERE (CAST(:estates AS text[]) IS NULL OR code = ANY (:estates)){begin} ORDER BY id) e
  CROSS JOIN LATERAL (SELECT b.* FROM {source}
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
