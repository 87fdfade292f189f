"""STORE of slices: the pieces of a bill run, planned, locked, loaded and finished, several at once (B4)."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from services.billing.charging.tariffs.cycles import BillingPolicy
from services.billing.charging.tariffs.rules import Rate
from services.billing.charging.tariffs.versions import GROUP_DEFAULT
from services.common.contracts.answers.bills import RunAnomaly
from services.common.domain.calendar import add_months
from services.common.fields import LARGEST_BIGINT
from services.common.locks import Lock
from services.common.prepared import Prepared

END_OF_UNITS = LARGEST_BIGINT
_POLICY = tuple(BillingPolicy.__dataclass_fields__)


@dataclass(frozen=True)
class Slice:
    """One piece of a run: the units of one estate from `from_unit_id` up to, not including, `to_unit_id`.

    `first` of its estate: that one tells what concerns the whole estate. `first_open`: the first day of the estate on
    which something can still be booked (B8). `policy`: the estate's own, or else the group's default (B3).
    `credited_households`: those of the estate that have a prepaid balance, locked (B6).

    The last four spare a slice questions; they may err by saying yes: whether any of its units may have changed hands
    (A1), or its status (B3), whether the estate has bills for several months (B3), whether an owner moved in within a
    year before its end. `opened_on`: nothing is billed for days before it.
    """

    id: int
    run_id: UUID
    estate_id: int
    estate: str
    from_unit_id: int
    to_unit_id: int
    period: date
    fee_items: frozenset[str] | None
    dry_run: bool
    is_finished: bool
    first: bool
    first_open: date
    policy: BillingPolicy
    credited_households: Sequence[int]
    opened_on: date | None = None
    changed_hands: bool = True
    changed_status: bool = True
    billed_longer: bool = True
    moved_in: bool = True


@dataclass(frozen=True)
class RatesUsed:
    """What the bills of a slice were made from, kept so that each can be explained after prices have changed."""

    policy: BillingPolicy
    due_date: date
    rates: Sequence[Rate]


@dataclass(frozen=True)
class Outcome:
    """What became of a slice; of its anomalies the first ones."""

    id: int
    bills: int
    amount_fen: int
    rates: RatesUsed
    anomalies: Sequence[RunAnomaly] = ()
    anomaly_count: int = 0


# From one slice's first unit the index leads to the next one's, `size` units on: nothing is sorted or numbered.
PLAN = text("""
WITH RECURSIVE cut AS (
  SELECT e.id AS estate_id, 0 AS n, CAST(0 AS bigint) AS from_unit_id, c.*
  FROM estate e CROSS JOIN LATERAL (
    SELECT count(*) AS units, max(id) AS last FROM (
      SELECT id FROM unit WHERE estate_id = e.id ORDER BY estate_id, id LIMIT :size + 1) u) c
  WHERE e.id = ANY (:estate_ids)
  UNION ALL
  SELECT b.estate_id, b.n + 1, b.last, c.*
  FROM cut b CROSS JOIN LATERAL (
    SELECT count(*) AS units, max(id) AS last FROM (
      SELECT id FROM unit WHERE estate_id = b.estate_id AND id >= b.last ORDER BY estate_id, id LIMIT :size + 1) u) c
  WHERE b.units > :size
), planned AS (
  INSERT INTO bill_run_slice (run_id, estate_id, from_unit_id, to_unit_id)
  SELECT CAST(:run_id AS uuid), estate_id, from_unit_id, CASE WHEN units > :size THEN last END
  FROM cut ORDER BY n, estate_id
  RETURNING id, estate_id, from_unit_id
)
SELECT p.id, least(c.units, :size) AS units FROM planned p JOIN cut c USING (estate_id, from_unit_id) ORDER BY p.id
""")
_NAME_REQUEST = text("UPDATE bill_run_slice SET event_id = CAST(:event_id AS uuid) WHERE id = ANY (:ids)")


def plan(session: Session, run_id: UUID, estate_ids: Sequence[int], size: int) -> list[tuple[int, int]]:
    """Cut the estates into slices of at most `size` units; returns (id, units) of each.

    First slices of all estates come first, so that replicas do not queue for the lock of one large estate.
    """
    rows = session.execute(PLAN, {"run_id": str(run_id), "estate_ids": list(estate_ids), "size": size})
    return [(row.id, row.units) for row in rows]


def name_requests(session: Session, requests: Iterable[tuple[Sequence[int], UUID]]) -> None:
    """Remember which event asks for which slices, so that parked ones can be told."""
    session.execute(_NAME_REQUEST, [{"ids": list(ids), "event_id": str(event_id)} for ids, event_id in requests])


# Prepared, because they run for every message: each took longer to build and to plan than to run.
LOCK = Prepared(
    "lock_slices",
    f"""
