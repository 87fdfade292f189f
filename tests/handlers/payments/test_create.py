"""Taking payments: at the desk they settle at once with a receipt number without gaps (E1, E3)."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from services.common.contracts.errors import Conflict, Forbidden, Invalid, NotFound
from services.common.contracts.events import (
    PaymentAllocated,
    PaymentSettled,
    PaymentStarted,
)
from services.common.database import transaction
from services.common.domain.access import Caller
from services.payments import handlers, tables
from services.payments.metrics import payments_total
from tests.support.outbox import events
from tests.support.payments import CASHIER, NOW, OWNER, TODAY, create, register, request, staff, with_households


@pytest.fixture
def engine(database: Callable[[str], Engine]) -> Engine:
    return with_households(database("payments"))


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    with transaction(engine) as session:
        yield session


@pytest.mark.parametrize("channel", ["cash", "pos"])
def test_money_at_the_desk_settles_at_once(session: Session, channel: str) -> None:
    asked = request(channel=channel, bill_ids=(3, 1))
    payment = create(session, asked)
    assert (payment["status"], payment["receipt_no"], payment["business_date"]) == (
        "settled",
        "2026-EST1-000001",
        TODAY,
    )
    [event] = events(session, PaymentSettled)
    assert event.model_dump() == {
        "payment_id": asked.id, "household": "H1", "estate": "EST1", "channel": channel, "amount_fen": 20523,
        "transaction_id": "2026-EST1-000001", "bill_ids": [3, 1], "settled_at": NOW, "business_date": TODAY,
        "backdating": None,
    }  # fmt: skip


def test_a_backdated_payment_counts_for_its_day(session: Session) -> None:
    payment = create(session, request(received_on=date(2026, 10, 28)))
    assert (payment["business_date"], payment["settled_at"]) == (date(2026, 10, 28), NOW)
    assert events(session, PaymentSettled)[0].business_date == date(2026, 10, 28)


def test_a_transfer_waits_with_a_reference_unless_it_was_seen(session: Session) -> None:
    waiting = create(session, request(channel="transfer"))
    assert (waiting["status"], waiting["reference"][:2]) == ("pending", "EL")
    assert waiting["expires_at"] == NOW + timedelta(days=30)
    assert events(session, PaymentSettled) == events(session, PaymentStarted) == []
    assert create(session, request(channel="transfer", received_on=TODAY))["status"] == "settled"


def test_a_wechat_payment_starts_and_expires(session: Session) -> None:
    payment = create(session, request(channel="wechat"), OWNER)
    assert (payment["status"], payment["expires_at"]) == ("pending", NOW + timedelta(minutes=30))
    [event] = events(session, PaymentStarted)
    assert (event.payment_id, event.amount_fen, event.expires_at) == (payment["id"], 20523, payment["expires_at"])


def test_the_same_request_is_the_same_payment(session: Session) -> None:
    asked = request(bill_ids=(1, 2))
    assert create(session, asked) == create(session, asked, now=NOW + timedelta(days=1))
    assert len(events(session, PaymentSettled)) == 1


@pytest.mark.parametrize(
    "changes", [{"amount_fen": 1}, {"household": "H2"}, {"channel": "pos"}, {"bill_ids": (1,)}, {"received_on": TODAY}]
)
def test_the_same_id_with_another_request_is_a_conflict(session: Session, changes: dict[str, Any]) -> None:
    asked = request()
    create(session, asked)
    with pytest.raises(Conflict):
        create(session, replace(asked, **changes))


def test_the_same_request_at_the_same_time_takes_the_money_once(engine: Engine) -> None:
    asked = request()

    def one(_: int) -> str:
        with transaction(engine) as session:
            return str(create(session, asked)["receipt_no"])

    with ThreadPoolExecutor(6) as pool:
        assert set(pool.map(one, range(6))) == {"2026-EST1-000001"}
    with transaction(engine) as session:
        assert len(events(session, PaymentSettled)) == 1


def test_receipt_numbers_have_no_gap_under_concurrency_and_failure(engine: Engine) -> None:
    """Every fourth transaction fails after it took its number."""

    def one(number: int) -> None:
        with transaction(engine) as session:
            create(session, request())
            if number % 4 == 0:
                raise ZeroDivisionError

    with ThreadPoolExecutor(8) as pool:
        outcomes = [future.exception() for future in [pool.submit(one, number) for number in range(40)]]
    assert sum(isinstance(error, ZeroDivisionError) for error in outcomes) == 10
    with transaction(engine) as session:
        receipts = session.scalars(select(tables.payment.c.receipt_no).order_by(tables.payment.c.receipt_no)).all()
        assert receipts == [f"2026-EST1-{number:06d}" for number in range(1, 31)]


def test_only_what_was_committed_is_counted(engine: Engine) -> None:
    def counted() -> float:
        return float(payments_total.labels("pos", "settled")._value.get())

    before = counted()
    with Session(engine) as session:
        create(session, request(channel="pos"))
        session.rollback()
    assert counted() == before
    with transaction(engine) as session:
        create(session, request(channel="pos"))
        assert counted() == before
    assert counted() == before + 1


def test_each_estate_and_year_counts_by_itself(session: Session) -> None:
    assert create(session, request())["receipt_no"] == "2026-EST1-000001"
    assert create(session, request(household="H3"))["receipt_no"] == "2026-EST2-000001"
    new_year = datetime(2026, 12, 31, 16, 0, tzinfo=UTC)
    assert create(session, request(), now=new_year)["receipt_no"] == "2027-EST1-000001"
    assert create(session, request())["receipt_no"] == "2026-EST1-000002"


@pytest.mark.parametrize(
    ("caller", "changes"),
    [
        (OWNER, {"channel": "cash"}),
        (OWNER, {"channel": "wechat", "household": "H2"}),
        (OWNER, {"channel": "wechat", "household": "nobody"}),
        (staff("cashier", "EST2"), {}),
        (staff("technician", "*"), {}),
        (staff("technician", "*"), {"channel": "wechat"}),
        (staff("auditor", "*"), {}),
        (staff("steward", "EST1"), {"channel": "transfer"}),
    ],
)
def test_who_may_not_take_a_payment(session: Session, caller: Caller, changes: dict[str, Any]) -> None:
    with pytest.raises(Forbidden):
        create(session, request(**changes), caller)
    assert nothing_happened(session)


@pytest.mark.parametrize("role", ["steward", "cashier", "finance", "estate_manager", "group_admin"])
def test_who_may_take_cash(session: Session, role: str) -> None:
    assert create(session, request(), staff(role, "EST1"))["status"] == "settled"


@pytest.mark.parametrize(
    ("changes", "loc"),
    [
        ({"channel": "alipay"}, "channel"),
        ({"channel": "barter"}, "channel"),
        ({"amount_fen": 0}, "amount_fen"),
        ({"received_on": TODAY + timedelta(days=1)}, "received_on"),
    ],
)
def test_a_wrong_request_changes_nothing(session: Session, changes: dict[str, Any], loc: str) -> None:
    with pytest.raises(Invalid) as error:
        create(session, request(**changes))
    assert [item["loc"] for item in error.value.errors] == [loc]
    assert nothing_happened(session)


def nothing_happened(session: Session) -> bool:
    counts = [session.scalar(select(func.count()).select_from(table)) for table in tables.metadata.tables.values()
              if table.name not in {"estate", "household", "payment_policy"}]  # fmt: skip
    return set(counts) == {0}


def test_an_unknown_household_is_not_found(session: Session) -> None:
    with pytest.raises(NotFound):
        create(session, request(household="nobody"))


def test_a_late_older_event_does_not_undo_a_newer_one(session: Session) -> None:
    register(session, "EST2", "H1", at=NOW + timedelta(minutes=1))
    register(session, "EST1", "H1", at=NOW)
    assert tables.estate_of_household(session, "H1") == "EST2"


def allocated(payment_id: UUID) -> PaymentAllocated:
    line = {"bill_id": 5, "fee_item": "property", "period": "2026-09", "due_date": "2026-10-15", "principal_fen": 20000,
            "late_fee_fen": 96}  # fmt: skip
    return PaymentAllocated.model_validate(
        {"payment_id": payment_id, "household": "H1", "estate": "EST1", "channel": "cash", "amount_fen": 20523,
         "business_date": TODAY, "allocations": [line], "credit_fen": 427}
    )  # fmt: skip


def test_the_receipt_shows_what_the_money_paid(session: Session) -> None:
    payment = create(session, request())
    handlers.keep_allocations(session, allocated(payment["id"]))
    shown = handlers.view(handlers.get_payment(session, CASHIER, payment["id"]))
    assert shown["credit_fen"] == 427
    assert [(line["bill_id"], line["principal_fen"], line["late_fee_fen"]) for line in shown["allocations"]] == [
        (5, 20000, 96)
    ]
    with pytest.raises(NotFound):
        handlers.keep_allocations(session, allocated(uuid4()))


def test_a_payment_is_shown_to_those_it_concerns(session: Session) -> None:
    payment_id = create(session, request())["id"]
    for caller in (OWNER, CASHIER, staff("auditor", "*"), staff("steward", "EST1")):
        assert handlers.get_payment(session, caller, payment_id).id == payment_id
    other_owner = Caller(sub="o2", roles=frozenset({"owner"}), household="H2")
    for caller in (other_owner, staff("cashier", "EST2"), staff("technician", "EST1")):
        with pytest.raises(Forbidden):
            handlers.get_payment(session, caller, payment_id)
    with pytest.raises(NotFound):
        handlers.get_payment(session, CASHIER, uuid4())


def test_a_household_s_payments_come_newest_first_in_pages(session: Session) -> None:
    made = [create(session, request(), now=NOW + timedelta(seconds=n // 2))["id"] for n in range(5)]
    create(session, request(household="H2"))
    seen, cursor = [], None
    while True:
        page = handlers.list_payments(session, OWNER, "H1", 2, cursor)
        seen += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert sorted(seen) == sorted(made)
    assert seen[0] == made[4]
    assert handlers.list_payments(session, CASHIER, "H3", 2, None) == {"items": [], "next_cursor": None}


def test_lists_are_guarded(session: Session) -> None:
    with pytest.raises(Forbidden):
        handlers.list_payments(session, OWNER, "H2", 2, None)
    with pytest.raises(NotFound):
        handlers.list_payments(session, CASHIER, "nobody", 2, None)
    for cursor in ("nonsense", "W10", "WzEsMl0"):
        with pytest.raises(Invalid):
            handlers.list_payments(session, CASHIER, "H1", 2, cursor)


def test_figures_of_the_day(session: Session) -> None:
    create(session, request())
    create(session, request(channel="pos", amount_fen=100))
    create(session, request(received_on=TODAY - timedelta(days=1)))
    create(session, request(channel="wechat"))
    create(session, request(household="H3", amount_fen=7))
    expected = {"date": TODAY, "received_fen": 20623, "received_by_channel": {"cash": 20523, "pos": 100}, "pending": 1,
                "suspense": 0}  # fmt: skip
    manager = staff("estate_manager", "EST1")
    assert handlers.estate_figures(session, manager, "EST1", TODAY) == {"estate": "EST1", **expected}
    assert handlers.group_figures(session, staff("finance", "EST1"), TODAY) == expected
    assert handlers.group_figures(session, staff("group_admin", "*"), TODAY)["received_fen"] == 20630
    with pytest.raises(NotFound):
        handlers.estate_figures(session, staff("finance", "*"), "EST9", TODAY)
    with pytest.raises(Forbidden):
        handlers.group_figures(session, OWNER, TODAY)
    with pytest.raises(Forbidden):
        handlers.estate_figures(session, CASHIER, "EST1", TODAY)


def test_b8_no_payment_is_dated_back_into_closed_books(session: Session) -> None:
    tables.close_books(session, "EST1", date(2026, 9, 30))
    tables.close_books(session, "EST1", date(2026, 8, 31))
    finance = staff("finance", "EST1")
    assert create(session, request(received_on=date(2026, 10, 1)), finance)["status"] == "settled"
    with pytest.raises(Invalid) as refused:
        create(session, request(received_on=date(2026, 9, 30)), finance)
    assert refused.value.errors[0]["loc"] == "received_on"
