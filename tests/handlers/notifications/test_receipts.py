"""F4: what is proven of a message, by the provider or by staff, and what billing hears of it."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine, update

from services.common.contracts.errors import Conflict, Forbidden, Invalid, NotFound
from services.common.contracts.events import LimitationItem, LimitationWarned, MessageDelivered
from services.common.database import transaction
from services.common.domain.access import Caller
from services.notifications.delivery import receipts
from services.notifications.delivery.receipts import Receipt
from services.notifications.messages import handlers as messages
from services.notifications.tables import message
from tests.support.notifications import NOON, TODAY, SmsProvider, World, sms, sms_provider, step
from tests.support.outbox import events

STEWARD = Caller(sub="S1", roles=frozenset({"steward"}), estates=frozenset({"E1"}))
LETTER = {"channels": ["letter"], "template": "dunning.demand_letter", "deadline": TODAY + timedelta(days=15)}


@pytest.fixture
def world(database: Callable[[str], Engine]) -> World:
    made = World(database("notifications"))
    made.learn_estate()
    made.learn("H1")
    return made


@pytest.fixture
def provider() -> Iterator[SmsProvider]:
    with sms_provider() as running:
        yield running


def told(world: World) -> list[MessageDelivered]:
    with transaction(world.engine) as session:
        return events(session, MessageDelivered)


def confirm(world: World, receipt: Receipt, caller: Caller = STEWARD) -> dict[str, Any]:
    with transaction(world.engine) as session:
        return receipts.confirm(session, caller, world.row().id, receipt, world.now)


def test_f4_a_providers_receipt_is_told_to_billing_once(world: World, provider: SmsProvider, tmp_path: Path) -> None:
    world.urge(step("H1"))
    for _ in range(2):
        world.courier({"sms": sms(provider, tmp_path)}).work(5)
    [fact] = told(world)
    assert (fact.household, fact.channel, fact.outcome, fact.proof) == ("H1", "sms", "delivered", "receipt-1")
    assert (fact.cause, fact.stated_on, fact.delivered_on) == ("dunning:H1:overdue_notice", TODAY, TODAY)


def test_f4_a_receipt_of_money_is_nobodys_proof(world: World, provider: SmsProvider, tmp_path: Path) -> None:
    world.pay("H1")
    world.courier({"sms": sms(provider, tmp_path)}).work(5)
    assert world.row().status == "sent"
    assert told(world) == []


def test_f4_a_message_that_fails_is_told_as_failed(world: World, provider: SmsProvider, tmp_path: Path) -> None:
    provider.faults[:] = [422]
    world.urge(step("H1"))
    with transaction(world.engine) as session:
        session.execute(update(message).values(channels=["sms"]))
    world.courier({"sms": sms(provider, tmp_path)}, batch=1).work(3)
    [fact] = told(world)
    assert (world.row().status, fact.outcome, fact.proof) == ("failed", "failed", "sms: HTTP 422; no channel is left")


def test_f4_a_letter_is_delivered_only_when_its_receipt_is_recorded(world: World) -> None:
    world.urge(step("H1", "demand_letter", **LETTER))
    world.courier({}).work(5)
    assert world.row().status == "queued_for_print"
    assert told(world) == []
    world.pass_time(days=3)
    receipt = Receipt(TODAY + timedelta(days=2), "EMS1234567890CN")
    shown = confirm(world, receipt)
    assert confirm(world, receipt) == shown
    assert (shown["status"], shown["delivered_on"]) == ("delivered", receipt.delivered_on)
    [fact] = told(world)
    assert (fact.channel, fact.delivered_on, fact.deadline) == ("letter", receipt.delivered_on, LETTER["deadline"])
    with pytest.raises(Conflict):
        confirm(world, Receipt(TODAY, "another number"))


def test_f4_a_letter_that_came_back_may_be_posted_again(world: World) -> None:
    world.urge(step("H1", "demand_letter", **LETTER))
    world.courier({}).work(5)
    confirm(world, Receipt(TODAY, "EMS1 returned", "failed"))
    world.pass_time(days=9)
    confirm(world, Receipt(TODAY + timedelta(days=9), "EMS2"))
    assert [(fact.outcome, fact.proof) for fact in told(world)] == [("failed", "EMS1 returned"), ("delivered", "EMS2")]


def test_f4_what_staff_hands_over_needs_a_receipt_too(world: World) -> None:
    world.learn_staff("M1", "estate_manager")
    world.urge(step("H1", channels=["staff_task"], template="dunning.demand_letter", deadline=TODAY))
    world.courier({}).work(5)
    assert (world.row().status, world.row().channel, told(world)) == ("sent", "staff_task", [])
    confirm(world, Receipt(TODAY, "signed by the owner"))
    assert [fact.channel for fact in told(world)] == ["staff_task"]


def test_f4_a_receipt_must_be_possible(world: World) -> None:
    world.urge(step("H1", "demand_letter", **LETTER))
    with pytest.raises(Conflict):
        confirm(world, Receipt(TODAY, "not printed yet"))
    world.courier({}).work(5)
    for wrong in (TODAY - timedelta(days=1), TODAY + timedelta(days=1)):
        with pytest.raises(Invalid):
            confirm(world, Receipt(wrong, "EMS"))
    with pytest.raises(Forbidden):
        confirm(world, Receipt(TODAY, "EMS"), Caller(sub="S2", roles=frozenset({"steward"}), estates=frozenset({"E2"})))
    with pytest.raises(Forbidden):
        confirm(world, Receipt(TODAY, "EMS"), Caller(sub="o", roles=frozenset({"owner"}), household="H1"))
    with transaction(world.engine) as session, pytest.raises(NotFound):
        receipts.confirm(session, STEWARD, NOON_ID, Receipt(TODAY, "EMS"), NOON)


NOON_ID = UUID(int=7)


def test_d4_a_claim_that_runs_out_is_a_task_of_the_manager(world: World) -> None:
    world.learn_staff("M1", "estate_manager")
    item = LimitationItem(
        household="H1", building="1栋", cause="limitation:7:2026-12-20:30", bill_id=7, steward=None,
        due_date=TODAY - timedelta(days=1066), outstanding_fen=20000, expires_on=TODAY + timedelta(days=30),
        days_left=30, threshold=30,
    )  # fmt: skip
    event = LimitationWarned(estate="E1", as_of=TODAY, items=[item])
    for _ in range(2):
        with transaction(world.engine) as session:
            messages.queue_limitation(session, event, NOON)
    world.courier({}).work(5)
    row = world.row()
    assert (row.status, row.channel, row.assignee) == ("sent", "staff_task", "M1")
    for stated in ("H1", "200.00", "2026-12-20", "30天"):
        assert stated in row.text
