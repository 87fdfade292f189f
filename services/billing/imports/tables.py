"""STORE of imports: what is known of the things a file names, and set-based writing that tells what changed (A3)."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import (
    JSON,
    Boolean,
    ColumnElement,
    Row,
    Table,
    Text,
    any_,
    bindparam,
    cast,
    column,
    func,
    literal,
    literal_column,
    or_,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.orm import Session

from services.billing.imports.rules import Key, KnownBill, KnownTariff
from services.billing.portfolio.tables import HeldUnit
from services.billing.tables import estate, household, import_receipt, stewardship, tariff, unit
from services.common.contracts.answers.imports import ImportResult
from services.common.database import allow_long_statements
from services.common.locks import Lock, hold
from services.common.rows import row_of, rows_of


def take_turn(session: Session, milliseconds: int) -> None:
    """Imports follow one another, so that what was checked still holds when it is written."""
    allow_long_statements(session, milliseconds)
    hold(session, Lock.IMPORT)


@dataclass(frozen=True)
class Receipt:
    """What a call did with which file."""

    request_id: UUID
    kind: str
    content_sha256: str
    requested_by: str
    result: ImportResult
    created_at: datetime


def load_receipt(session: Session, request_id: UUID) -> Receipt | None:
    """What an earlier call of the same id did; of one from before there were warnings, without any."""
    query = select(import_receipt).where(import_receipt.c.request_id == request_id)
    receipt = row_of(Receipt, session.execute(query).first())
    if receipt is not None:
        receipt.result.setdefault("warnings", [])
    return receipt


def keep_receipt(session: Session, receipt: Receipt) -> None:
    """Remember what this call did."""
    session.execute(insert(import_receipt).values(**vars(receipt)))


def known_estates(session: Session, codes: Collection[str]) -> dict[str, int]:
    """Code → id of the estates that exist."""
    query = select(estate.c.code, estate.c.id).where(estate.c.code.in_(codes)).order_by(estate.c.code)
    return {row.code: row.id for row in session.execute(query)}


def known_households(session: Session, codes: Collection[str]) -> dict[str, str]:
    """Household → estate."""
    query = select(household.c.code, estate.c.code.label("estate")).join(estate)
    rows = session.execute(query.where(household.c.code == any_(_texts(codes))))
    return {row.code: row.estate for row in rows}


def household_ids(session: Session, codes: Collection[str]) -> dict[str, int]:
    """Household → id."""
    query = select(household.c.code, household.c.id).where(household.c.code == any_(_texts(codes)))
    return {row.code: row.id for row in session.execute(query)}


def known_units(session: Session, estate_ids: Collection[int]) -> dict[tuple[str, str], int]:
    """(estate, unit) → id of every unit of the estates."""
    query = select(estate.c.code.label("estate"), unit.c.code, unit.c.id).join(estate)
    rows = session.execute(query.where(unit.c.estate_id.in_(estate_ids)))
    return {(row.estate, row.code): row.id for row in rows}


def known_buildings(session: Session, estate_ids: Collection[int]) -> set[tuple[str, str]]:
    """(estate, building) of every building of the estates: it has units, or somebody answered for it when it had."""
    query = select(estate.c.code, unit.c.building).join(unit).where(unit.c.estate_id.in_(estate_ids))
    former = select(estate.c.code, stewardship.c.building).join(stewardship)
    rows = session.execute(query.union(former.where(stewardship.c.estate_id.in_(estate_ids))))
    return {(row.code, row.building) for row in rows}


def holders(session: Session, estate_ids: Collection[int]) -> dict[tuple[int, str], HeldUnit]:
    """(estate id, unit) → who pays for it now, and how it stands."""
    query = select(unit.c.estate_id, unit.c.code, unit.c.id, unit.c.household_id, unit.c.status)
    units = rows_of(HeldUnit, session.execute(query.where(unit.c.estate_id.in_(estate_ids))))
    return {(each.estate_id, each.code): each for each in units}


TARIFF_VALUES = (
    "method", "unit_price", "effective_to", "vacancy_ratio", "basis", "tiers", "grade_factors", "composition",
)  # fmt: skip


def known_tariffs(session: Session, estate_ids: Collection[int]) -> dict[Key, KnownTariff]:
    """(estate, fee item, usage, effective_from) → the version that stands."""
    query = select(tariff, estate.c.code.label("estate")).join(estate).where(tariff.c.estate_id.in_(estate_ids))
    return {
        (row["estate"], row["fee_item"], row["usage"], row["effective_from"]): KnownTariff(
            {name: row[name] for name in (*TARIFF_VALUES, "version")}, row["published_at"] is not None
        )
        for row in session.execute(query).mappings()
    }


# What was paid before a bill was brought in is told apart from later payments by the kind of its ledger entry.
KNOWN_BILLS = text("""
SELECT e.code AS estate, u.code AS unit, b.fee_item, b.period, b.amount_fen, b.due_date, b.tariff_id IS NULL AS opening,
       coalesce((SELECT sum(l.amount_fen) FROM ledger_entry l WHERE l.bill_id = b.id AND l.kind = 'opening_paid'),
                0)::bigint AS paid_fen
