"""STORE of the totals: the rollups once more without buildings, per day, per month and altogether (J1).

`rate_rollup` is the truth and every poster keeps it. A trigger on it appends what each statement changed to
`rate_change`; `fold` moves changes into the totals. Whoever reads takes the totals and the changes that wait, in one
statement, so it does not matter for any figure when a change is folded. Nobody else writes these tables.

`rate_building…` is the same with buildings, per month and altogether; its days are the rollups themselves.
"""

from sqlalchemy import BigInteger, Column, Date, Identity, Index, Integer, Table, Text, TextClause, text
from sqlalchemy.orm import Session

from services.billing.receivables.ledger.tables import estate_movement
from services.billing.tables import metadata
from services.common.locks import Lock, try_to_hold

SUMS = ("billed_fen", "collected_fen", "waived_fen", "billed_count")


def _sums() -> list[Column[int]]:
    fen: list[Column[int]] = [Column(name, BigInteger, nullable=False) for name in SUMS[:3]]
    return [*fen, Column("billed_count", Integer, nullable=False)]


rate_total = Table(
    "rate_total",
    metadata,
    Column("period", Date, primary_key=True),
    Column("estate_id", Integer, primary_key=True, autoincrement=False),
    Column("fee_item", Text, primary_key=True),
    Column("due_date", Date, primary_key=True),
    *_sums(),
    Index("rate_total_due_date_idx", "due_date"),
    Index("rate_total_estate_id_idx", "estate_id"),
)

rate_month = Table(
    "rate_month",
    metadata,
    # first day of the month
    Column("booked_in", Date, primary_key=True),
    Column("estate_id", Integer, primary_key=True, autoincrement=False),
    Column("fee_item", Text, primary_key=True),
    Column("period", Date, primary_key=True),
    Column("due_date", Date, primary_key=True),
    *_sums(),
)

rate_day = Table(
    "rate_day",
    metadata,
    Column("booked_on", Date, primary_key=True),
    Column("estate_id", Integer, primary_key=True, autoincrement=False),
    Column("fee_item", Text, primary_key=True),
    Column("period", Date, primary_key=True),
    Column("due_date", Date, primary_key=True),
    *_sums(),
)

rate_change = Table(
    "rate_change",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("estate_id", Integer, nullable=False),
    Column("fee_item", Text, nullable=False),
    Column("period", Date, nullable=False),
    Column("due_date", Date, nullable=False),
    Column("booked_on", Date, nullable=False),
    *_sums(),
)

rate_building = Table(
    "rate_building",
    metadata,
    Column("estate_id", Integer, primary_key=True, autoincrement=False),
    Column("building", Text, primary_key=True),
    Column("fee_item", Text, primary_key=True),
    Column("period", Date, primary_key=True),
    Column("due_date", Date, primary_key=True),
    *_sums(),
)

rate_building_month = Table(
    "rate_building_month",
    metadata,
    Column("estate_id", Integer, primary_key=True, autoincrement=False),
    # first day of the month
    Column("booked_in", Date, primary_key=True),
    Column("building", Text, primary_key=True),
    Column("fee_item", Text, primary_key=True),
    Column("period", Date, primary_key=True),
    Column("due_date", Date, primary_key=True),
    *_sums(),
    Index("rate_building_month_booked_in_idx", "booked_in"),
)

rate_building_change = Table(
    "rate_building_change",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("estate_id", Integer, nullable=False),
    Column("building", Text, nullable=False),
    Column("fee_item", Text, nullable=False),
    Column("period", Date, nullable=False),
    Column("due_date", Date, nullable=False),
    Column("booked_on", Date, nullable=False),
    *_sums(),
)

_ADDED_SUMS = ", ".join(f"sum({name}) AS {name}" for name in SUMS)
_MONTH = "date_trunc('month', booked_on)::date"
_BILLS = ("estate_id", "fee_item", "period", "due_date")
_BUILDINGS = ("estate_id", "building", "fee_item", "period", "due_date")


def _upsert(table: Table, *keys: str) -> str:
    """SQL that adds what was taken to a total; its key columns get `keys`."""
    names = ", ".join(column.name for column in table.primary_key)
    numbers = ", ".join(str(number) for number in range(1, len(keys) + 1))
    return f"""
  INSERT INTO {table.name} AS t ({names}, {", ".join(SUMS)})
  SELECT {", ".join(keys)}, {_ADDED_SUMS} FROM taken GROUP BY {numbers} ORDER BY {numbers}
  ON CONFLICT ({names}) DO UPDATE SET {", ".join(f"{name} = t.{name} + excluded.{name}" for name in SUMS)}
"""


def _fold(changes: Table, **totals: str) -> TextClause:
    parts = ", ".join(f"{name} AS ({total})" for name, total in totals.items())
    waiting = f"SELECT id FROM {changes.name} ORDER BY id LIMIT :rows"
    return text(f"""
WITH taken AS (DELETE FROM {changes.name} WHERE id = ANY (ARRAY({waiting})) RETURNING *), {parts}
SELECT count(*) FROM taken
""")


_MOVEMENTS = f"""
  INSERT INTO {estate_movement.name} AS m (estate_id, bills, settlements)
  SELECT estate_id, (count(*) FILTER (WHERE billed_fen <> 0) > 0)::int,
         (count(*) FILTER (WHERE collected_fen <> 0 OR waived_fen <> 0) > 0)::int
  FROM taken GROUP BY estate_id ORDER BY estate_id
  ON CONFLICT (estate_id) DO UPDATE
  SET bills = m.bills + excluded.bills, settlements = m.settlements + excluded.settlements
"""
_FOLDS = (
    _fold(
        rate_change,
        altogether=_upsert(rate_total, "period", "estate_id", "fee_item", "due_date"),
        months=_upsert(rate_month, _MONTH, *_BILLS),
        days=_upsert(rate_day, "booked_on", *_BILLS),
        movements=_MOVEMENTS,
    ),
    _fold(
        rate_building_change,
        altogether=_upsert(rate_building, *_BUILDINGS),
        months=_upsert(rate_building_month, "estate_id", _MONTH, *_BUILDINGS[1:]),
    ),
)


def fold(session: Session, rows: int) -> int:
    """Move the oldest changes into the totals, `rows` of each kind at most; how many. 0 while another replica does."""
    if not try_to_hold(session, Lock.TOTALS):
        return 0
    return sum(int(session.scalar(each, {"rows": rows}) or 0) for each in _FOLDS)
