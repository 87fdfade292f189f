"""DOORS to the portfolio: what there is, who pays for it and who answers for it (A1, A2, A4)."""

from datetime import date
from uuid import UUID

from services.billing.portfolio.estates import handlers, statuses
from services.billing.portfolio.estates.statuses import StatusRequest
from services.billing.portfolio.estates.takeover import take_over
from services.billing.portfolio.files import handlers as files
from services.billing.portfolio.files.handlers import FileChange
from services.billing.portfolio.files.rules import CoOwner
from services.billing.portfolio.stewards import handlers as stewards
from services.billing.portfolio.transfers import handlers as transfers
from services.billing.portfolio.transfers.handlers import Place, TransferRequest
from services.common.contracts.answers.base import Page
from services.common.contracts.answers.files import Owners
from services.common.contracts.answers.portfolio import (
    Building,
    Estate,
    Household,
    PayerRole,
    Regions,
    Unit,
    UnitStatus,
)
from services.common.contracts.answers.statuses import ChangedStatus, UnitStatuses
from services.common.contracts.answers.stewards import Steward, Stewardship
from services.common.contracts.answers.transfers import Payers, Transfer
from services.common.contracts.events import (
    ComplaintClosed,
    ComplaintOpened,
    ComplaintReopened,
    WorkOrderFinished,
    WorkOrderOpened,
    WorkOrderReopened,
)
from services.common.domain.access import Caller
from services.common.domain.calendar import business_date
from services.common.fields import Reason
from services.common.messaging import Message, first_delivery
from services.common.paging import DEFAULT_LIMIT, Limit
from services.common.process.service import EstateService, event_handler, rpc, timer

TAKE_OVER_SECONDS = 60


class PayerDoors(EstateService):
    """Who pays for a unit on which days, who owns it beside, who answers for a building."""

    @rpc
    def transfer_unit(
        self,
        caller: Caller,
        request_id: UUID,
        estate: str,
        unit: str,
        household: str,
        role: PayerRole,
        from_date: date,
        reason: Reason,
        to_date: date | None = None,
        status: UnitStatus | None = None,
        owner_name: str | None = None,
        owner_phone: str | None = None,
    ) -> Transfer:
        """A unit passes to another payer from a day on."""
        request = TransferRequest(household, role, from_date, reason, to_date, status, owner_name, owner_phone)
        with self.transaction() as session:
            return transfers.transfer(session, caller, Place(estate, unit), request, request_id, self.clock())

    @rpc
    def undo_transfer(self, caller: Caller, estate: str, unit: str, transfer_id: UUID, reason: Reason) -> Transfer:
        """The transfer recorded last never was."""
        with self.transaction() as session:
            return transfers.undo(session, caller, Place(estate, unit), transfer_id, reason, self.clock())

    @rpc
    def list_payers(self, caller: Caller, estate: str, unit: str) -> Payers:
        """Who paid, pays and will pay for a unit."""
        with self.transaction() as session:
            return transfers.payers(session, caller, Place(estate, unit), business_date(self.clock()))

    @timer(TAKE_OVER_SECONDS)
    def take_over_due(self) -> None:
        """What was recorded for a day takes effect when it comes, estate by estate, in whichever replica."""
        with self.transaction() as session:
            due = transfers.estates_due(session, self.clock())
        for estate_id in due:
            with self.transaction() as session:
                take_over(session, estate_id, self.clock())

    @rpc
    def set_owners(self, caller: Caller, estate: str, unit: str, owners: list[CoOwner]) -> Owners:
        """The co-owners of a unit from now on."""
        with self.transaction() as session:
            return files.set_owners(session, caller, estate, unit, owners, self.clock())

    @rpc
    def get_owners(self, caller: Caller, estate: str, unit: str) -> Owners:
        """The co-owners of a unit, today's and former ones."""
        with self.transaction() as session:
            return files.get_owners(session, caller, estate, unit)

    @rpc
    def set_steward(
        self, caller: Caller, estate: str, building: str, staff: str, from_date: date | None = None
    ) -> Steward:
        """A steward answers for a building from a day on, today when none is named."""
        day = from_date or business_date(self.clock())
        with self.transaction() as session:
            return stewards.set_steward(session, caller, estate, building, staff, day, self.clock())

    @rpc
    def get_steward(self, caller: Caller, estate: str, building: str) -> Steward:
        """Who answers for a building, and who did and will."""
        with self.transaction() as session:
            return stewards.get_steward(session, caller, estate, building, business_date(self.clock()))

    @rpc
    def list_stewardships(self, caller: Caller, estate: str) -> Page[Stewardship]:
        """Every term of every steward on an estate."""
        with self.transaction() as session:
            return stewards.list_stewardships(session, caller, estate)


