"""Notifications of WeChat Pay against a real database: money is posted once, a forgery changes nothing (E2)."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, select

from services.common.contracts.events import HouseholdEntry, HouseholdsRegistered, PaymentExpired, PaymentSettled
from services.common.database import transaction as open_transaction
from services.common.domain.access import Caller
from services.payments import handlers, tables
from services.payments.metrics import payments_total
from services.payments.online.handlers import expire_payment, hear_notice
from services.payments.ports import Answer
from services.payments.rules import Payment, PaymentRequest
from services.payments.wechat.adapter import WeChatPay
from tests.support.outbox import events
from tests.support.wechat import NOW, notice, platform, sealed, transaction
from tests.unit.payments.test_wechat_notice import FORGED, MALFORMED

OWNER = Caller(sub="o1", roles=frozenset({"owner"}), household="H1")
CASHIER = Caller(sub="c1", roles=frozenset({"cashier"}), estates=frozenset({"*"}))
TERMS = handlers.Terms({"wechat"}, expiry_seconds=1800, first_check_seconds=30)
AMOUNT = 20523


class Payments:
    """One database, one account, one pending payment."""

    def __init__(self, engine: Engine, directory: Path) -> None:
        self.engine = engine
        self.begin = partial(open_transaction, engine)
        self.channel = WeChatPay(url="http://127.0.0.1:9", notify_url="", directory=directory, clock=lambda: NOW)
        with self.begin() as session:
            entry = HouseholdEntry(household="H1", unit="1-101", building="1")
            tables.REGISTER.keep_households(session, HouseholdsRegistered(estate="EST1", households=[entry]), NOW)
        self.payment_id = self.start().id

    def start(self) -> Payment:
        request = PaymentRequest(uuid4(), "H1", "wechat", AMOUNT)
        with self.begin() as session:
            return handlers.create_payment(session, OWNER, request, TERMS, NOW - timedelta(minutes=2))

    def hear(self, headers: dict[str, str], body: bytes) -> Answer:
        return hear_notice(self.begin, self.channel, "wechat", headers, body, NOW)

    def pay(self, order: UUID | str | None = None, amount_fen: int = AMOUNT, **changes: Any) -> Answer:
        number = order.hex if isinstance(order, UUID) else order or self.payment_id.hex
        body = notice(sealed(transaction(number, amount_fen, **changes)))
        return self.hear(platform().headers(body), body)

    def payment(self) -> Payment:
        with self.begin() as session:
            return handlers.get_payment(session, CASHIER, self.payment_id)

    def settled(self) -> list[PaymentSettled]:
        with self.begin() as session:
            return events(session, PaymentSettled)

    def suspense(self) -> list[tuple[Any, ...]]:
        kept = tables.suspense.c
        query = select(kept.transaction_id, kept.payment_id, kept.amount_fen, kept.reason, kept.resolved_at)
        with self.begin() as session:
            return [tuple(row) for row in session.execute(query.order_by(kept.id))]

    def everything(self) -> dict[str, list[Any]]:
        with self.begin() as session:
            return {
                name: [tuple(row) for row in session.execute(table.select().order_by(*table.primary_key.columns))]
                for name, table in tables.metadata.tables.items()
            }


@pytest.fixture
def payments(database: Callable[[str], Engine], tmp_path: Path) -> Payments:
    return Payments(database("payments"), platform().write_account(tmp_path / "wechat"))


def test_a_paid_order_is_settled_on_the_channel_s_day(payments: Payments) -> None:
    answer = payments.pay(success_time="2026-10-31T23:59:59+08:00")
    assert (answer.status, answer.content_type) == (200, "application/json")
    paid = payments.payment()
    assert (paid.status, paid.receipt_no, paid.transaction_id) == (
        "settled", "2026-EST1-000001", "4200001234202610310000000001",
    )  # fmt: skip
    assert paid.settled_at == datetime(2026, 10, 31, 15, 59, 59, tzinfo=UTC)
    assert paid.business_date == date(2026, 10, 31)
    [event] = payments.settled()
    assert (event.payment_id, event.amount_fen, event.business_date) == (paid.id, AMOUNT, date(2026, 10, 31))


def test_a_replay_is_answered_success_and_changes_nothing(payments: Payments) -> None:
    payments.pay()
    before = payments.everything()
    assert payments.pay().status == 200
    assert payments.pay(payments.start().id).status == 200  # the same money under another order's name
    assert payments.pay(amount_fen=1).status == 200
    after = payments.everything()
    assert (after["suspense"], after["receipt_counter"]) == (before["suspense"], before["receipt_counter"])
    assert len(payments.settled()) == 1


def test_a_forgery_changes_nothing(payments: Payments, subtests: pytest.Subtests) -> None:
    """Each forgery is made for the very order that waits, so that only the check stands between it and the money."""
    before = payments.everything()
    for name in (*FORGED, *MALFORMED):
        with subtests.test(name):
            refused = payments_total.labels("wechat", "refused")._value.get()
            answer = payments.hear(*forged_for(payments, name))
            assert 400 <= answer.status < 500
            assert answer.content_type == "application/json"
            assert '"code": "FAIL"' in answer.body
            assert payments.everything() == before
            assert payments_total.labels("wechat", "refused")._value.get() == refused + 1


def forged_for(payments: Payments, name: str) -> tuple[dict[str, str], bytes]:
    with pytest.MonkeyPatch.context() as patch:
        module = "tests.unit.payments.test_wechat_notice"
        number = payments.payment_id.hex
        patch.setattr(f"{module}.ORDER", number)
        patch.setattr(f"{module}.BODY", notice(sealed(transaction(number, AMOUNT))))
        return {**FORGED, **MALFORMED}[name]()


def test_duplicates_at_the_same_time_post_once(payments: Payments) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: payments.pay().status, range(8)))
    assert answers == [200] * 8
    assert len(payments.settled()) == 1
    assert payments.suspense() == []
    assert payments.everything()["receipt_counter"] == [("EST1", 2026, 1)]


@pytest.mark.parametrize(
    "success_time", ["9999-12-31T23:59:59+08:00", "2026-11-01T23:30:01+08:00", "2026-10-30T23:27:59+08:00"]
)
def test_fc9_money_of_a_day_that_cannot_be_goes_to_suspense(payments: Payments, success_time: str) -> None:
    assert payments.pay(success_time=success_time).status == 200
    assert [row[3] for row in payments.suspense()] == ["time_mismatch"]
    assert (payments.payment().status, payments.settled()) == ("suspense", [])
    assert payments.pay(success_time="2026-10-31T12:00:00+08:00").status == 200  # the channel puts it right
    assert (payments.payment().status, payments.payment().business_date) == ("settled", date(2026, 10, 31))


@pytest.mark.parametrize("success_time", ["9999-12-31T23:59:59-08:00", "0001-01-01T00:00:00+08:00"])
def test_fc9_a_time_that_no_calendar_has_is_refused(payments: Payments, success_time: str) -> None:
    assert payments.pay(success_time=success_time).status == 400
    assert (payments.suspense(), payments.payment().status) == ([], "pending")


def test_a_wrong_amount_goes_to_suspense_and_posts_nothing(payments: Payments) -> None:
    assert payments.pay(amount_fen=AMOUNT - 1).status == 200
    assert payments.pay(amount_fen=AMOUNT - 1).status == 200
    assert payments.suspense() == [
        ("4200001234202610310000000001", payments.payment_id, AMOUNT - 1, "amount_mismatch", None)
    ]
    assert payments.payment().status == "suspense"
    assert payments.settled() == []


def test_the_right_money_still_settles_after_a_wrong_amount(payments: Payments) -> None:
    payments.pay(amount_fen=1, transaction_id="4200-wrong")
    payments.pay()
    assert payments.payment().status == "settled"
    assert [row[4] for row in payments.suspense()] == [None]


def test_money_the_channel_corrects_leaves_suspense(payments: Payments) -> None:
    payments.pay(amount_fen=1)
    payments.pay()
    assert payments.payment().status == "settled"
    assert [row[4] for row in payments.suspense()] == [NOW]


@pytest.mark.parametrize("number", ["0" * 31 + "1", "unknown-order", "00000000000040008000000000000404"])
def test_money_for_an_unknown_order_is_kept_once(payments: Payments, number: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda _: payments.pay(number).status, range(4))) == [200] * 4
    assert payments.suspense() == [("4200001234202610310000000001", None, AMOUNT, "order_unknown", None)]
    assert payments.payment().status == "pending"


def test_an_order_paid_twice_keeps_the_second_money(payments: Payments) -> None:
    payments.pay()
    assert payments.pay(transaction_id="4200-second").status == 200
    assert payments.suspense() == [("4200-second", payments.payment_id, AMOUNT, "already_settled", None)]
    assert (payments.payment().status, len(payments.settled())) == ("settled", 1)


def test_money_in_another_currency_goes_to_suspense(payments: Payments) -> None:
    payments.pay(amount={"total": AMOUNT, "currency": "USD"})
    assert [row[3] for row in payments.suspense()] == ["currency_mismatch"]


def test_a_genuine_notice_without_success_is_acknowledged_and_changes_nothing(payments: Payments) -> None:
    before = payments.everything()
    assert payments.pay(trade_state="CLOSED").status == 200
    assert payments.everything() == before


def test_money_for_an_expired_order_still_settles_it(payments: Payments) -> None:
    with payments.begin() as session:
        expire_payment(session, payments.payment(), NOW)
        assert len(events(session, PaymentExpired)) == 1
    assert payments.payment().status == "expired"
    assert payments.pay().status == 200
    assert payments.payment().status == "settled"
    assert len(payments.settled()) == 1


def test_a_settled_payment_does_not_expire(payments: Payments) -> None:
    stale = payments.payment()
    payments.pay()
    with payments.begin() as session:
        expire_payment(session, stale, NOW)
        assert events(session, PaymentExpired) == []
    assert payments.payment().status == "settled"


def test_trouble_inside_is_no_answer_to_the_channel_and_leaves_nothing(payments: Payments) -> None:
    """The channel must repeat, so no success may be said; the repeat then works."""
    with payments.begin() as session:
        session.connection().exec_driver_sql("ALTER TABLE receipt_counter RENAME TO away")
    with pytest.raises(Exception, match="receipt_counter"):
        payments.pay()
    assert payments.payment().status == "pending"
    with payments.begin() as session:
        session.connection().exec_driver_sql("ALTER TABLE away RENAME TO receipt_counter")
    assert payments.pay().status == 200
    assert len(payments.settled()) == 1
