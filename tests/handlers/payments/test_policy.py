"""What an estate lets its desk do: money dated back, orders that wait, bills meant, transfers that never came."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Engine, func, insert, select
from sqlalchemy.orm import Session

from services.common.contracts.errors import Conflict, Forbidden, Invalid
from services.common.contracts.events import PaymentAllocated, PaymentExpired, PaymentReallocated, PaymentSettled
from services.common.database import transaction
from services.payments import handlers, tables
from services.payments.online.handlers import check_pending, claim_checks
from services.payments.ports import Money
from services.payments.settings import Settings
from services.payments.settlement.handlers import book_money
from services.payments.settlement.rules import Verdict
from tests.support.outbox import events
from tests.support.payments import CASHIER, NOW, OWNER, TODAY, create, request, staff, with_households

FINANCE = staff("finance", "EST1")


@pytest.fixture
def engine(database: Callable[[str], Engine]) -> Engine:
    return with_households(database("payments"))


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    with transaction(engine) as session:
        yield session


def own_policy(session: Session, estate: str, **changes: int) -> None:
    row = {"estate": estate, "backdate_days": 3, "most_orders": 3, "transfer_days": 30}
    session.execute(insert(tables.payment_policy).values(row | changes))


def count(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(tables.payment)) or 0


# --- FC3: how far back -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("channel", ["cash", "pos", "transfer"])
@pytest.mark.parametrize("role", ["cashier", "estate_manager", "region_manager"])
def test_fc3_the_desk_dates_back_three_days_and_no_more(session: Session, channel: str, role: str) -> None:
    caller = staff(role, "EST1")
    within = create(session, request(channel=channel, received_on=TODAY - timedelta(days=3)), caller)
    assert (within["status"], within["beyond_policy"]) == ("settled", False)
    with pytest.raises(Forbidden) as refused:
        create(session, request(channel=channel, received_on=TODAY - timedelta(days=4)), caller)
    assert [item["loc"] for item in refused.value.errors] == ["received_on"]


def test_fc3_a_steward_does_as_the_desk(session: Session) -> None:
    with pytest.raises(Forbidden):
        create(session, request(received_on=date(2020, 1, 1)), staff("steward", "EST1"))


@pytest.mark.parametrize("role", ["finance", "group_admin"])
def test_fc3_the_office_dates_back_further_and_it_is_marked(session: Session, role: str) -> None:
    payment = create(session, request(received_on=date(2026, 9, 3), reason="slip found"), staff(role, "EST1"))
    assert (payment["beyond_policy"], payment["reason"]) == (True, "slip found")
    [event] = events(session, PaymentSettled)
    assert event.backdating is not None
    assert (event.backdating.by, event.backdating.reason) == ("s", "slip found")


def test_fc3_within_policy_nothing_is_marked_and_a_reason_is_kept(session: Session) -> None:
    payment = create(session, request(received_on=TODAY - timedelta(days=1), reason="late shift"), FINANCE)
    assert (payment["beyond_policy"], payment["reason"]) == (False, "late shift")
    assert events(session, PaymentSettled)[0].backdating is None


def test_fc3_what_was_refused_leaves_no_payment_and_no_receipt_number(engine: Engine) -> None:
    with pytest.raises(Forbidden), transaction(engine) as session:
        create(session, request(received_on=date(2020, 1, 1)))
    with transaction(engine) as session:
        assert count(session) == 0
        assert create(session, request())["receipt_no"] == "2026-EST1-000001"


def test_fc3_the_same_request_days_later_is_still_the_same_payment(session: Session) -> None:
    asked = request(received_on=TODAY)
    assert create(session, asked) == create(session, asked, now=NOW + timedelta(days=9))


def test_fc3_an_estate_has_its_own_days(session: Session) -> None:
    own_policy(session, "EST2", backdate_days=0)
    create(session, request(received_on=TODAY - timedelta(days=3)))
    with pytest.raises(Forbidden):
        create(session, request(household="H3", received_on=TODAY - timedelta(days=1)))


# --- FC4: orders that wait ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("channel", ["wechat", "transfer"])
def test_fc4_at_most_three_orders_of_a_household_wait(session: Session, channel: str) -> None:
    for _ in range(3):
        create(session, request(channel=channel))
    with pytest.raises(Conflict) as refused, session.begin_nested():
        create(session, request(channel="wechat"))
    assert "H1" in refused.value.detail
    assert create(session, request())["status"] == "settled", "the desk goes on"
    assert create(session, request(channel="wechat", household="H2"))["status"] == "pending"


def test_fc4_an_order_that_ran_out_makes_room(session: Session) -> None:
    for _ in range(3):
        create(session, request(channel="wechat"))
    assert create(session, request(channel="wechat"), now=NOW + timedelta(minutes=31))["status"] == "pending"


def test_fc4_the_same_request_again_is_no_further_order(session: Session) -> None:
    requests = [request(channel="wechat") for _ in range(3)]
    made = [create(session, asked) for asked in requests]
    assert [create(session, asked) for asked in requests] == made


def test_fc4_requests_at_the_same_time_do_not_pass_together(engine: Engine) -> None:
    def one(_: int) -> str:
        with transaction(engine) as session:
            return str(create(session, request(channel="wechat"))["status"])

    with ThreadPoolExecutor(8) as pool:
        outcomes = [future.exception() for future in [pool.submit(one, number) for number in range(8)]]
    assert sorted(type(error).__name__ for error in outcomes) == ["Conflict"] * 5 + ["NoneType"] * 3
    with transaction(engine) as session:
        assert count(session) == 3


# --- FC5: bills that are meant ------------------------------------------------------------------------------------


@pytest.mark.parametrize("channel", ["cash", "wechat"])
def test_fc5_only_open_bills_of_the_household_are_meant(engine: Engine, channel: str) -> None:
    with pytest.raises(Invalid) as refused, transaction(engine) as session:
        create(session, request(channel=channel, bill_ids=(7, 9)), open_bills=[7, 8])
    [finding] = refused.value.errors
    assert (finding["loc"], "9" in finding["msg"], "7" in finding["msg"]) == ("bill_ids", True, False)
    with transaction(engine) as session:
        assert count(session) == 0
        assert create(session, request(channel=channel, bill_ids=(8, 7)), open_bills=[7, 8])["bill_ids"] == [8, 7]


def test_fc5_the_same_request_is_the_same_payment_though_it_paid_its_bill(session: Session) -> None:
    asked = request(bill_ids=(7,))
    assert create(session, asked, open_bills=[7]) == create(session, asked, open_bills=[])


def test_fc5_where_billing_cannot_say_the_desk_goes_on(session: Session) -> None:
    assert create(session, request(bill_ids=(7,)), open_bills=None)["status"] == "settled"


# --- transfers that never came ------------------------------------------------------------------------------------


def watch(engine: Engine, days: int) -> None:
    now, begin = NOW + timedelta(days=days), partial(transaction, engine)
    with begin() as session:
        due = claim_checks(session, first_seconds=30, now=now)
    for payment in due:
        check_pending(begin, {}, payment, settings=Settings(), now=now)


def test_transfers_a_transfer_that_does_not_come_for_a_month_expires(engine: Engine) -> None:
    with transaction(engine) as session:
        payment = create(session, request(channel="transfer"))
    watch(engine, 29)
    with transaction(engine) as session:
        assert handlers.get_payment(session, CASHIER, payment["id"]).status == "pending"
    watch(engine, 30)
    with transaction(engine) as session:
        assert handlers.get_payment(session, CASHIER, payment["id"]).status == "expired"
        assert [event.payment_id for event in events(session, PaymentExpired)] == [payment["id"]]


def test_transfers_an_estate_waits_as_long_as_it_says(session: Session) -> None:
    own_policy(session, "EST1", transfer_days=7)
    assert create(session, request(channel="transfer"))["expires_at"] == NOW + timedelta(days=7)


def test_transfers_money_that_comes_later_settles_it_all_the_same(engine: Engine) -> None:
    with transaction(engine) as session:
        payment = create(session, request(channel="transfer"))
    watch(engine, 30)
    later = NOW + timedelta(days=45)
    money = Money("transfer", "bank-1", payment["id"].hex, 20523, "CNY", later)
    with transaction(engine) as session:
        assert book_money(session, money, later).verdict is Verdict.SETTLE
        [event] = events(session, PaymentSettled)
        assert (event.payment_id, event.business_date) == (payment["id"], date(2026, 12, 15))


# --- FM8: receipts ------------------------------------------------------------------------------------------------


def placed(payment_id: Any, principal: int, fee: int, credit: int, revision: int = 0) -> Any:
    line = {"bill_id": 5, "fee_item": "property", "period": "2026-05", "due_date": "2026-06-15",
            "principal_fen": principal, "late_fee_fen": fee}  # fmt: skip
    whole = {"payment_id": payment_id, "household": "H1", "estate": "EST1", "channel": "cash", "amount_fen": 6100,
             "business_date": "2026-07-10", "allocations": [line], "credit_fen": credit}  # fmt: skip
    if not revision:
        return PaymentAllocated.model_validate(whole)
    return PaymentReallocated.model_validate(whole | {"revision": revision, "adjustments": []})


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2), (0, 2, 1), (1, 2, 0), (2, 0, 1)])
def test_fm8_a_receipt_says_the_last_word_of_billing_in_whatever_order(
    session: Session, order: tuple[int, ...]
) -> None:
    payment = create(session, request(amount_fen=6100))
    words = {0: (6100, 0, 0), 1: (6050, 50, 0), 2: (6000, 51, 49)}
    for revision in (*order, *order):
        handlers.keep_allocations(session, placed(payment["id"], *words[revision], revision), revision)
    shown = handlers.view(handlers.get_payment(session, OWNER, payment["id"]))
    [line] = shown["allocations"]
    assert (line["principal_fen"], line["late_fee_fen"], shown["credit_fen"]) == (6000, 51, 49)