SELECT {Lock.ESTATE.exclusive("estate_id")}
FROM (SELECT DISTINCT estate_id FROM bill_run_slice WHERE id = ANY (:ids) ORDER BY estate_id) e
""",
    {"ids": "bigint[]"},
)

# Households are locked before bills, in the order of their ids; whoever else locks some of an estate holds the estate.
# Units of other estates may lie between those of an estate: then somebody is asked for who need not be.
SLICES = Prepared(
    "slices",
    f"""
SELECT s.*, r.period, r.fee_items, r.dry_run, e.code, e.opened_on, NOT EXISTS (
         SELECT FROM bill_run_slice o
         WHERE o.run_id = s.run_id AND o.estate_id = s.estate_id AND o.from_unit_id < s.from_unit_id) AS first,
       (SELECT max(c.period) FROM ledger_close c WHERE c.estate_id = s.estate_id) AS last_closed,
       ARRAY(SELECT id FROM household h WHERE h.estate_id = s.estate_id AND h.credit_fen > 0
               AND h.credit_fen > h.reserved_fen
             ORDER BY id FOR UPDATE) AS credited,
       EXISTS (SELECT FROM unit_payer p
               WHERE p.unit_id >= (SELECT min(id) FROM unit WHERE estate_id = s.estate_id)
                 AND p.unit_id <= (SELECT max(id) FROM unit WHERE estate_id = s.estate_id)) AS changed_hands,
       EXISTS (SELECT FROM unit_status d
               WHERE d.unit_id >= (SELECT min(id) FROM unit WHERE estate_id = s.estate_id)
                 AND d.unit_id <= (SELECT max(id) FROM unit WHERE estate_id = s.estate_id)) AS changed_status,
       EXISTS (SELECT FROM bill b WHERE b.estate_id = s.estate_id AND b.months > 1) AS billed_longer,
       EXISTS (SELECT FROM unit u WHERE u.estate_id = s.estate_id AND u.id >= s.from_unit_id
                 AND u.id < coalesce(s.to_unit_id, {END_OF_UNITS}) AND u.move_in_date > r.period - 366) AS moved_in,
       {", ".join(f"p.{name} AS policy_{name}" for name in _POLICY)}
FROM bill_run_slice s JOIN bill_run r ON r.id = s.run_id JOIN estate e ON e.id = s.estate_id
CROSS JOIN LATERAL (SELECT * FROM billing_policy WHERE estate_id IN (s.estate_id, {GROUP_DEFAULT})
                    ORDER BY estate_id DESC LIMIT 1) p
WHERE s.id = ANY (:ids) ORDER BY s.estate_id, s.id
""",
    {"ids": "bigint[]"},
)

FINISH = Prepared(
    "finish_slices",
    """
UPDATE bill_run_slice s SET bills = d.bills, amount_fen = d.amount_fen, rates = d.rates, anomalies = d.anomalies,
       anomaly_count = d.anomaly_count, finished_at = :finished_at
FROM jsonb_to_recordset(:done) AS d(id bigint, bills int, amount_fen bigint, rates jsonb, anomalies jsonb,
                                    anomaly_count int)
WHERE s.id = d.id
""",
    {"done": "jsonb", "finished_at": "timestamptz"},
)


def lock(session: Session, slice_ids: Sequence[int]) -> None:
    """Hold the estates of slices alone, as `lock_estate` does, in the order of their ids.

    Only what is read after it is true: another replica may have finished a slice before we got the lock.
    """
    LOCK.execute(session, {"ids": list(slice_ids)})


def load(session: Session, slice_ids: Sequence[int]) -> list[Slice]:
    """Slices with what their run asks for, by estate; LookupError when one is not there."""
    pieces = [_slice(row) for row in SLICES.execute(session, {"ids": list(slice_ids)})]
    if len(pieces) != len(set(slice_ids)):
        raise LookupError("a slice is not there")
    return pieces


def _slice(row: Row[Any]) -> Slice:
    return Slice(
        id=row.id,
        run_id=row.run_id,
        estate_id=row.estate_id,
        estate=row.code,
        from_unit_id=row.from_unit_id,
        to_unit_id=END_OF_UNITS if row.to_unit_id is None else row.to_unit_id,
        period=row.period,
        fee_items=None if row.fee_items is None else frozenset(row.fee_items),
        dry_run=row.dry_run,
        is_finished=row.finished_at is not None,
        first=row.first,
        first_open=add_months(row.last_closed, 1) if row.last_closed else date.min,
        policy=BillingPolicy(**{name: row._mapping[f"policy_{name}"] for name in _POLICY}),
        credited_households=row.credited,
        opened_on=row.opened_on,
        changed_hands=row.changed_hands,
        changed_status=row.changed_status,
        billed_longer=row.billed_longer,
        moved_in=row.moved_in,
    )


def finish(session: Session, outcomes: Sequence[Outcome], at: datetime) -> None:
    """Mark slices done."""
    rows = json.dumps([asdict(outcome) for outcome in outcomes], default=str)
    FINISH.execute(session, {"done": rows, "finished_at": at})
