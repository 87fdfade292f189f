"""STORE of late fee by estate (C1): every overdue bill of a group in one statement.

Open bills are scanned once, each a product less what its payments spared; only those marked apart are counted by
segments, and they are found by an index of their own. The terms go in as arrays, for a common table expression would keep the
scan from being shared among the server's workers.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from services.billing.ledger.late_fee import OPEN_BILL, PLAIN_FEE, TERM_OF_BILL, TERMS, chain

_TERMS = text(f"WITH {TERMS} SELECT * FROM late_terms ORDER BY estate_id, from_on")
_COLUMNS = {
    "estate_id": "int", "capped": "boolean", "grace_days": "int", "start_after": "int", "e8": "bigint",
    "from_on": "date", "to_on": "date", "upto": "date", "later_e8": "bigint", "froms": "text", "uptos": "text",
    "e8s": "text",
}  # fmt: skip
_ARRAYS = ", ".join(f"CAST(:{name} AS {kind}[])" for name, kind in _COLUMNS.items())

_SCOPE = "(CAST(:estate_ids AS int[]) IS NULL OR b.estate_id = ANY (:estate_ids))"
# Bills of which only late fee is left, and bills settled since `:as_of`: neither is open.
_FEE_LEFT = "SELECT b.* FROM late_fee_left f JOIN bill b ON b.id = f.bill_id"
_SETTLED_SINCE = """SELECT b.* FROM bill b WHERE NOT EXISTS (SELECT FROM late_fee_left f WHERE f.bill_id = b.id)
    AND EXISTS (SELECT FROM ledger_entry n WHERE n.bill_id = b.id AND COALESCE(n.value_on, n.booked_on) > :as_of)"""


def _by_estate(settled: str) -> str:
    terms = f"unnest({_ARRAYS}) AS t({', '.join(_COLUMNS)}) ON {TERM_OF_BILL}"
    closed = f"SELECT b.* FROM ({settled}) b WHERE b.voided_at IS NULL AND NOT ({OPEN_BILL}) AND {_SCOPE}"
    apart = f"SELECT b.* FROM bill b WHERE {OPEN_BILL} AND b.late_fee_apart AND {_SCOPE}"
    return f"""
WITH {TERMS}, {chain(f"{apart} UNION ALL {closed}")}, part AS (
  SELECT b.estate_id, count(*) AS bills, sum({PLAIN_FEE}) AS fen FROM bill b JOIN {terms}
  WHERE {OPEN_BILL} AND NOT b.late_fee_apart GROUP BY b.estate_id
  UNION ALL
  SELECT b.estate_id, count(*), sum({PLAIN_FEE}) FROM ({closed}) b JOIN {terms}
  WHERE NOT b.late_fee_apart GROUP BY b.estate_id
  UNION ALL
  SELECT estate_id, count(*), sum(due_fen) FROM late_counted GROUP BY estate_id
)
SELECT estate_id, sum(bills)::bigint AS bills, sum(fen)::bigint AS late_fee_fen FROM part GROUP BY estate_id
"""


_NOW = text(_by_estate(_FEE_LEFT))
_THEN = text(_by_estate(f"{_FEE_LEFT} UNION ALL {_SETTLED_SINCE}"))


def late_fee_by_estate(
    session: Session, as_of: date, estate_ids: Sequence[int] | None = None, *, past: bool = False
) -> Sequence[Row[Any]]:
    """`estate_id, bills, late_fee_fen` of estates that have any; `past`: with bills settled since that day."""
    terms = session.execute(_TERMS, {"as_of": as_of}).all()
    wanted = [term for term in terms if estate_ids is None or term.estate_id in estate_ids]
    arrays = {name: [getattr(term, name) for term in wanted] for name in _COLUMNS}
    named = {"as_of": as_of, "estate_ids": None if estate_ids is None else list(estate_ids)}
    return session.execute(_THEN if past else _NOW, arrays | named).all()
