"""STORE of the trial balance: what the ledger says, and what is kept beside it, from one snapshot (B7)."""

from dataclasses import dataclass, replace
from typing import Literal

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.billing.receivables.trial_balance.rules import Flow, StoredSums
from services.common.rows import rows_of

# One statement, hence one snapshot: postings that commit meanwhile are in all of the sums or in none.
FLOWS_AND_SUMS = text("""
WITH scope AS (SELECT id FROM estate WHERE CAST(:estates AS text[]) IS NULL OR code = ANY (:estates))
SELECT 'flow' AS part, estate_id, debit_account AS debit, credit_account AS credit, sum(amount_fen)::bigint AS a,
       0::bigint AS b, 0::bigint AS c,
       CASE WHEN kind IN ('bill_voided', 'waiver_reversed') THEN kind ELSE '' END AS undone
FROM ledger_entry JOIN scope ON scope.id = estate_id GROUP BY estate_id, debit_account, credit_account, undone
UNION ALL
SELECT 'bills', estate_id, '', '', sum(amount_fen - paid_fen - waived_fen)::bigint, sum(waived_fen)::bigint, 0, ''
FROM bill JOIN scope ON scope.id = estate_id WHERE voided_at IS NULL GROUP BY estate_id
UNION ALL
SELECT 'credit', estate_id, '', '', sum(credit_fen)::bigint, 0, 0, ''
FROM household JOIN scope ON scope.id = estate_id WHERE credit_fen > 0 GROUP BY estate_id
UNION ALL
SELECT 'rolled', estate_id, '', '', sum(billed_fen)::bigint, sum(collected_fen)::bigint, sum(waived_fen)::bigint, ''
FROM rate_rollup JOIN scope ON scope.id = estate_id GROUP BY estate_id
""")


@dataclass(frozen=True)
class Sums:
    """Up to three sums of an estate; which ones, `part` says."""

    part: Literal["flow", "bills", "credit", "rolled"]
    estate_id: int
    debit: str
    credit: str
    a: int
    b: int
    c: int
    undone: str


def flows_and_sums(session: Session, estates: frozenset[str] | None) -> tuple[list[Flow], list[StoredSums]]:
    """The ledger's movements and what bills, households and rollups say, per estate, from one snapshot (B7)."""
    codes = None if estates is None else sorted(estates)
    rows = rows_of(Sums, session.execute(FLOWS_AND_SUMS, {"estates": codes}))
    flows = [Flow(row.estate_id, row.debit, row.credit, row.a, row.undone) for row in rows if row.part == "flow"]
    sums: dict[int, StoredSums] = {}
    for row in rows:
        was = sums.get(row.estate_id, StoredSums(row.estate_id))
        sums[row.estate_id] = replace(was, **_sums_of(row))
    return flows, list(sums.values())


def _sums_of(row: Sums) -> dict[str, int]:
    if row.part == "bills":
        return {"bills_open_fen": row.a, "bills_waived_fen": row.b}
    if row.part == "credit":
        return {"household_credit_fen": row.a}
    if row.part == "rolled":
        return {"rolled_billed_fen": row.a, "rolled_collected_fen": row.b, "rolled_waived_fen": row.c}
    return {}
