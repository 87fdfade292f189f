"""Orders at an online channel: placed once, watched, expired only on the channel's word (E1, E2, decision 9)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from services.common.contracts.events import HouseholdEntry, HouseholdsRegistered, PaymentExpired, PaymentSettled
from services.common.database import transaction
from services.common.domain.access import Caller
from services.payments import handlers, tables
from services.payments.online.handlers import check_pending, claim_checks, ensure_order
from services.payments.ports import Answer, ChannelUnavailable, Money, NoticeRefused, Order
from services.payments.rules import Payment, PaymentRequest
from services.payments.settings import Settings
from tests.support.outbox import events

START = datetime(2026, 10, 31, 4, tzinfo=UTC)
SETTINGS = Settings(payment_expiry_seconds=600, payment_check_seconds=30, order_retry_seconds=3)
OWNER = Caller(sub="o1", roles=frozenset({"owner"}), household="H1")


class RemoteSide:
    """A channel in memory, told what to answer; it refuses to be called inside a transaction."""

    def __init__(self) -> None:
        self.away = False
        self.placed: list[Order] = []
        self.queried = 0
        self.money: Money | None = None
        self.open_transactions = 0

    def place(self, order: Order) -> str:
        self._answer()
        self.placed.append(order)
        return f"weixin://{order.out_trade_no}"

    def query(self, out_trade_no: str) -> Money | None:
        self._answer()
        self.queried += 1
        return self.money

    def _answer(self) -> None:
        assert self.open_transactions == 0, "called inside a transaction"
        if self.away:
            raise ChannelUnavailable("away")

    def read_notice(self, headers: object, body: bytes, now: datetime) -> Money | None:
        raise AssertionError("no notification comes here")

    def accept(self) -> Answer:
        raise AssertionError("no notification comes here")

    def refuse(self, refusal: NoticeRefused) -> Answer:
        raise AssertionError("no notification comes here")


class Desk:
    """The service without its doors: a database, a channel and a clock."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.now = START
        self.remote = RemoteSide()
        with self.begin() as session:
            entry = HouseholdEntry(household="H1", unit="1-101", building="1")
            tables.REGISTER.keep_households(session, HouseholdsRegistered(estate="EST1", households=[entry]), START)

    @contextmanager
    def begin(self) -> Iterator[Session]:
        self.remote.open_transactions += 1
        try:
            with transaction(self.engine) as session:
                yield session
        finally:
            self.remote.open_transactions -= 1

    def create(self) -> Payment:
        request = PaymentRequest(uuid4(), "H1", "wechat", 20523)
        terms = handlers.Terms.of(SETTINGS, {"wechat"})
        with self.begin() as session:
            payment = handlers.create_payment(session, OWNER, request, terms, self.now)
        return self.show(payment)

    def show(self, payment: Payment) -> Payment:
        with self.begin() as session:
            payment = handlers.get_payment(session, OWNER, payment.id)
        return ensure_order(self.begin, {"wechat": self.remote}, payment, settings=SETTINGS, now=self.now)

    def watch(self, after: timedelta) -> int:
        """One tick of the timer, `after` the start; how many payments it looked at."""
        self.now = START + after
        with self.begin() as session:
            due = claim_checks(session, first_seconds=SETTINGS.payment_check_seconds, now=self.now)
        for payment in due:
            check_pending(self.begin, {"wechat": self.remote}, payment, settings=SETTINGS, now=self.now)
        return len(due)

    def expired(self) -> int:
        with self.begin() as session:
            return len(events(session, PaymentExpired))

    def paid(self, payment: Payment) -> None:
        self.remote.money = Money("wechat", "4200", payment.id.hex, 20523, "CNY", self.now)


@pytest.fixture
def desk(database: Callable[[str], Engine]) -> Desk:
    return Desk(database("payments"))


EXPIRY = timedelta(seconds=600)


def test_an_order_is_placed_once_and_its_code_shown_while_it_can_be_paid(desk: Desk) -> None:
    payment = desk.create()
    assert handlers.view(payment)["qr_code"] == f"weixin://{payment.id.hex}"
    assert desk.show(payment) == payment
    [order] = desk.remote.placed
    assert (order.amount_fen, order.out_trade_no, order.expires_at) == (20523, payment.id.hex, START + EXPIRY)
    desk.watch(EXPIRY + timedelta(seconds=5))
    assert handlers.view(desk.show(payment))["qr_code"] is None


def test_while_the_channel_is_away_the_payment_waits_without_a_code(desk: Desk) -> None:
    desk.remote.away = True
    payment = desk.create()
    assert (payment.status, payment.code_url) == ("pending", None)
    desk.remote.away = False
    assert desk.show(payment).code_url is None  # just tried: not at once again
    desk.now += timedelta(seconds=3)
    assert desk.show(payment).code_url == f"weixin://{payment.id.hex}"


def test_the_watch_places_what_could_not_be_placed(desk: Desk) -> None:
    desk.remote.away = True
    payment = desk.create()
    desk.remote.away = False
    assert desk.watch(timedelta(seconds=30)) == 1
    assert desk.show(payment).code_url == f"weixin://{payment.id.hex}"
    assert len(desk.remote.placed) == 1


def test_money_without_a_notification_is_found(desk: Desk) -> None:
    payment = desk.create()
    assert desk.watch(timedelta(seconds=29)) == 0
    desk.paid(payment)
    assert desk.watch(timedelta(seconds=30)) == 1
    assert desk.show(payment).status == "settled"
    assert desk.watch(timedelta(hours=1)) == 0


def test_without_money_it_expires_when_the_channel_says_so(desk: Desk) -> None:
    payment = desk.create()
    desk.watch(timedelta(seconds=30))
    assert desk.show(payment).status == "pending"
    desk.watch(EXPIRY + timedelta(seconds=5))
    assert (desk.show(payment).status, desk.expired()) == ("expired", 1)
    assert desk.watch(timedelta(days=1)) == 0


def test_money_that_came_at_the_last_moment_settles_instead(desk: Desk) -> None:
    payment = desk.create()
    desk.paid(payment)
    desk.watch(EXPIRY + timedelta(seconds=5))
    assert (desk.show(payment).status, desk.expired()) == ("settled", 0)
    with desk.begin() as session:
        assert len(events(session, PaymentSettled)) == 1


def test_an_order_that_was_shown_is_not_expired_while_the_channel_is_away(desk: Desk) -> None:
    payment = desk.create()
    desk.remote.away = True
    desk.watch(EXPIRY + timedelta(seconds=5))
    assert (desk.show(payment).status, desk.expired()) == ("pending", 0)
    desk.remote.away = False
    desk.watch(EXPIRY + timedelta(minutes=10))
    assert (desk.show(payment).status, desk.expired()) == ("expired", 1)


def test_an_order_nobody_ever_saw_expires_without_asking(desk: Desk) -> None:
    desk.remote.away = True
    payment = desk.create()
    desk.watch(EXPIRY + timedelta(seconds=5))
    assert (desk.show(payment).status, desk.expired(), desk.remote.queried) == ("expired", 1, 0)


def test_two_watches_at_once_do_not_look_at_the_same_payment(desk: Desk) -> None:
    desk.create()
    now = START + timedelta(seconds=30)
    with desk.begin() as one, desk.begin() as other:
        assert len(claim_checks(one, first_seconds=30, now=now)) == 1
        assert claim_checks(other, first_seconds=30, now=now) == []