class StatusDoors(EstateService):
    """Whether a unit is occupied, vacant or unsold, day by day."""

    @rpc
    def set_unit_status(
        self, caller: Caller, estate: str, unit: str, status: UnitStatus, from_date: date | None = None
    ) -> ChangedStatus:
        """A unit has a status from a day on, today when none is named."""
        request = StatusRequest(status, from_date or business_date(self.clock()))
        with self.transaction() as session:
            return statuses.set_status(session, caller, Place(estate, unit), request, self.clock())

    @rpc
    def list_unit_statuses(self, caller: Caller, estate: str, unit: str) -> UnitStatuses:
        """The status a unit had, has and will have."""
        with self.transaction() as session:
            return statuses.statuses(session, caller, Place(estate, unit), business_date(self.clock()))


class ServedDoors(EstateService):
    """What other services tell of a household's complaints and orders, for its file (A2)."""

    @event_handler(ComplaintOpened)
    def on_complaint_opened_for_file(self, message: Message) -> None:
        """A complaint was opened."""
        with self.transaction() as session:
            if first_delivery(session, message):
                files.note_opened(session, ComplaintOpened.parse(message))

    @event_handler(ComplaintReopened)
    def on_complaint_reopened_for_file(self, message: Message) -> None:
        """A complaint was opened again."""
        with self.transaction() as session:
            if first_delivery(session, message):
                files.note_reopened(session, ComplaintReopened.parse(message))

    @event_handler(ComplaintClosed)
    def on_complaint_closed_for_file(self, message: Message) -> None:
        """A complaint was closed."""
        with self.transaction() as session:
            if first_delivery(session, message):
                files.note_closed(session, ComplaintClosed.parse(message))

    @event_handler(WorkOrderOpened)
    def on_work_order_opened_for_file(self, message: Message) -> None:
        """An order was opened."""
        with self.transaction() as session:
            if first_delivery(session, message):
                files.note_opened(session, WorkOrderOpened.parse(message))

    @event_handler(WorkOrderReopened)
    def on_work_order_reopened_for_file(self, message: Message) -> None:
        """An order was sent back."""
        with self.transaction() as session:
            if first_delivery(session, message):
                files.note_reopened(session, WorkOrderReopened.parse(message))

    @event_handler(WorkOrderFinished)
    def on_work_order_finished_for_file(self, message: Message) -> None:
        """An order ended."""
        with self.transaction() as session:
            if first_delivery(session, message):
                files.note_closed(session, WorkOrderFinished.parse(message))


class PortfolioDoors(PayerDoors, StatusDoors, ServedDoors):
    """Reads of estates, buildings, units and households; the owner file."""

    @rpc
    def keep_household_file(self, caller: Caller, household: str, change: FileChange) -> Household:
        """Change what is kept of a household; the answer is the household."""
        with self.transaction() as session:
            files.keep_file(session, caller, household, change, self.clock())
            return handlers.get_household(session, caller, household)

    @rpc
    def list_regions(self, caller: Caller) -> Regions:
        """The group and its regions with what is below them."""
        with self.transaction() as session:
            return handlers.list_regions(session, caller)

    @rpc
    def list_estates(
        self, caller: Caller, limit: Limit = DEFAULT_LIMIT, cursor: str | None = None, region: str | None = None
    ) -> Page[Estate]:
        """Estates in scope, or those of one region."""
        with self.transaction() as session:
            return handlers.list_estates(session, caller, limit, cursor, region)

    @rpc
    def get_estate(self, caller: Caller, estate: str) -> Estate:
        """One estate with its counts."""
        with self.transaction() as session:
            return handlers.get_estate(session, caller, estate)

    @rpc
    def list_buildings(self, caller: Caller, estate: str) -> Page[Building]:
        """Buildings of an estate, each with its steward of today."""
        with self.transaction() as session:
            return handlers.list_buildings(session, caller, estate, business_date(self.clock()))

    @rpc
    def list_units(
        self,
        caller: Caller,
        estate: str,
        building: str | None = None,
        limit: Limit = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> Page[Unit]:
        """Units of an estate or of one of its buildings."""
        with self.transaction() as session:
            return handlers.list_units(session, caller, estate, building, limit, cursor)

    @rpc
    def get_household(self, caller: Caller, household: str) -> Household:
        """A household with its units."""
        with self.transaction() as session:
            return handlers.get_household(session, caller, household)
