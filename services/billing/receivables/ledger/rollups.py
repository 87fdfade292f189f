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


def rolled(keys: str, bills: str, where: str) -> str:
    """SQL of what entries `l` come to in figures, by `keys` and the day it counts (`rolled_on`).

    Prepaid balance counts from the day it counts for the late fee, so that a reissue changes no rate of a past day. The
    bills must not be void: those count on no day, as if there had been none (ADR 8, 11).
    """
    return f"""
  SELECT {keys}, rolled_on, sum(CASE what WHEN 'billed' THEN amount_fen ELSE 0 END)::bigint AS billed_fen,
         sum(CASE what WHEN 'received' THEN amount_fen WHEN 'returned' THEN -amount_fen ELSE 0 END)::bigint
           AS collected_fen,
         sum(CASE what WHEN 'waived' THEN amount_fen WHEN 'unwaived' THEN -amount_fen ELSE 0 END)::bigint AS waived_fen,
         sum(CASE what WHEN 'billed' THEN 1 ELSE 0 END)::int AS billed_count
  FROM (
    SELECT b.estate_id, b.building, b.fee_item, b.period, b.due_date, l.amount_fen,
      CASE l.kind WHEN 'credit_applied' THEN COALESCE(l.value_on, l.booked_on) ELSE l.booked_on END AS rolled_on,
      CASE WHEN l.kind = 'waiver_reversed' THEN 'unwaived'
           WHEN l.debit_account = 'receivable' AND l.credit_account IN ('fee_income', 'opening_equity') THEN 'billed'
           WHEN l.debit_account = 'receivable' THEN 'returned'
           WHEN l.debit_account = 'fee_income' THEN 'waived'
           ELSE 'received' END AS what
    FROM ledger_entry l JOIN {bills} ON b.id = l.bill_id
    WHERE 'receivable' IN (l.debit_account, l.credit_account) AND {where}) moved
  GROUP BY {keys}, rolled_on"""


_OF_BILL = text(rolled("estate_id", "bill b", "l.bill_id = :bill_id"))


def key_of(bill: Any, booked_on: date) -> RollupKey:
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


def roll_back(session: Session, bill: Row[Any]) -> None:
    """Take a bill out of the figures of every day, before anything of its void is posted (B5)."""
    rows = session.execute(_OF_BILL, {"bill_id": bill.id})
    roll_up(
        session,
        [
            Delta(key_of(bill, r.rolled_on), -r.billed_fen, -r.collected_fen, -r.waived_fen, -r.billed_count)
            for r in rows
        ],
    )


def roll_up(session: Session, deltas: Iterable[Delta]) -> None:
    """Add to the rollups."""
    rows = [vars(delta.key) | vars(delta) for delta in sorted(deltas, key=lambda delta: astuple(delta.key))]
    if rows:
        session.execute(_ADD, [{name: value for name, value in row.items() if name != "key"} for row in rows])
