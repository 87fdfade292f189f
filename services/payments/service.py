"""DOORS of the payments service (E): what can happen, and where each transaction begins and ends."""

import base64
import binascii
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any, ClassVar
from uuid import UUID

from nameko.extensions import DependencyProvider
from prometheus_client import Metric

from services.common.contracts.answers import payments as answers
from services.common.contracts.answers.base import Page
from services.common.contracts.errors import Invalid, NotFound
from services.common.contracts.events import (
    EstatesRegistered,
    HouseholdsRegistered,
    MonthClosed,
    PaymentAllocated,
    PaymentReallocated,
)
from services.common.domain.access import Caller
from services.common.domain.calendar import business_date
from services.common.fields import BillId, Code, PositiveFen, Reason
from services.common.messaging import Message, first_delivery
from services.common.observability.metrics import gauge
from services.common.paging import DEFAULT_LIMIT, Limit
from services.common.policies.handlers import Catalogue
from services.common.policies.service import PolicyDoors
from services.common.process.service import event_handler, rpc, timer
from services.payments import handlers, tables
from services.payments.channels import bind_channels
from services.payments.online.handlers import check_pending, claim_checks, ensure_order, hear_notice
from services.payments.policy.catalogue import CATALOGUE
from services.payments.ports import Answer, PaymentChannel
from services.payments.rules import Payment, PaymentRequest
from services.payments.settings import settings

WATCH_SECONDS = 2


def utc_now() -> datetime:
    """The adapters' clock."""
    return datetime.now(UTC)


class Channels(DependencyProvider):
    """The online channels that are on, bound once a process."""

    def setup(self) -> None:
        """Bind by settings."""
        self._bound = bind_channels(settings(), utc_now)

    def get_dependency(self, _worker: Any) -> Mapping[str, PaymentChannel]:
        """All workers share the adapters."""
        return self._bound


class PaymentsService(PolicyDoors):
    """Takes payments over every channel, once each, and tells billing."""

    name = "payments"
    policies: ClassVar[Catalogue] = CATALOGUE
    channels = Channels()

    @rpc
    def create_payment(
        self,
        caller: Caller,
        request_id: UUID,
        household: Code,
        channel: Code,
        amount_fen: PositiveFen,
        bill_ids: list[BillId] | None = None,
        received_on: date | None = None,
        reason: Reason | None = None,
        open_bill_ids: list[BillId] | None = None,
    ) -> answers.Payment:
        """Take money (E1, E3); the same `request_id` again answers the same payment.

        `open_bill_ids` are the household's open bills as billing has them; left out when billing cannot be asked.
        """
        bills = tuple(bill_ids or ())
        request = PaymentRequest(request_id, household, channel, amount_fen, bills, received_on, reason)
        with self.transaction() as session:
            payment = handlers.create_payment(session, caller, request, self._terms(open_bill_ids), self.clock())
        return self._shown(payment)

    def _terms(self, open_bill_ids: list[int] | None) -> handlers.Terms:
        return handlers.Terms.of(settings(), self.channels, open_bill_ids)

    @rpc
    def get_payment(self, caller: Caller, payment_id: UUID) -> answers.Payment:
        """One payment, with its receipt lines; an order that could not be placed yet is tried again."""
        with self.transaction() as session:
            payment = handlers.get_payment(session, caller, payment_id)
        return self._shown(payment)

    def _shown(self, payment: Payment) -> answers.Payment:
        order = ensure_order(self.transaction, self.channels, payment, settings=settings(), now=self.clock())
        return handlers.view(order)

    @rpc
    def list_payments(
        self, caller: Caller, household: Code, limit: Limit = DEFAULT_LIMIT, cursor: str | None = None
    ) -> Page[answers.Payment]:
        """A household's payments, newest first."""
        with self.transaction() as session:
            return handlers.list_payments(session, caller, household, limit, cursor)

    @rpc
    def receive_notification(self, caller: Caller, channel: Code, headers: dict[str, str], body: str) -> Answer:
        """E2: a channel's raw notification, `body` in base64 → what the channel is answered."""
        caller.require_system()
        if channel not in self.channels:
            raise NotFound(f"There is no channel {channel}.")
        port, raw = self.channels[channel], decoded(body)
        return hear_notice(self.transaction, port, channel, headers, raw, self.clock())

    @rpc
    def estate_figures(self, caller: Caller, estate: Code) -> answers.EstatePaymentFigures:
        """What came in today and what waits."""
        with self.transaction() as session:
            return handlers.estate_figures(session, caller, estate, business_date(self.clock()))

    @rpc
    def group_figures(self, caller: Caller) -> answers.PaymentFigures:
        """The same over the caller's estates."""
        with self.transaction() as session:
            return handlers.group_figures(session, caller, business_date(self.clock()))

    @event_handler(EstatesRegistered)
    def on_estates_registered(self, message: Message) -> None:
        """A1."""
        with self.transaction() as session:
            if first_delivery(session, message):
                tables.REGISTER.keep_estates(session, EstatesRegistered.parse(message), message.occurred_at)

    @event_handler(HouseholdsRegistered)
    def on_households_registered(self, message: Message) -> None:
        """A1."""
        with self.transaction() as session:
            if first_delivery(session, message):
                tables.REGISTER.keep_households(session, HouseholdsRegistered.parse(message), message.occurred_at)

    @event_handler(MonthClosed)
    def on_month_closed(self, message: Message) -> None:
        """B8: no payment is dated back into closed books."""
        with self.transaction() as session:
            if first_delivery(session, message):
                event = MonthClosed.parse(message)
                tables.close_books(session, event.estate, event.last_day)

    @event_handler(PaymentAllocated)
    def on_payment_allocated(self, message: Message) -> None:
        """B9: the receipt's lines."""
        with self.transaction() as session:
            if first_delivery(session, message):
                handlers.keep_allocations(session, PaymentAllocated.parse(message))

    @event_handler(PaymentReallocated)
    def on_payment_reallocated(self, message: Message) -> None:
        """B9: the receipt's lines, when the money lies elsewhere now."""
        with self.transaction() as session:
            if first_delivery(session, message):
                event = PaymentReallocated.parse(message)
                handlers.keep_allocations(session, event, event.revision)

    @timer(WATCH_SECONDS)
    def watch_pending(self) -> None:
        """E2: look at pending orders, place those without a code, expire those without money."""
        with self.transaction() as session:
            due = claim_checks(session, first_seconds=settings().payment_check_seconds, now=self.clock())
        for payment in due:
            check_pending(self.transaction, self.channels, payment, settings=settings(), now=self.clock())

    def collect_metrics(self) -> Iterable[Metric]:
        """Money in suspense, by channel: somebody must look at it."""
        yield from super().collect_metrics()
        with self.transaction() as session:
            samples = [([channel], count) for channel, count in tables.open_suspense_by_channel(session).items()]
        yield gauge("estateloop_suspense_open", "Amounts waiting in suspense", ["channel"], samples)


def decoded(body: str) -> bytes:
    """The raw bytes of a notification; Invalid when it is no base64."""
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Invalid("The body must be base64.", [{"loc": "body", "msg": "not base64"}]) from error


SERVICE = PaymentsService
