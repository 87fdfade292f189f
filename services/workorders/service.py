"""DOORS of the workorders service: what can happen to an order, and what other services tell us."""

from collections.abc import Iterable
from uuid import UUID

from prometheus_client import Metric

from services.common.contracts.answers.base import Page
from services.common.contracts.answers.work_orders import (
    EstateOrderFigures,
    GroupOrderFigures,
    OrderAction,
    OrderStatus,
    Priority,
    WorkOrder,
    WorkOrderCategory,
    WorkOrderRecord,
)
from services.common.contracts.base import Message
from services.common.contracts.events import (
    BillsAdjusted,
    BillsIssued,
    EstatesRegistered,
    HouseholdsRegistered,
    PaymentAllocated,
    PaymentReallocated,
    StaffRegistered,
)
from services.common.domain.access import Caller
from services.common.fields import Code, Text
from services.common.messaging import first_delivery
from services.common.paging import DEFAULT_LIMIT, Limit
from services.common.process.service import EstateService, event_handler, rpc, timer
from services.common.sla.metrics import overdue_gauge
from services.workorders.categories import handlers as categories
from services.workorders.categories.rules import Category
from services.workorders.directory import handlers as directory
from services.workorders.orders import handlers as orders
from services.workorders.orders.handlers import Act
from services.workorders.orders.rules import NewOrder
from services.workorders.orders.tables import Filter
from services.workorders.sla import handlers as sla

ALARM_SECONDS = 15


class WorkOrdersService(EstateService):
    """Work orders (G)."""

    name = "workorders"

    @rpc
    def create_order(
        self,
        caller: Caller,
        request_id: UUID,
        estate: Code,
        category: Code,
        description: Text,
        priority: Priority = "normal",
        building: Code | None = None,
        household: Code | None = None,
        place: Text | None = None,
    ) -> WorkOrderRecord:
        """Open an order; `request_id` becomes its id and makes a repeat harmless. Answers the order (G1)."""
        new = NewOrder(request_id, estate, category, priority, description, building, household, place)
        with self.transaction() as session:
            return orders.create_order(session, caller, new, self.clock())

    @rpc
    def get_order(self, caller: Caller, order_id: UUID) -> WorkOrderRecord:
        """The order with history, clocks and `arrears_fen` (G1, G2, G4)."""
        with self.transaction() as session:
            return orders.get_order(session, caller, order_id, self.clock())

    @rpc
    def list_orders(
        self,
        caller: Caller,
        estate: Code | None = None,
        household: Code | None = None,
        status: OrderStatus | None = None,
        overdue: bool | None = None,
        limit: Limit = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> Page[WorkOrder]:
        """Newest first, without histories."""
        cut = Filter(estate, household, status, overdue)
        with self.transaction() as session:
            return orders.list_orders(session, caller, cut, self.clock(), limit, cursor)

    @rpc
    def act_on_order(
        self,
        caller: Caller,
        order_id: UUID,
        action: OrderAction,
        request_id: UUID,
        note: Text | None = None,
        technician: Code | None = None,
    ) -> WorkOrderRecord:
        """One transition; the same `request_id` again answers the order and changes nothing (G1)."""
        request = Act(order_id, request_id, action, note, technician)
        with self.transaction() as session:
            return orders.act_on_order(session, caller, request, self.clock())

    @rpc
    def list_categories(self, caller: Caller) -> Page[WorkOrderCategory]:
        """What work may be asked for (G1)."""
        with self.transaction() as session:
            return categories.list_categories(session, caller)

    @rpc
    def set_categories(self, caller: Caller, items: list[Category]) -> Page[WorkOrderCategory]:
        """Replace the group's list of it (G1)."""
        with self.transaction() as session:
            return categories.set_categories(session, caller, items)

    @rpc
    def estate_figures(self, caller: Caller, estate: Code) -> EstateOrderFigures:
        """Open orders, what is late now, share in time of what was done lately (J2)."""
        with self.transaction() as session:
            return sla.estate_figures(session, caller, estate, self.clock())

    @rpc
    def group_figures(self, caller: Caller) -> GroupOrderFigures:
        """The same over the caller's scope, with `estates` one by one (J2)."""
        with self.transaction() as session:
            return sla.group_figures(session, caller, self.clock())

    @timer(ALARM_SECONDS)
    def raise_sla_alarms(self) -> None:
        """Warn at 80 %, escalate at breach, each once (G2)."""
        with self.transaction() as session:
            sla.raise_due_alarms(session, self.clock())

    @event_handler(EstatesRegistered)
    def on_estates_registered(self, message: Message) -> None:
        """A1."""
        with self.transaction() as session:
            if first_delivery(session, message):
                directory.keep_estates(session, EstatesRegistered.parse(message), message.occurred_at)

    @event_handler(HouseholdsRegistered)
    def on_households_registered(self, message: Message) -> None:
        """A1."""
        with self.transaction() as session:
            if first_delivery(session, message):
                directory.keep_households(session, HouseholdsRegistered.parse(message), message.occurred_at)

    @event_handler(StaffRegistered)
    def on_staff_registered(self, message: Message) -> None:
        """Technicians to dispatch (A4, G3)."""
        with self.transaction() as session:
            if first_delivery(session, message):
                directory.keep_staff(session, StaffRegistered.parse(message), message.occurred_at)

    @event_handler(BillsIssued)
    def on_bills_issued(self, message: Message) -> None:
        """Arrears for the banner (G4)."""
        with self.transaction() as session:
            if first_delivery(session, message):
                directory.add_bills(session, BillsIssued.parse(message))

    @event_handler(BillsAdjusted)
    def on_bills_adjusted(self, message: Message) -> None:
        """Arrears for the banner (G4)."""
        with self.transaction() as session:
            if first_delivery(session, message):
                directory.adjust_bills(session, BillsAdjusted.parse(message).bills)

    @event_handler(PaymentAllocated)
    def on_payment_allocated(self, message: Message) -> None:
        """Arrears for the banner (G4)."""
        with self.transaction() as session:
            if first_delivery(session, message):
                directory.subtract_payment(session, PaymentAllocated.parse(message))

    @event_handler(PaymentReallocated)
    def on_payment_reallocated(self, message: Message) -> None:
        """Arrears for the banner (G4)."""
        with self.transaction() as session:
            if first_delivery(session, message):
                directory.adjust_bills(session, PaymentReallocated.parse(message).adjustments)

    def collect_metrics(self) -> Iterable[Metric]:
        """What is late now, from the database, so that it is right after a restart (J2)."""
        yield from super().collect_metrics()
        with self.transaction() as session:
            late = list(sla.overdue_rows(session, self.clock()))
        yield overdue_gauge(late)


SERVICE = WorkOrdersService
