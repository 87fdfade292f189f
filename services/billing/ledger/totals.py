"""STORE of late fee by estate (C1): every overdue bill of a group in one statement.

Bills as they were issued are scanned once, each one product; only those something happened to are counted by segments,
and they are found by an index of their own. The terms go in as arrays, for a common table expression would keep the
scan from being shared among the server's workers.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from services.billing.ledger.late_fee import AS_ISSUED, OPEN_BILL, PLAIN_FEE, TERM_OF_BILL, TERMS, chain

_TERMS = text(f"WITH {TERMS} SELECT * FROM late_terms ORDER BY estate_id, from_on")
_COLUMNS = {
    "estate_id": "int", "capped": "boolean", "grace_days": "int", "start_after": "int", "e8": "bigint",
    "from_on": "date", "to_on": "date", "upto": "date", "later_e8": "bigint",
}  # fmt: skip
_ARRAYS = ", ".join(f"CAST(:{name} AS {kind}[])" for name, kind in _COLUMNS.items())

_MOVED = f"""
  SELECT b.* FROM bill b WHERE {OPEN_BILL} AND (b.paid_fen > 0 OR b.waived_fen > 0 OR b.late_fee_apart)
    AND (CAST(:estate_ids AS int[]) IS NULL OR b.estate_id = ANY (:estate_ids))
  UNION ALL
  SELECT b.* FROM late_fee_left f JOIN bill b ON b.id = f.bill_id AND NOT ({OPEN_BILL})
  WHERE CAST(:estate_ids AS int[]) IS NULL OR b.estate_id = ANY (:estate_ids)"""
_SETTLED_SINCE = f"""
  UNION ALL
  SELECT b.* FROM bill b WHERE NOT ({OPEN_BILL})
    AND (CAST(:estate_ids AS int[]) IS NULL OR b.estate_id = ANY (:estate_ids))
    AND NOT EXISTS (SELECT FROM late_fee_left f WHERE f.bill_id = b.id)
    AND EXISTS (SELECT FROM ledger_entry n WHERE n.bill_id = b.id AND COALESCE(n.value_on, n.booked_on) > :as_of)"""


def _by_estate(candidates: str) -> str:
    return f"""
WITH {TERMS}, {chain(candidates)}, part AS (
  SELECT b.estate_id, count(*) AS bills, sum({PLAIN_FEE}) AS fen
  FROM bill b JOIN unnest({_ARRAYS}) AS t({", ".join(_COLUMNS)}) ON {TERM_OF_BILL}
  WHERE {OPEN_BILL} AND {AS_ISSUED} GROUP BY b.estate_id
  UNION ALL
  SELECT estate_id, count(*) FILTER (WHERE due_fen > 0), sum(due_fen) FROM late_counted GROUP BY estate_id
)
SELECT estate_id, sum(bills)::bigint AS bills, sum(fen)::bigint AS late_fee_fen FROM part GROUP BY estate_id
"""


_NOW = text(_by_estate(_MOVED))
_THEN = text(_by_estate(_MOVED + _SETTLED_SINCE))


def late_fee_by_estate(
    session: Session, as_of: date, estate_ids: Sequence[int] | None = None, *, past: bool = False
) -> Sequence[Row[Any]]:
    """`estate_id, bills, late_fee_fen` of estates that have any; `past`: with bills settled since that day."""
    terms = session.execute(_TERMS, {"as_of": as_of}).all()
    wanted = [term for term in terms if estate_ids is None or term.estate_id in estate_ids]
    arrays = {name: [getattr(term, name) for term in wanted] for name in _COLUMNS}
    named = {"as_of": as_of, "estate_ids": None if estate_ids is None else list(estate_ids)}
    return session.execute(_THEN if past else _NOW, arrays | named).all()
