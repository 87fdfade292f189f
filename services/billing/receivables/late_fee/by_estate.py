"""STORE of late fee by estate (C1): every overdue bill of a group in one statement.

Open bills nothing was paid on are read once, row by row of the terms, one product each. Those paid in part are found by
an index of their own and read their entries from another; only those marked apart, found by a third, are counted by
segments. All three indexes hold what is needed of a bill. The terms come as arrays of known length from a statement of
their own, for the planner guesses the length of what it has to compute wrong.
"""

from collections.abc import Sequence
from datetime import date

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.billing.receivables.late_fee.sql import (
    TERMS,
    chain,
    is_term_of,
    is_unmoved,
    moved_fees,
    unmoved_fee,
)
from services.billing.receivables.ledger import tables
from services.billing.receivables.ledger.sql import fee_left, moved_after, open_bill
from services.common.contracts.answers.late_fees import EstateLateFees, LateFees
from services.common.contracts.errors import NotFound
from services.common.domain.access import Caller
from services.common.domain.permissions import Permission
from services.common.rows import rows_of

_COLUMNS = {
    "estate_id": "int", "terms_from": "date", "grace_days": "int", "start_after": "int", "since_on": "date",
    "from_on": "date", "to_on": "date", "e8": "bigint",
    "due_from": "date", "due_to": "date", "sum_e8": "bigint", "due_e8": "bigint", "due_since": "date",
    "cap_e8": "bigint", "largest_fen": "bigint",
}  # fmt: skip
_ARRAYS = ", ".join(f"CAST(:{name} AS {kind}[])" for name, kind in _COLUMNS.items())
_TERMS = text(f"""
WITH {TERMS} SELECT {", ".join(f"CAST(array_agg({name}) AS text) AS {name}" for name in _COLUMNS)}
FROM late_terms WHERE CAST(:estate_ids AS int[]) IS NULL OR estate_id = ANY (:estate_ids)
""")

_SUMS = "sum(bills) AS bills, sum(principal_fen) AS principal_fen, sum(fee_fen) AS late_fee_fen"
# Bills of which only late fee is left, and bills settled since `:as_of`: neither is open.
_FEE_LEFT = "SELECT b.* FROM late_fee_left f JOIN bill b ON b.id = f.bill_id"
_SETTLED_SINCE = f"""SELECT b.* FROM bill b WHERE NOT {fee_left("b")}
    AND {moved_after("b", ":as_of")}"""


def _in_scope(bill: str) -> str:
    """SQL: the bill is of an estate that is asked for."""
    return f"(CAST(:estate_ids AS int[]) IS NULL OR {bill}.estate_id = ANY (:estate_ids))"


def _unmoved_part(terms: str) -> str:
    """Bills nothing was paid on: row by row of the terms, for then their part of the index needs no further join."""
    return f"""SELECT t.estate_id, u.* FROM {terms} t CROSS JOIN LATERAL (
      SELECT count(*) AS bills, sum(b.amount_fen) AS principal_fen, sum({unmoved_fee("b", "t")}) AS fee_fen
      FROM bill b WHERE {is_term_of("t", "b")} AND b.voided_at IS NULL AND {is_unmoved("b")}
    ) u WHERE u.bills > 0"""


def _moved_part(terms: str, bills: str, where: str) -> str:
    return f"SELECT estate_id, 1, principal_fen, fee_fen FROM ({moved_fees(bills, where, terms)}) x"


def _by_estate(settled_bills: str) -> str:
    is_open, scope = open_bill("b"), _in_scope("b")
    open_part = ("bill b", f"{is_open} AND {scope}")
    closed_part = (f"({settled_bills}) b", f"b.voided_at IS NULL AND NOT ({is_open}) AND {scope}")
    plain = [_unmoved_part("term"), _moved_part("term", *open_part), _moved_part("term", *closed_part)]
    apart = " UNION ALL ".join(
        f"SELECT b.* FROM {bills} WHERE {where} AND b.late_fee_apart" for bills, where in (open_part, closed_part)
    )
    return f"""
WITH {TERMS}, {chain(apart)}, term AS MATERIALIZED (
  SELECT * FROM unnest({_ARRAYS}) AS t({", ".join(_COLUMNS)})
), part AS (
  SELECT estate_id, {_SUMS} FROM ({" UNION ALL ".join(plain)}) x GROUP BY estate_id
  UNION ALL
  SELECT estate_id, count(*), sum(principal_fen), 0 FROM late_principal GROUP BY estate_id
  UNION ALL
  SELECT estate_id, 0, 0, sum(due_fen) FROM late_counted GROUP BY estate_id
)
SELECT e.code AS estate, sum(p.bills)::bigint AS bills, sum(p.principal_fen)::bigint AS principal_fen,
       sum(p.late_fee_fen)::bigint AS late_fee_fen
FROM part p JOIN estate e ON e.id = p.estate_id GROUP BY e.code
HAVING sum(p.principal_fen) > 0 OR sum(p.late_fee_fen) > 0 ORDER BY e.code
"""


_NOW = text(_by_estate(_FEE_LEFT))
_THEN = text(_by_estate(f"{_FEE_LEFT} UNION ALL {_SETTLED_SINCE}"))


def late_fees(session: Session, caller: Caller, estate: str | None, as_of: date, today: date) -> LateFees:
    """Late fee due, and principal that is past due and grace, by estate and in all, in fen.

    Estates without any are left out. Forbidden, NotFound.
    """
    caller.require(Permission.READ_FIGURES)
    scope = caller.estate_filter(estate)
    ids = None if scope is None else tables.estate_ids(session, scope)
    if estate is not None and not ids:
        raise NotFound(f"There is no estate {estate}.")
    estates = late_fee_by_estate(session, as_of, ids, past=as_of < today)
    return LateFees(
        as_of=as_of,
        estates=estates,
        principal_fen=sum(each.principal_fen for each in estates),
        late_fee_fen=sum(each.late_fee_fen for each in estates),
    )


def late_fee_by_estate(
    session: Session, as_of: date, estate_ids: Sequence[int] | None = None, *, past: bool = False
) -> list[EstateLateFees]:
    """By the estates' codes; `past`: with bills settled since that day."""
    key = {"as_of": as_of, "estate_ids": None if estate_ids is None else list(estate_ids)}
    terms = session.execute(_TERMS, key).one()._asdict()
    return rows_of(EstateLateFees, session.execute(_THEN if past else _NOW, terms | key))
