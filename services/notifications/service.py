"""DOORS of the notifications service: what the others tell, what callers ask, and the courier's round."""

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, timedelta
from functools import cache
from typing import ClassVar
from uuid import UUID

import eventlet
from prometheus_client import Metric

from services.common.contracts.answers.base import Page
from services.common.contracts.answers.notifications import (
    ContactPreferences,
    Language,
    MessageChannel,
    Notification,
    Preview,
    Template,
)
from services.common.contracts.base import Message
from services.common.contracts.events import (
    CollectionBelowPlan,
    ComplaintAnswered,
    ComplaintSlaAlarm,
    ContactsRegistered,
    DunningStepsDue,
    DunningWithdrawn,
    EstatesRegistered,
    LimitationWarned,
    PaymentAllocated,
    PaymentReallocated,
    RatingInvited,
    StaffRegistered,
    WorkOrderSlaAlarm,
)
from services.common.domain.access import Caller
from services.common.fields import Line
from services.common.messaging.inbox import first_delivery
from services.common.observability.metrics import gauge
from services.common.paging import DEFAULT_LIMIT, Limit
from services.common.policies.handlers import Catalogue
from services.common.policies.service import PolicyDoors
from services.common.process.service import event_handler, rpc, timer
from services.notifications.adapters.binding import bind
from services.notifications.delivery.courier import Courier, SideBySide, Transaction
from services.notifications.delivery.handlers import Dispatch, Terms
from services.notifications.delivery.receipts import Outcome, Receipt, confirm
from services.notifications.delivery.rules import Window
from services.notifications.delivery.tables import WAITING, waiting_counts
from services.notifications.directory import handlers as directory
from services.notifications.directory.rules import Choice
from services.notifications.messages import handlers as messages
from services.notifications.policies.catalogue import CATALOGUE
from services.notifications.ports import Port
from services.notifications.settings import Settings, settings
from services.notifications.templates import handlers as templates

ROUNDS_PER_TICK = 20


