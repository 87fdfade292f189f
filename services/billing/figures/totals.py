"""STORE of the totals: the rollups once more without buildings, per day, per month and altogether (J1).

`rate_rollup` is the truth and every poster keeps it. A trigger on it appends what each statement changed to
`rate_change`; `fold` moves changes into the totals. Whoever reads takes the totals and the changes that wait, in one
statement, so it does not matter for any figure when a change is folded. Nobody else writes these tables.
"""

from sqlalchemy import BigInteger, Column, Date, Identity, Index, Integer, Table, Text, text
from sqlalchemy.orm import Session

from services.billing.tables import metadata

SUMS = ("billed_fen", "collected_fen", "waived_fen", "billed_count")
_ROOM_FOR_LOCKS = 0x4A31  # advisory locks of two keys do not meet those of estates, which have one


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

_ADDED = ", ".join(f"sum({name}) AS {name}" for name in SUMS)
_UPSERT = """
  INSERT INTO {table} AS t ({names}, {sums})
  SELECT {keys}, {added} FROM taken GROUP BY {numbers} ORDER BY {numbers}
  ON CONFLICT ({names}) DO UPDATE SET {more}
"""


def _upsert(table: str, *keys: str, names: str | None = None) -> str:
    return _UPSERT.format(
        table=table,
        names=names or ", ".join(keys),
        keys=", ".join(keys),
        sums=", ".join(SUMS),
        added=_ADDED,
        numbers=", ".join(str(number) for number in range(1, len(keys) + 1)),
        more=", ".join(f"{name} = t.{name} + excluded.{name}" for name in SUMS),
    )


_REST = ("estate_id", "fee_item", "period", "due_date")
_FOLD = text(f"""
WITH taken AS (
  DELETE FROM rate_change WHERE id = ANY (ARRAY(SELECT id FROM rate_change ORDER BY id LIMIT :rows)) RETURNING *
), altogether AS ({_upsert("rate_total", "period", "estate_id", "fee_item", "due_date")}
), months AS ({
    _upsert(
        "rate_month",
        "date_trunc('month', booked_on)::date",
        *_REST,
        names="booked_in, estate_id, fee_item, period, due_date",
    )
}), days AS ({_upsert("rate_day", "booked_on", *_REST)})
SELECT count(*) FROM taken
""")
_ALONE = text("SELECT pg_try_advisory_xact_lock(:room, 0)")


def fold(session: Session, rows: int) -> int:
    """Move the oldest changes into the totals; how many. None while another replica does the same."""
    if not session.scalar(_ALONE, {"room": _ROOM_FOR_LOCKS}):
        return 0
    return int(session.scalar(_FOLD, {"rows": rows}) or 0)
