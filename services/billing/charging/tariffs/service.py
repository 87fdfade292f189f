"""DOORS to tariffs and billing policy (B1, B3)."""

from services.billing.charging.tariffs import handlers, policy
from services.billing.charging.tariffs.cycles import NOTICE_DAYS, BillingPolicy
from services.common.contracts.answers.base import Page
from services.common.contracts.answers.tariffs import (
    BillingCycle,
    BillingTiming,
    EstateBillingPolicy,
    PublishedTariffs,
    Tariff,
)
from services.common.domain.access import Caller
from services.common.process.service import EstateService, rpc


class TariffDoors(EstateService):
    """List and publish; when an estate is billed."""

    @rpc
    def list_tariffs(self, caller: Caller, estate: str) -> Page[Tariff]:
        """Every tariff version of an estate."""
        with self.transaction() as session:
            return handlers.list_tariffs(session, caller, estate)

    @rpc
    def publish_tariff(self, caller: Caller, tariff_id: int) -> Tariff:
        """Publish one version."""
        with self.transaction() as session:
            return handlers.publish_tariff(session, caller, tariff_id, self.clock())

    @rpc
    def withdraw_tariff(self, caller: Caller, tariff_id: int) -> Tariff:
        """Take back the publication of a version nothing was billed by."""
        with self.transaction() as session:
            return handlers.withdraw_tariff(session, caller, tariff_id)

    @rpc
    def publish_estate_tariffs(self, caller: Caller, estate: str) -> PublishedTariffs:
        """Publish every version that waits."""
        with self.transaction() as session:
            return handlers.publish_estate_tariffs(session, caller, estate, self.clock())

    @rpc
    def get_billing_policy(self, caller: Caller, estate: str) -> EstateBillingPolicy:
        """When an estate is billed (B3)."""
        with self.transaction() as session:
            return policy.get_policy(session, caller, estate)

    @rpc
    def put_billing_policy(
        self,
        caller: Caller,
        estate: str,
        cycle: BillingCycle,
        timing: BillingTiming,
        due_day: int,
        month_offset: int,
        roll_to_working_day: bool,
        notice_days: int = NOTICE_DAYS,
    ) -> EstateBillingPolicy:
        """Bill an estate in another way from the next run on (B3)."""
        new_policy = BillingPolicy(cycle, timing, due_day, month_offset, roll_to_working_day, notice_days)
        with self.transaction() as session:
            return policy.put_policy(session, caller, estate, new_policy)
