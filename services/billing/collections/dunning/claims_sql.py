"""SQL of claims: what is demanded of a household on a day, as its statement adds it up (D1, D4, D5).

A claim is overdue principal and late fee, less the household's credit, whatever that credit is kept for.
"""

from collections.abc import Sequence
from datetime import date

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.billing.collections.dunning.rules import Claim
from services.billing.receivables.late_fee.sql import LATE_FEE
from services.billing.receivables.ledger.sql import open_bill
from services.common.rows import row_of

# Of one household: of its undisputed bills due up to `:until`, and the late fee of all undisputed ones.
_CLAIM = text(f"""
WITH subject AS (SELECT CAST(:household_id AS bigint) AS household_id), {LATE_FEE}
SELECT h.credit_fen,
  COALESCE((SELECT sum(b.amount_fen - b.paid_fen - b.waived_fen) FROM bill b
            WHERE b.household_id = h.id AND {open_bill("b")} AND b.disputed_at IS NULL AND b.due_date <= :until),
           0)::bigint AS principal_fen,
  COALESCE((SELECT sum(f.due_fen) FROM late_fee f JOIN bill b ON b.id = f.bill_id WHERE b.disputed_at IS NULL),
           0)::bigint AS late_fee_fen
FROM subject s JOIN household h ON h.id = s.household_id
""")

# Those of some households whose credit covers all that is overdue of them, in dispute or not.
_IN_CREDIT = text(f"""
WITH subject AS (SELECT unnest(CAST(:households AS bigint[])) AS household_id), {LATE_FEE}
SELECT h.id FROM subject s JOIN household h ON h.id = s.household_id
WHERE h.credit_fen >= COALESCE((SELECT sum(b.amount_fen - b.paid_fen - b.waived_fen) FROM bill b
                                WHERE b.household_id = h.id AND {open_bill("b")} AND b.due_date < :as_of), 0)
                      + COALESCE((SELECT sum(f.due_fen) FROM late_fee f WHERE f.household_id = h.id), 0)
""")
_OWING_WITH_CREDIT = text(f"""
SELECT h.id FROM household h JOIN estate e ON e.id = h.estate_id
WHERE h.credit_fen > 0 AND (CAST(:estates AS text[]) IS NULL OR e.code = ANY (:estates))
  AND (EXISTS (SELECT FROM bill b WHERE b.household_id = h.id AND {open_bill("b")} AND b.due_date < :as_of)
       OR EXISTS (SELECT FROM late_fee_left f WHERE f.household_id = h.id))
""")


def households_in_credit(session: Session, households: Sequence[int], as_of: date) -> frozenset[int]:
    """Those of the households whose credit covers all that is overdue of them; nobody asks them for anything."""
    if not households:
        return frozenset()
    key = {"households": list(households), "as_of": as_of, "past": False}
    return frozenset(session.scalars(_IN_CREDIT, key))


def owing_but_in_credit(session: Session, estates: Sequence[str] | None, as_of: date) -> list[int]:
    """Households with something overdue, of some estates or all, whose credit covers it."""
    key = {"estates": None if estates is None else list(estates), "as_of": as_of}
    return sorted(households_in_credit(session, list(session.scalars(_OWING_WITH_CREDIT, key)), as_of))


def claim_of(session: Session, household_id: int, as_of: date, until: date | None = None) -> Claim:
    """What is demanded of a household on a day for bills that nobody disputes.

    `until`: bills due up to this day; by default those that are overdue.
    """
    last = as_of.fromordinal(as_of.toordinal() - 1) if until is None else until
    key = {"household_id": household_id, "as_of": as_of, "until": last, "past": False}
    return row_of(Claim, session.execute(_CLAIM, key).one())
