"""DOORS to figures, and the billing service's own metrics (J1, B7)."""

from collections.abc import Iterable
from datetime import date

from prometheus_client import Metric

from services.billing.figures.rates import handlers, totals
from services.billing.figures.rates.handlers import RateCut
from services.billing.figures.rates.metrics import Reading, figure_families, imbalance_family
from services.billing.receivables.trial_balance.handlers import imbalance_fen
from services.billing.settings import settings
from services.common.contracts.answers.rates import (
    CollectionRates,
    EstateFigures,
    GroupFigures,
    RatesBy,
    RollupCheck,
)
from services.common.database import allow_long_statements
from services.common.domain.access import Caller
from services.common.domain.calendar import business_date
from services.common.process.service import EstateService, rpc, timer

LOOK_SECONDS = 5
FOLD_SECONDS = 2
_figures: Reading[list[Metric]] = Reading()
_imbalance: Reading[int] = Reading()


class RateDoors(EstateService):
    """Collection rates, dashboards and metrics."""

    @rpc
    def collection_rates(
        self,
        caller: Caller,
        group_by: RatesBy = "estate",
        period: str | None = None,
        due_in: str | None = None,
        as_of: date | None = None,
        estate: str | None = None,
        building: str | None = None,
        steward: str | None = None,
        fee_item: str | None = None,
        windows: bool = False,
        households: bool = False,
    ) -> CollectionRates:
        """Principal received ÷ principal billed, cut as asked."""
        cut = RateCut(group_by, period, due_in, estate, building, steward, fee_item, windows, households)
        with self.transaction() as session:
            return handlers.collection_rates(session, caller, cut, as_of or business_date(self.clock()))

    @rpc
    def estate_figures(self, caller: Caller, estate: str) -> EstateFigures:
        """One estate's dashboard."""
        with self.transaction() as session:
            return handlers.estate_figures(session, caller, estate, business_date(self.clock()))

    @rpc
    def group_figures(self, caller: Caller) -> GroupFigures:
        """The group's dashboard, over the estates in scope."""
        with self.transaction() as session:
            return handlers.group_figures(session, caller, business_date(self.clock()))

    @timer(FOLD_SECONDS)
    def fold_totals(self) -> None:
        """Move what the rollups changed into the totals; one replica at a time."""
        with self.transaction() as session:
            totals.fold(session, settings().fold_rows)

    @rpc
    def rollup_check(self, caller: Caller, estate: str | None = None) -> RollupCheck:
        """Rollups and totals against the ledger."""
        with self.transaction() as session:
            allow_long_statements(session, settings().rollup_check_timeout_ms)
            return handlers.rollup_check(session, caller, estate)

    @timer(LOOK_SECONDS)
    def check_ledger(self) -> None:
        """Strike the balance ahead of the scrapes, as often as the settings allow."""
        _imbalance.at_least = settings().ledger_check_seconds
        _imbalance.get(self.read_imbalance)

    def collect_metrics(self) -> Iterable[Metric]:
        """Rates, receivable and the ledger's imbalance beside the common gauges."""
        yield from super().collect_metrics()
        yield from _figures.get(self.read_figures)
        yield imbalance_family(_imbalance.last(self.read_imbalance))

    def read_figures(self) -> list[Metric]:
        """From the database, now."""
        with self.transaction() as session:
            return figure_families(session, business_date(self.clock()))

    def read_imbalance(self) -> int:
        """From the database, now; it may take longer than other statements."""
        with self.transaction() as session:
            allow_long_statements(session, settings().ledger_check_timeout_ms)
            return imbalance_fen(session)
