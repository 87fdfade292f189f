"""STORE of metered fees: readings of a slice, and which spans standing bills cover (B1)."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.billing.charging.slices.tables import Slice
from services.common.contracts.answers.portfolio import Usage
from services.common.rows import rows_of

# Of each meter the newest span before the cycle, and every span from the cycle on: any of these may have caught up what
# the cycle left. Spans are read from the bills themselves: a voided bill frees its span. A meter that stood still for
# twelve bills opens where it stands.
BILLED_SPANS = text("""
WITH spans AS (
  SELECT u.id AS unit_id, b.fee_item, b.period, b.months, m.meter, m.from_on, m.from_reading, m.to_on, m.to_reading,
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
    meter text, from_on date, from_reading numeric, to_on date, to_reading numeric)
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


@dataclass(frozen=True)
class BilledSpan:
    """A span of a meter that a standing bill covers, and what that bill billed in all."""

    unit_id: int
    fee_item: str
    period: date
    meter: str
    from_on: date
    from_reading: Decimal
    to_on: date
    to_reading: Decimal
    quantity: Decimal
    limit_months: int


@dataclass(frozen=True)
class MeterReading:
    """What a meter of a unit showed at the end of a day."""

    unit_id: int
    meter: str
    read_on: date
    reading: Decimal


@dataclass(frozen=True)
class ClosedMeter:
    """Until when a meter is billed."""

    unit_id: int
    meter: str
    closed_on: date


def billed_spans(
    session: Session, piece: Slice, usages: Sequence[Usage], fee_items: Sequence[str], first: date
) -> list[BilledSpan]:
    """Spans of standing bills, by unit, fee item and meter, oldest first."""
    parameters = _of(piece, usages) | {"fee_items": list(fee_items), "first": first}
    return rows_of(BilledSpan, session.execute(BILLED_SPANS, parameters))


def readings(
    session: Session, piece: Slice, usages: Sequence[Usage], first: date, last: date, since: Iterable[ClosedMeter]
) -> list[MeterReading]:
    """Readings by unit, meter and day, of each meter from where it was billed `since`."""
    closed_meters = json.dumps([asdict(meter) for meter in since], default=str)
    parameters = _of(piece, usages) | {"first": first, "last": last, "since": closed_meters}
    return rows_of(MeterReading, session.execute(READINGS, parameters))


def _of(piece: Slice, usages: Sequence[Usage]) -> dict[str, object]:
    return {
        "estate_id": piece.estate_id,
        "from_unit_id": piece.from_unit_id,
        "to_unit_id": piece.to_unit_id,
        "usages": list(usages),
    }