class NotificationsService(PolicyDoors):
    """Delivers exactly one message per (recipient, cause) over the channels a person agreed to (F)."""

    name = "notifications"
    policies: ClassVar[Catalogue] = CATALOGUE

    @event_handler(EstatesRegistered)
    def on_estates_registered(self, message: Message) -> None:
        """Estates' names, for the words of messages."""
        with self.transaction() as session:
            if first_delivery(session, message):
                event = EstatesRegistered.parse(message)
                directory.learn_estates(session, event, message.occurred_at, self.clock())

    @event_handler(ContactsRegistered)
    def on_contacts_registered(self, message: Message) -> None:
        """How to reach each household."""
        with self.transaction() as session:
            if first_delivery(session, message):
                event = ContactsRegistered.parse(message)
                directory.learn_contacts(session, event, message.occurred_at, self.clock())

    @event_handler(StaffRegistered)
    def on_staff_registered(self, message: Message) -> None:
        """Who holds which role where."""
        with self.transaction() as session:
            if first_delivery(session, message):
                directory.learn_staff(session, StaffRegistered.parse(message), message.occurred_at)

    @event_handler(DunningStepsDue)
    def on_dunning_steps_due(self, message: Message) -> None:
        """Steps of the ladder to carry out (D1)."""
        with self.transaction() as session:
            if first_delivery(session, message):
                messages.queue_dunning(session, DunningStepsDue.parse(message), message.occurred_at, self.clock())

    @event_handler(DunningWithdrawn)
    def on_dunning_withdrawn(self, message: Message) -> None:
        """Something holds a household: what is not sent yet is not said (D3)."""
        with self.transaction() as session:
            if first_delivery(session, message):
                messages.withdraw_held(session, DunningWithdrawn.parse(message))

    @event_handler(LimitationWarned)
    def on_limitation_warned(self, message: Message) -> None:
        """Claims run out: tasks for the manager (D4)."""
        with self.transaction() as session:
            if first_delivery(session, message):
                messages.queue_limitation(session, LimitationWarned.parse(message), self.clock())

    @event_handler(PaymentAllocated)
    def on_payment_allocated(self, message: Message) -> None:
        """Money came in: the receipt, and no dunning that did not know of it."""
        event = PaymentAllocated.parse(message)
        with self.transaction() as session:
            if first_delivery(session, message):
                messages.withdraw_paid(session, event, message.occurred_at)
                messages.queue_receipt(session, event, self.clock())

    @event_handler(PaymentReallocated)
    def on_payment_reallocated(self, message: Message) -> None:
        """The money of a payment lies elsewhere now: whoever was told otherwise is told."""
        event = PaymentReallocated.parse(message)
        with self.transaction() as session:
            if first_delivery(session, message):
                messages.queue_receipt(session, event, self.clock(), event.revision)

    @event_handler(ComplaintAnswered)
    def on_complaint_answered(self, message: Message) -> None:
        """The complainant gets an answer (H1)."""
        with self.transaction() as session:
            if first_delivery(session, message):
                messages.queue_answer(session, ComplaintAnswered.parse(message), self.clock())

    @event_handler(RatingInvited)
    def on_rating_invited(self, message: Message) -> None:
        """The owner is asked for a rating (H3)."""
        with self.transaction() as session:
            if first_delivery(session, message):
                messages.queue_invitation(session, RatingInvited.parse(message), self.clock())

    @event_handler(WorkOrderSlaAlarm)
    def on_work_order_sla_alarm(self, message: Message) -> None:
        """An order's clock runs out (G2)."""
        with self.transaction() as session:
            if first_delivery(session, message):
                messages.queue_order_alarm(session, WorkOrderSlaAlarm.parse(message), self.clock())

    @event_handler(ComplaintSlaAlarm)
    def on_complaint_sla_alarm(self, message: Message) -> None:
        """A complaint's clock runs out (H2)."""
        with self.transaction() as session:
            if first_delivery(session, message):
                messages.queue_complaint_alarm(session, ComplaintSlaAlarm.parse(message), self.clock())

    @event_handler(CollectionBelowPlan)
    def on_collection_below_plan(self, message: Message) -> None:
        """An estate fell behind its collection plan (J3)."""
        with self.transaction() as session:
            if first_delivery(session, message):
                messages.queue_collection_alarm(session, CollectionBelowPlan.parse(message), self.clock())

    @timer(1)
    def deliver_due(self) -> None:
        """Carry what is due to its providers; several replicas share the work."""
        courier(settings(), self.transaction, self.clock).work(ROUNDS_PER_TICK)

    @rpc
    def list_notifications(
        self,
        caller: Caller,
        household: str | None = None,
        recipient: str | None = None,
        limit: Limit = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> Page[Notification]:
        """Messages, newest first (F)."""
        with self.transaction() as session:
            return messages.notifications(session, caller, household, recipient, limit, cursor)

    @rpc
    def confirm_delivery(
        self, caller: Caller, message_id: UUID, delivered_on: date, proof: Line, outcome: Outcome = "delivered"
    ) -> Notification:
        """A letter was received, or came back (F4)."""
        receipt = Receipt(delivered_on, proof, outcome)
        with self.transaction() as session:
            return confirm(session, caller, message_id, receipt, self.clock())

    @rpc
    def list_templates(self, caller: Caller) -> Page[Template]:
        """Every version of every wording (F2)."""
        with self.transaction() as session:
            return templates.templates(session, caller)

    @rpc
    def preview_template(
        self, caller: Caller, code: str, channel: MessageChannel, language: Language, variables: dict[str, str]
    ) -> Preview:
        """What a template says with these variables (F2)."""
        with self.transaction() as session:
            return templates.preview(session, caller, code, channel, language, variables)

    @rpc
    def get_preferences(self, caller: Caller, household: str) -> ContactPreferences:
        """Language, address and consent per channel (F3)."""
        with self.transaction() as session:
            return directory.preferences(session, caller, household)

    @rpc
    def set_preferences(
        self,
        caller: Caller,
        household: str,
        language: str | None = None,
        email: str | None = None,
        consent: dict[str, bool] | None = None,
        removals: list[Choice] | None = None,
    ) -> ContactPreferences:
        """Change what is named, take away the `removals`; repeating it changes nothing more (F3)."""
        choices, now = (language, email, consent or {}), self.clock()
        with self.transaction() as session:
            return directory.choose(session, caller, household, *choices, now, removals or ())

    def collect_metrics(self) -> Iterable[Metric]:
        """Beside the reliable layer's: how many messages wait, and for what."""
        yield from super().collect_metrics()
        with self.transaction() as session:
            counts = waiting_counts(session)
        samples = [([status], counts.get(status, 0)) for status in WAITING]
        yield gauge("estateloop_messages_waiting", "Messages not delivered yet", ["status"], samples)


@cache
def providers() -> Mapping[MessageChannel, Port]:
    """The process's providers; their connections are kept between rounds."""
    return bind(settings())


def courier(knobs: Settings, transaction: Transaction, clock: Callable[[], datetime]) -> Courier:
    """A courier as the settings say; the window may be replaced in the sandbox only (F3)."""
    ports = providers()
    window = Window.parse(knobs.contact_window) if knobs.sandbox and knobs.contact_window else None
    lease = timedelta(seconds=knobs.delivery_lease_seconds)
    return Courier(
        transaction=transaction,
        clock=clock,
        ports=ports,
        terms=Terms(knobs.delivery_batch, lease, frozenset(ports), window),
        max_attempts=knobs.delivery_max_attempts,
        call_timeout=timedelta(seconds=knobs.delivery_timeout_seconds),
        side_by_side=in_greenlets(knobs.delivery_parallel),
    )


def in_greenlets(parallel: int) -> SideBySide:
    """Side by side in a bounded pool; an exception of one call is raised when all are done."""

    def run(deliver: Callable[[Dispatch], None], calls: Iterable[Dispatch]) -> None:
        pool = eventlet.GreenPool(parallel)
        greenlets = [pool.spawn(deliver, call) for call in calls]
        pool.waitall()
        for greenlet in greenlets:
            greenlet.wait()

    return run


SERVICE = NotificationsService
