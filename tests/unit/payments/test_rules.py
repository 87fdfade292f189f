"""LAW of payments: who may take what, what a request must look like, what becomes of reported money (E1–E3)."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.common.domain.access import Caller
from services.common.fields import LARGEST_FEN
from services.payments.ports import Money
from services.payments.rules import (
    CHANNELS,
    NEEDS,
    Payment,
    PaymentRequest,
    next_check,
    out_trade_no,
    payment_id_of,
    problems,
    settles_at_once,
    transfer_reference,
)
from services.payments.settlement.rules import Verdict, judge, receipt_number, receipt_year

TODAY = date(2026, 10, 31)
NOW = datetime(2026, 10, 31, 4, tzinfo=UTC)
ID = UUID("0b0e6a0c-31f6-4b40-a2ab-2d1c41a4a001")


def request(**changes: object) -> PaymentRequest:
    return replace(PaymentRequest(ID, "H1", "cash", 20523), **changes)


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        ("owner", {"wechat", "alipay", "unionpay"}),
        ("steward", {"wechat", "alipay", "unionpay", "cash", "pos"}),
        ("technician", set()),
        ("auditor", set()),
        *((role, set(CHANNELS)) for role in ("cashier", "finance", "estate_manager", "region_manager", "group_admin")),
    ],
)
def test_each_role_takes_its_channels_only(role: str, allowed: set[str]) -> None:
    caller = Caller(sub="x", roles=frozenset({role}))
    assert {channel for channel in CHANNELS if caller.may(NEEDS[channel])} == allowed


@pytest.mark.parametrize(
    ("changes", "loc"),
    [
        ({"channel": "barter"}, "channel"),
        ({"channel": "alipay"}, "channel"),
        ({"amount_fen": 0}, "amount_fen"),
        ({"amount_fen": LARGEST_FEN + 1}, "amount_fen"),
        ({"bill_ids": (7, 7)}, "bill_ids"),
        ({"bill_ids": (0,)}, "bill_ids"),
        ({"bill_ids": tuple(range(1, 502))}, "bill_ids"),
        ({"received_on": TODAY + timedelta(days=1)}, "received_on"),
        ({"channel": "wechat", "received_on": TODAY}, "received_on"),
    ],
)
def test_a_wrong_request_is_told_what_is_wrong(changes: dict[str, object], loc: str) -> None:
    assert [item["loc"] for item in problems(request(**changes), TODAY, {"wechat"})] == [loc]


@pytest.mark.parametrize("channel", ["cash", "pos", "transfer"])
def test_a_desk_payment_may_be_backdated(channel: str) -> None:
    assert problems(request(channel=channel, received_on=TODAY - timedelta(days=40)), TODAY, set()) == []


def test_cash_pos_and_a_transfer_that_was_seen_settle_at_once() -> None:
    at_once = {channel for channel in CHANNELS if settles_at_once(request(channel=channel))}
    assert at_once == {"cash", "pos"}
    assert settles_at_once(request(channel="transfer", received_on=TODAY))


@given(st.uuids())
def test_an_order_number_names_its_payment(payment_id: UUID) -> None:
    assert len(out_trade_no(payment_id)) == 32
    assert payment_id_of(out_trade_no(payment_id)) == payment_id


@pytest.mark.parametrize("foreign", ["", "1", str(ID), ID.hex.upper(), ID.hex + "0", "z" * 32, "１" * 32])
def test_a_foreign_order_number_names_none(foreign: str) -> None:
    assert payment_id_of(foreign) is None


def test_transfer_references_are_short_and_stable() -> None:
    assert transfer_reference(ID) == transfer_reference(ID)
    assert len(transfer_reference(ID)) == 14
    assert len({transfer_reference(uuid4()) for _ in range(1000)}) == 1000


def test_looks_at_the_channel_grow_rarer_and_one_follows_expiry() -> None:
    expiry = NOW + timedelta(minutes=30)

    def gap(now: datetime, checks: int) -> float:
        return (next_check(now, checks=checks, expires_at=expiry, first_seconds=30) - now).total_seconds()

    assert [gap(NOW, n) for n in (0, 1, 2, 3, 4, 99)] == [30, 60, 120, 240, 300, 300]
    assert gap(expiry - timedelta(seconds=10), 5) == 15
    assert gap(expiry + timedelta(seconds=5), 5) == 300


def test_receipt_numbers() -> None:
    assert receipt_number(2026, "EST1", 1) == "2026-EST1-000001"
    assert receipt_number(2026, "EST1", 1_234_567) == "2026-EST1-1234567"
    assert receipt_year(datetime(2026, 12, 31, 16, tzinfo=UTC)) == 2027  # past midnight in Shanghai


PENDING = Payment(ID, "H1", "EST1", "wechat", 20523, (), None, "pending", NOW)
MONEY = Money("wechat", "4200", ID.hex, 20523, "CNY", NOW)


@pytest.mark.parametrize("status", ["pending", "expired", "suspense"])
def test_money_settles_what_is_open_even_if_it_expired(status: str) -> None:
    assert judge(replace(PENDING, status=status), MONEY, already_posted=False, now=NOW).verdict is Verdict.SETTLE


@pytest.mark.parametrize(
    ("payment", "money", "reason"),
    [
        (None, MONEY, "order_unknown"),
        (replace(PENDING, channel="alipay"), MONEY, "order_unknown"),
        (replace(PENDING, status="settled"), MONEY, "already_settled"),
        (replace(PENDING, status="refunded"), MONEY, "already_settled"),
        (PENDING, replace(MONEY, amount_fen=20522), "amount_mismatch"),
        (PENDING, replace(MONEY, amount_fen=20524), "amount_mismatch"),
        (PENDING, replace(MONEY, currency="USD"), "currency_mismatch"),
        (PENDING, replace(MONEY, succeeded_at=NOW + timedelta(days=1, seconds=1)), "time_mismatch"),
        (PENDING, replace(MONEY, succeeded_at=datetime.fromisoformat("9999-12-31T23:59:59-08:00")), "time_mismatch"),
        (PENDING, replace(MONEY, succeeded_at=NOW - timedelta(days=1, seconds=1)), "time_mismatch"),
        (PENDING, replace(MONEY, succeeded_at=datetime.fromisoformat("0001-01-01T00:00:00+08:00")), "time_mismatch"),
    ],
)
def test_money_that_does_not_fit_goes_to_suspense(payment: Payment | None, money: Money, reason: str) -> None:
    judgement = judge(payment, money, already_posted=False, now=NOW)
    assert (judgement.verdict, judgement.reason) == (Verdict.SUSPEND, reason)


@pytest.mark.parametrize("day", [-1, 1])
def test_fc9_a_channel_s_clock_may_differ_by_a_day(day: int) -> None:
    money = replace(MONEY, succeeded_at=NOW + timedelta(days=day))
    assert judge(PENDING, money, already_posted=False, now=NOW).verdict is Verdict.SETTLE


def test_posted_money_is_a_replay_whatever_it_says() -> None:
    for money in (MONEY, replace(MONEY, amount_fen=1), replace(MONEY, out_trade_no="x")):
        assert judge(PENDING, money, already_posted=True, now=NOW).verdict is Verdict.REPLAY
