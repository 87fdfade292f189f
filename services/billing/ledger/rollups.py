"""STORE of rollups: adding to what was billed, collected and waived, in the order of their keys (J1)."""

from collections.abc import Iterable
from dataclasses import astuple, dataclass
from datetime import date
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session


@dataclass(frozen=True)
class RollupKey:
    """The row of `rate_rollup` that a bill's change of one day belongs to."""

    estate_id: int
    building: str
    fee_item: str
    period: date
    due_date: date
    booked_on: date


@dataclass(frozen=True)
class Delta:
    """What changes, in fen and in bills; each may be negative."""

    key: RollupKey
    billed_fen: int = 0
    collected_fen: int = 0
    waived_fen: int = 0
    billed_count: int = 0


def key_of(bill: Row[Any], booked_on: date) -> RollupKey:
    """The key of a bill row for changes booked on a day."""
    return RollupKey(bill.estate_id, bill.building, bill.fee_item, bill.period, bill.due_date, booked_on)


_ADD = text("""
INSERT INTO rate_rollup AS r (estate_id, building, fee_item, period, due_date, booked_on, billed_fen, collected_fen,
                              waived_fen, billed_count)
VALUES (:estate_id, :building, :fee_item, :period, :due_date, :booked_on, :billed_fen, :collected_fen, :waived_fen,
        :billed_count)
ON CONFLICT (estate_id, building, fee_item, period, due_date, booked_on) DO UPDATE
SET billed_fen = r.billed_fen + excluded.billed_fen, collected_fen = r.collected_fen + excluded.collected_fen,
    waived_fen = r.waived_fen + excluded.waived_fen, billed_count = r.billed_count + excluded.billed_count
""")


def roll_up(session: Session, deltas: Iterable[Delta]) -> None:
    """Add to the rollups."""
    rows = [vars(delta.key) | vars(delta) for delta in sorted(deltas, key=lambda delta: astuple(delta.key))]
    if rows:
        session.execute(_ADD, [{name: value for name, value in row.items() if name != "key"} for row in rows])
