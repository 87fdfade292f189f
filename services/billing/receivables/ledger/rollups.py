"""SQL of rollups: what the ledger says of them, to check what booking and issue have kept (J1)."""

from services.billing.receivables.ledger.rules import DATED_BACK
from services.billing.receivables.ledger.sql import first_day

_DATED_BACK = ", ".join(f"'{kind}'" for kind in sorted(DATED_BACK))


def is_dated_back(entry: str) -> str:
    """SQL: the entry counts in the figures from the day it counts for the late fee, whenever it was booked."""
    return f"{entry}.kind IN ({_DATED_BACK})"


def rollup(keys: str, bills: str, where: str) -> str:
    """SQL of what entries `l` come to in figures, by `keys` and the day it counts (`rolled_on`, `rules.figure_day`).

    The bills must not be void: those count on no day, as if there had been none (ADR 8, 11).
    """
    return f"""
  SELECT {keys}, rolled_on, sum(CASE what WHEN 'billed' THEN fen ELSE 0 END)::bigint AS billed_fen,
         sum(CASE what WHEN 'received' THEN fen WHEN 'returned' THEN -fen ELSE 0 END)::bigint
           AS collected_fen,
         sum(CASE what WHEN 'waived' THEN fen WHEN 'unwaived' THEN -fen ELSE 0 END)::bigint AS waived_fen,
         sum(CASE what WHEN 'billed' THEN 1 ELSE 0 END)::int AS billed_count
  FROM (
    SELECT *, CASE WHEN what = 'billed' THEN LEAST(booked_on, first_issued_on)
                   WHEN money_on < figures_since THEN money_on ELSE GREATEST(money_on, first_day) END AS rolled_on
    FROM (
      SELECT b.*, e.figures_since, l.amount_fen AS fen, l.booked_on, {first_day("b")} AS first_day,
        CASE WHEN {is_dated_back("l")} THEN COALESCE(l.value_on, l.booked_on) ELSE l.booked_on END AS money_on,
        CASE WHEN l.kind = 'waiver_reversed' THEN 'unwaived'
             WHEN l.debit_account = 'receivable' AND l.credit_account IN ('fee_income', 'opening_equity') THEN 'billed'
             WHEN l.debit_account = 'receivable' THEN 'returned'
             WHEN l.debit_account = 'fee_income' THEN 'waived'
             ELSE 'received' END AS what
      FROM ledger_entry l JOIN {bills} ON b.id = l.bill_id JOIN estate e ON e.id = b.estate_id
      WHERE 'receivable' IN (l.debit_account, l.credit_account) AND {where}) entry) moved
  GROUP BY {keys}, rolled_on"""
