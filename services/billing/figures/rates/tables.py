"""STORE of figures: queries over totals, rollups and open bills (J1, D5).

No figure scans paid bills or the ledger, but for the rate by households, which reads the bills of one window.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from sqlalchemy import Index, TextClause, text
from sqlalchemy.orm import Session

from services.billing.figures.rates import households_sql, rates_sql
from services.billing.figures.rates.rules import month_after
from services.billing.holds.tables import stands_on
from services.billing.receivables.ledger.sql import open_bill
from services.billing.tables import rate_rollup
from services.common.contracts.answers.rates import RatesBy
from services.common.rows import row_of, rows_of

Index("rate_rollup_period_idx", rate_rollup.c.period, rate_rollup.c.estate_id)
Index("rate_rollup_due_date_idx", rate_rollup.c.due_date, rate_rollup.c.estate_id)
Index("rate_rollup_booked_on_idx", rate_rollup.c.booked_on)

FEW_ESTATES = 20

# Open principal per estate and age; an estate where nothing is open has one row of nulls.
RECEIVABLE = text(f"""
SELECT e.code AS estate, width_bucket(:today - b.due_date, ARRAY[1, 16, 31, 61, 366]) AS bucket,
       sum(b.amount_fen - b.paid_fen - b.waived_fen)::bigint AS fen
FROM estate e LEFT JOIN bill b ON b.estate_id = e.id AND {open_bill("b")}
WHERE CAST(:estates AS text[]) IS NULL OR e.code = ANY (:estates)
GROUP BY e.code, bucket ORDER BY e.code, bucket
""")

HOUSEHOLDS = text(f"""
WITH scope AS (SELECT id FROM estate WHERE CAST(:estates AS text[]) IS NULL OR code = ANY (:estates))
SELECT (SELECT count(*) FROM household h JOIN scope ON scope.id = h.estate_id) AS households,
       (SELECT count(DISTINCT b.household_id) FROM bill b JOIN scope ON scope.id = b.estate_id
        WHERE {open_bill("b")} AND b.due_date < :as_of) AS overdue_households,
       (SELECT count(DISTINCT h.household_id) FROM dunning_hold h JOIN household o ON o.id = h.household_id
        JOIN scope ON scope.id = o.estate_id WHERE {stands_on("h", ":as_of")}) AS held_households
""")


@dataclass(frozen=True)
class Cut:
    """A question to the rates: per `group_by`, over `window` (period, due_in, issued), with what it is filtered by."""

    group_by: RatesBy
    window: str
    as_of: date
    first: date | None = None
    estates: Sequence[str] | None = None
    filters: Mapping[str, str] = field(default_factory=dict)

    @property
    def parameters(self) -> dict[str, object]:
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


@dataclass(frozen=True)
class RateSums:
    """What was billed and received under a key, which is null where a building has no steward; buildings of a name are
    told apart by `estate`."""

    key: str | None
    estate: str | None = None
    billed_fen: int = 0
    collected_fen: int = 0
    waived_fen: int = 0
    billed_count: int = 0


@dataclass(frozen=True)
class Standing(RateSums):
    """The same with the three windows of the day's month."""

    current_billed_fen: int = 0
    current_collected_fen: int = 0
    cumulative_billed_fen: int = 0
    cumulative_collected_fen: int = 0
    recovery_open_fen: int = 0
    recovery_collected_fen: int = 0


@dataclass(frozen=True)
class EstateStanding(Standing):
    """Those of an estate; the key is its code."""

    key: str


@dataclass(frozen=True)
class PaidUp:
    """Households that were billed under a key, and those of them that paid in full."""

    key: str | None
    estate: str | None
    households_billed: int
    households_paid: int


@dataclass(frozen=True)
class OpenByAge:
    """Open principal of an estate in a bucket, 0 for what is not due yet; both null where nothing is open."""

    estate: str
    bucket: int | None
    fen: int | None


@dataclass(frozen=True)
class Counts:
    """How many households there are, are overdue, and are held."""

    households: int
    overdue_households: int
    held_households: int


def collection_rates(session: Session, cut: Cut) -> list[RateSums]:
    """Sums per key."""
    return rows_of(RateSums, session.execute(_rates(cut, standing=False), cut.parameters))


def standing_rates(session: Session, cut: Cut) -> list[Standing]:
    """Sums per key with the three windows of the month."""
    return rows_of(Standing, session.execute(_rates(cut, standing=True), cut.parameters))


def _rates(cut: Cut, *, standing: bool) -> TextClause:
    few = cut.estates is not None and len(cut.estates) <= FEW_ESTATES
    return rates_sql.rates(cut.group_by, cut.window, frozenset(cut.filters), standing=standing, few=few)


def paid_up(session: Session, cut: Cut) -> list[PaidUp]:
    """Households billed and households that paid in full, per key."""
    statement = households_sql.paid_up(cut.group_by, cut.window, frozenset(cut.filters))
    return rows_of(PaidUp, session.execute(statement, cut.parameters))


def estate_rates(session: Session, estates: Sequence[str] | None, today: date) -> list[EstateStanding]:
    """Sums and the three windows of every estate, of one without bills too (J1)."""
    cut = Cut("estate", "issued", today, estates=estates)
    statement = rates_sql.rates("estate", "issued", frozenset(), standing=True, every_estate=True)
    return rows_of(EstateStanding, session.execute(statement, cut.parameters))


def receivable(session: Session, estates: Sequence[str] | None, today: date) -> list[OpenByAge]:
    """Open principal per estate and bucket."""
    return rows_of(OpenByAge, session.execute(RECEIVABLE, {"estates": estates, "today": today}))


def households(session: Session, estates: Sequence[str] | None, today: date) -> Counts:
    """How many households there are, are overdue, and are held."""
    return row_of(Counts, session.execute(HOUSEHOLDS, {"estates": estates, "as_of": today}).one())
