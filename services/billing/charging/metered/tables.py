"""STORE of metered fees: readings of a slice, and which spans standing bills cover (B1)."""

import json
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from services.billing.charging.slices.tables import Slice

# Of each meter the newest span before the cycle, and every span from the cycle on: any of these may have caught up what
# the cycle left. Spans are read from the bills themselves: a voided bill frees its span. A meter that stood still for
# twelve bills opens where it stands.
BILLED = text("""
WITH spans AS (
  SELECT u.id AS unit_id, b.fee_item, b.period, b.months, m.meter, m.from_on, m.to_on, m.to_reading,
         (b.inputs->>'quantity')::numeric AS quantity, (b.inputs->>'limit_months')::int AS limit_months,
         row_number() OVER (PARTITION BY u.id, b.fee_item, m.meter, b.period < :first ORDER BY m.to_on DESC) AS n
  FROM unit u
  CROSS JOIN unnest(CAST(:fee_items AS text[])) AS f(fee_item)
  CROSS JOIN LATERAL (
    (SELECT fee_item, period, months, inputs FROM bill
     WHERE unit_id = u.id AND fee_item = f.fee_item AND voided_at IS NULL AND charge_id IS NULL AND period < :first
     ORDER BY period DESC LIMIT 12)
    UNION ALL
    SELECT fee_item, period, months, inputs FROM bill
    WHERE unit_id = u.id AND fee_item = f.fee_item AND voided_at IS NULL AND charge_id IS NULL AND period >= :first) b
  CROSS JOIN LATERAL jsonb_to_recordset(b.inputs->'meters') AS m(
    meter text, from_on date, to_on date, to_reading numeric)
  WHERE u.estate_id = :estate_id AND u.id >= :from_unit_id AND u.id < :to_unit_id AND u.usage = ANY (:usages)
    AND b.inputs->>'method' = 'metered'
)
SELECT * FROM spans WHERE period >= :first OR n = 1 ORDER BY unit_id, fee_item, meter, to_on
""")

# From the opening reading on: where the last billed span ended, or the last reading before the cycle; else all.
READINGS = text("""
WITH since AS MATERIALIZED (
  SELECT * FROM jsonb_to_recordset(CAST(:since AS jsonb)) AS s(unit_id bigint, meter text, closed_on date)
), found AS (
  SELECT r.unit_id, r.meter, r.read_on, r.reading,
         max(r.read_on) FILTER (WHERE r.read_on < :first) OVER (PARTITION BY r.unit_id, r.meter) AS before
  FROM meter_reading r JOIN unit u ON u.id = r.unit_id
  WHERE u.estate_id = :estate_id AND u.id >= :from_unit_id AND u.id < :to_unit_id AND u.usage = ANY (:usages)
    AND r.read_on <= :last
)
SELECT f.unit_id, f.meter, f.read_on, f.reading FROM found f LEFT JOIN since s USING (unit_id, meter)
WHERE f.read_on >= coalesce(least(s.closed_on, f.before), '-infinity')
ORDER BY f.unit_id, f.meter, f.read_on
""")


def billed_spans(
    session: Session, piece: Slice, usages: Sequence[str], fee_items: Sequence[str], first: date
) -> Sequence[Row[Any]]:
    """(unit_id, fee_item, period, months, meter, from_on, to_on, to_reading, quantity, limit_months) of bills."""
    return session.execute(BILLED, _of(piece, usages) | {"fee_items": list(fee_items), "first": first}).all()


def readings(
    session: Session, piece: Slice, usages: Sequence[str], first: date, last: date, since: Iterable[dict[str, Any]]
) -> Sequence[Row[Any]]:
    """(unit_id, meter, read_on, reading) by unit, meter and day; `since` are {unit_id, meter, closed_on}."""
    days = {"first": first, "last": last, "since": json.dumps(list(since), default=str)}
    return session.execute(READINGS, _of(piece, usages) | days).all()


def _of(piece: Slice, usages: Sequence[str]) -> dict[str, Any]:
    return {
        "estate_id": piece.estate_id,
        "from_unit_id": piece.from_unit_id,
        "to_unit_id": piece.to_unit_id,
        "usages": list(usages),
    }
