"""DOORS of measures: the arrears ledger and its sums, dunning efficiency (D5, D8)."""

from datetime import date

from services.billing.collections.dunning.measures import arrears, efficiency
from services.billing.collections.dunning.measures.arrears import ArrearsCut
from services.common.contracts.answers.base import Page
from services.common.contracts.answers.dunning import Arrears, ArrearsBy, ArrearsSummary, Efficiency, EfficiencyBy
from services.common.contracts.answers.portfolio import Cause
from services.common.domain.access import Caller
from services.common.domain.calendar import business_date
from services.common.paging import DEFAULT_LIMIT, Limit
from services.common.process.service import EstateService, rpc


class MeasureDoors(EstateService):
    """What arrears add up to, and what dunning brings in."""

    @rpc
    def list_arrears(
        self,
        caller: Caller,
        estate: str | None = None,
        building: str | None = None,
        steward: str | None = None,
        bucket: str | None = None,
        cause: Cause | None = None,
        limit: Limit = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> Page[Arrears]:
        """Overdue households."""
        cut = ArrearsCut(estate, building, steward, bucket, cause)
        with self.transaction() as session:
            return arrears.list_arrears(session, caller, cut, limit, cursor, business_date(self.clock()))

    @rpc
    def arrears_summary(
        self,
        caller: Caller,
        group_by: ArrearsBy = "bucket",
        estate: str | None = None,
        building: str | None = None,
        steward: str | None = None,
        bucket: str | None = None,
        cause: Cause | None = None,
    ) -> ArrearsSummary:
        """Overdue principal and households, added up."""
        cut = ArrearsCut(estate, building, steward, bucket, cause)
        with self.transaction() as session:
            return arrears.arrears_summary(session, caller, cut, group_by, business_date(self.clock()))

    @rpc
    def dunning_efficiency(
        self, caller: Caller, from_date: date, to_date: date, estate: str | None = None, group_by: EfficiencyBy = "step"
    ) -> Efficiency:
        """What each step brought in."""
        with self.transaction() as session:
            return efficiency.dunning_efficiency(session, caller, estate, from_date, to_date, group_by)
