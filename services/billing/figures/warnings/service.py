"""DOORS to early warnings and to the plans they are measured by (J3)."""

from collections.abc import Iterable
from datetime import date, timedelta

from prometheus_client import Metric

from services.billing.figures.rates.metrics import Reading
from services.billing.figures.warnings import handlers
from services.billing.figures.warnings.handlers import Share, TargetPoint
from services.billing.settings import settings
from services.common.contracts.answers.base import Page
from services.common.contracts.answers.warnings import CollectionTarget, EarlyWarning, WarningKind
from services.common.domain.access import Caller
from services.common.domain.calendar import WorkingCalendar, business_date
from services.common.observability.metrics import gauge
from services.common.paging import DEFAULT_LIMIT, Limit
from services.common.process.service import EstateService, rpc, timer

LOOK_SECONDS = 15
_gaps: Reading[Metric] = Reading()


class WarningDoors(EstateService):
    """Collection targets and warnings."""

    @rpc
    def set_collection_target(
        self,
        caller: Caller,
        estate: str | None = None,
        period: str | None = None,
        rate: Share | None = None,
        curve: list[TargetPoint] | None = None,
    ) -> CollectionTarget:
        """Plan a month's collection."""
        with self.transaction() as session:
            return handlers.set_target(session, caller, estate, period, rate, curve, self.clock())

    @rpc
    def list_collection_targets(self, caller: Caller, estate: str | None = None) -> Page[CollectionTarget]:
        """Plans as they were set."""
        with self.transaction() as session:
            return handlers.list_targets(session, caller, estate)

    @rpc
    def list_warnings(
        self,
        caller: Caller,
        kind: WarningKind | None = None,
        estate: str | None = None,
        since: date | None = None,
        limit: Limit = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> Page[EarlyWarning]:
        """Warnings, newest first."""
        with self.transaction() as session:
            return handlers.list_warnings(session, caller, kind, estate, since, limit, cursor)

    @timer(LOOK_SECONDS)
    def warn_early(self) -> None:
        """Look at the day that has ended; any replica, any number of times."""
        with self.transaction() as session:
            handlers.warn(session, self.clock(), WorkingCalendar(), settings().calendar_lead_days)

    def collect_metrics(self) -> Iterable[Metric]:
        """How far estates are below plan, beside the other gauges."""
        yield from super().collect_metrics()
        yield _gaps.get(self.read_gaps)

    def read_gaps(self) -> Metric:
        """From the database, now."""
        with self.transaction() as session:
            gap_by_estate = handlers.gaps(session, business_date(self.clock()) - timedelta(days=1))
        description = "Planned share of the bills due in the month less the share collected, 0 when on plan"
        samples = [([estate], float(gap)) for estate, gap in gap_by_estate.items()]
        return gauge("estateloop_collection_below_plan", description, ["estate"], samples)
