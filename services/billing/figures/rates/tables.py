"""STORE of figures: queries over totals, rollups and open bills (J1, D5).

No figure scans paid bills or the ledger, but for the rate by households, which reads the bills of one window.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import Index, Row, text
from sqlalchemy.orm import Session

from services.billing.figures.rates import households_sql, rates_sql
from services.billing.figures.rates.rules import month_after
from services.billing.holds.tables import STANDS_ON
from services.billing.receivables.ledger.tables import OPEN
from services.billing.tables import rate_rollup

Index("rate_rollup_period_idx", rate_rollup.c.period, rate_rollup.c.estate_id)
Index("rate_rollup_due_date_idx", rate_rollup.c.due_date, rate_rollup.c.estate_id)
Index("rate_rollup_booked_on_idx", rate_rollup.c.booked_on)

FEW_ESTATES = 20

# Open principal per estate and age; an estate where nothing is open has one row of nulls.
RECEIVABLE = text(f"""
SELECT e.code AS estate, width_bucket(:today - b.due_date, ARRAY[1, 16, 31, 61, 366]) AS bucket,
       sum(b.amount_fen - b.paid_fen - b.waived_fen)::bigint AS fen
FROM estate e LEFT JOIN bill b ON b.estate_id = e.id AND {OPEN}
WHERE CAST(:estates AS text[]) IS NULL OR e.code = ANY (:estates)
GROUP BY e.code, bucket ORDER BY e.code, bucket
""")

HOUSEHOLDS = text(f"""
WITH scope AS (SELECT id FROM estate WHERE CAST(:estates AS text[]) IS NULL OR code = ANY (:estates))
SELECT (SELECT count(*) FROM household h JOIN scope ON scope.id = h.estate_id) AS households,
       (SELECT count(DISTINCT b.household_id) FROM bill b JOIN scope ON scope.id = b.estate_id
        WHERE {OPEN} AND b.due_date < :as_of) AS overdue_households,
       (SELECT count(DISTINCT h.household_id) FROM dunning_hold h JOIN household o ON o.id = h.household_id
        JOIN scope ON scope.id = o.estate_id WHERE {STANDS_ON}) AS held_households
""")


@dataclass(frozen=True)
class Cut:
    """A question to the rates: per `group_by`, over `window` (period, due_in, issued), with what it is filtered by."""

    group_by: str
    window: str
    as_of: date
    first: date | None = None
    estates: Sequence[str] | None = None
    filters: Mapping[str, str] = field(default_factory=dict)

    @property
    def parameters(self) -> dict[str, Any]:
        """As the statements name them."""
        month = self.as_of.replace(day=1)
        return {
            **self.filters,
            "estates": self.estates,
            "as_of": self.as_of,
            "month": month,
            "month_end": month_after(month),
            "first": self.first,
            "next": self.first and month_after(self.first),
        }


def collection_rates(session: Session, cut: Cut, *, standing: bool) -> Sequence[Row[Any]]:
    """Sums per key; keys are null where a building has no steward. `standing` adds the three windows of the month."""
    few = cut.estates is not None and len(cut.estates) <= FEW_ESTATES
    statement = rates_sql.rates(cut.group_by, cut.window, frozenset(cut.filters), standing=standing, few=few)
    return session.execute(statement, cut.parameters).all()


def paid_up(session: Session, cut: Cut) -> Sequence[Row[Any]]:
    """Households billed and households that paid in full, per key."""
    statement = households_sql.paid_up(cut.group_by, cut.window, frozenset(cut.filters))
    return session.execute(statement, cut.parameters).all()


def estate_rates(session: Session, estates: Sequence[str] | None, today: date) -> Sequence[Row[Any]]:
    """Sums and the three windows of every estate, of one without bills too (J1)."""
    cut = Cut("estate", "issued", today, estates=estates)
    statement = rates_sql.rates("estate", "issued", frozenset(), standing=True, every_estate=True)
    return session.execute(statement, cut.parameters).all()


def receivable(session: Session, estates: Sequence[str] | None, today: date) -> Sequence[Row[Any]]:
    """Open principal per estate and bucket number, 0 for what is not due yet; both null where nothing is open."""
    return session.execute(RECEIVABLE, {"estates": estates, "today": today}).all()


def households(session: Session, estates: Sequence[str] | None, today: date) -> Row[Any]:
    """How many households there are, are overdue, and are held."""
    return session.execute(HOUSEHOLDS, {"estates": estates, "as_of": today}).one()