FROM json_to_recordset(CAST(:keys AS json)) AS k(unit_id bigint, fee_item text, period date)
JOIN bill b ON b.unit_id = k.unit_id AND b.fee_item = k.fee_item AND b.period = k.period AND b.voided_at IS NULL
  AND b.charge_id IS NULL
JOIN unit u ON u.id = b.unit_id
JOIN estate e ON e.id = b.estate_id
""")


def known_bills(session: Session, keys: Sequence[Mapping[str, object]]) -> dict[Key, KnownBill]:
    """(estate, unit, fee item, period) → the bill that stands; `keys` are {unit_id, fee_item, period}."""
    return {
        (row.estate, row.unit, row.fee_item, row.period): KnownBill(
            row.amount_fen, row.paid_fen, row.due_date, row.opening
        )
        for row in session.execute(KNOWN_BILLS, {"keys": as_json(keys)})
    }


VOIDED_OPENINGS = text("""
SELECT e.code, u.code, b.fee_item, b.period, b.amount_fen, b.due_date
FROM json_to_recordset(CAST(:keys AS json)) AS k(unit_id bigint, fee_item text, period date)
JOIN bill b ON b.unit_id = k.unit_id AND b.fee_item = k.fee_item AND b.period = k.period
  AND b.voided_at IS NOT NULL AND b.tariff_id IS NULL AND b.charge_id IS NULL
JOIN unit u ON u.id = b.unit_id
JOIN estate e ON e.id = b.estate_id
""")


def voided_openings(session: Session, keys: Sequence[Mapping[str, object]]) -> set[Key]:
    """(estate, unit, fee item, period, amount_fen, due_date) of opening balances that were voided; `keys` as above."""
    return {tuple(row) for row in session.execute(VOIDED_OPENINGS, {"keys": as_json(keys)})}


@dataclass(frozen=True)
class BilledReading:
    """A reading that a standing bill was made from and that stands differently now.

    `closes`: the bill ends with it, and the next one begins with it; otherwise it begins with it.
    """

    unit_id: int
    meter: str
    read_on: date
    period: date
    value: Decimal
    closes: bool


BILLED_READINGS = text("""
SELECT DISTINCT ON (g.unit_id, g.meter, g.read_on) g.unit_id, g.meter, g.read_on, b.period,
       m.to_on = g.read_on AS closes,
       CASE WHEN m.to_on = g.read_on THEN m.to_reading ELSE m.from_reading END AS value
FROM json_to_recordset(CAST(:rows AS json)) AS g(unit_id bigint, meter text, read_on date, reading numeric)
JOIN bill b ON b.unit_id = g.unit_id AND b.voided_at IS NULL AND b.inputs->>'method' = 'metered'
CROSS JOIN LATERAL jsonb_to_recordset(b.inputs->'meters') AS m(
  meter text, from_on date, from_reading numeric, to_on date, to_reading numeric)
WHERE m.meter = g.meter AND ((m.to_on = g.read_on AND m.to_reading <> g.reading)
                             OR (m.from_on = g.read_on AND m.from_reading <> g.reading))
ORDER BY g.unit_id, g.meter, g.read_on, closes DESC, b.period
""")


def billed_readings(session: Session, readings: Sequence[Mapping[str, object]]) -> list[BilledReading]:
    """Those of the readings that bills were made from with another value; `readings` as rows of `meter_reading`."""
    if not readings:
        return []
    return rows_of(BilledReading, session.execute(BILLED_READINGS, {"rows": as_json(readings)}))


def _texts(codes: Collection[str]) -> ColumnElement[Sequence[str]]:
    # One array instead of a parameter for each of thirty thousand codes.
    return literal(sorted(codes), ARRAY(Text))


def as_json(rows: Iterable[Mapping[str, object]]) -> str:
    """Rows for json_to_recordset; dates and decimals as text, which PostgreSQL reads exactly."""
    return json.dumps([dict(row) for row in rows], default=str, ensure_ascii=False)


def upsert(
    session: Session, table: Table, key: Sequence[str], rows: Sequence[Mapping[str, object]]
) -> Sequence[Row[Any]]:
    """Insert or update rows that all have the same columns; returns (*key, created) of those that are new or changed.

    A row that is as it was is not written at all. Columns the rows do not have keep what they hold.
    """
    if not rows:
        return []
    names = list(rows[0])
    columns = (column(name, table.c[name].type) for name in names)
    source = func.json_to_recordset(cast(bindparam("rows"), JSON)).table_valued(*columns)
    source_rows = source.render_derived(name="given", with_types=True)
    statement = insert(table).from_select(names, select(*(source_rows.c[name] for name in names)))
    changing = [name for name in names if name not in key]
    statement = statement.on_conflict_do_update(
        index_elements=list(key),
        set_={name: statement.excluded[name] for name in changing},
        where=or_(*(table.c[name].is_distinct_from(statement.excluded[name]) for name in changing)),
    )
    # xmax is 0 on a row this statement inserted, and the locking transaction on one that it updated.
    is_new: ColumnElement[bool] = literal_column("(xmax = 0)", Boolean).label("created")
    parameters = {"rows": as_json(rows)}
    return session.execute(statement.returning(*(table.c[name] for name in key), is_new), parameters).all()
