"""One dead service costs its part of the answer, not the answer; started again it catches up (I2, decision 1)."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from kombu import Connection
from sqlalchemy import create_engine, text

from local.supervisor import Stack
from services.common.messaging.names import event_queue
from tests.support.api import Api
from tests.support.estates import SmallEstate
from tests.support.waiting import until


@pytest.fixture(scope="module")
def estate(stack: Stack) -> SmallEstate:
    made = SmallEstate("DEGR")
    api = Api(stack.url)
    made.load(api)
    api.run_bills("2026-06", estates=[made.code])
    return made


@pytest.fixture
def without_feedback(stack: Stack) -> Iterator[None]:
    stack.stop_child("feedback")
    yield
    if "feedback" not in stack.pids():
        stack.start_child("feedback")


@pytest.mark.usefixtures("without_feedback")
def test_a_dead_service_is_named_and_catches_up(stack: Stack, api: Api, estate: SmallEstate) -> None:
    household = estate.households[0]
    overview = api.get(f"/v1/households/{household}/overview")
    assert overview["degraded"] == ["feedback"]
    assert overview["complaints"] is None
    assert overview["statement"]["principal_fen"] > 0
    refused = api.call("GET", "/v1/complaints", params={"estate": estate.code})
    assert refused.status_code == 503
    assert "Retry-After" in refused.headers
    assert refused.headers["Content-Type"].startswith("application/problem+json")

    # An order is finished while feedback is down; its rating is asked for once feedback is back.
    order = api.post(
        "/v1/work-orders",
        estate=estate.code,
        household=household,
        category="water",
        priority="normal",
        description="Dripping",
    )
    api.post(f"/v1/work-orders/{order['id']}/dispatch", technician=f"{estate.code}-T1")
    for action in ("accept", "arrive", "complete", "confirm"):
        api.post(f"/v1/work-orders/{order['id']}/{action}")

    stack.start_child("feedback")
    until(lambda: api.call("GET", "/v1/surveys").is_success, "feedback answers again", 30)
    invited = api.wait("/v1/surveys", lambda s: s["items"], "feedback catches up", 30, household=household)
    assert [survey["work_order"] for survey in invited["items"]] == [order["id"]]
    assert api.get(f"/v1/households/{household}/overview")["degraded"] == []


def test_a_poison_event_is_parked_while_others_flow_and_replay_works(
    stack: Stack, api: Api, estate: SmallEstate
) -> None:
    household = estate.households[1]
    stack.stop_child("billing")
    late = api.post("/v1/payments", household=household, channel="cash", amount_fen=LATE_FEN)
    with Connection(stack.amqp_uri) as connection, connection.channel() as channel:
        producer = connection.Producer(channel)
        event = until(lambda: taken(channel, late["id"]), "billing's queue has the payment")
        producer.publish(b"\xff\xfe not an event", routing_key=QUEUE, content_type="text/plain")
        to_come = json.dumps(event | {"version": VERSION_TO_COME})
        producer.publish(to_come, routing_key=QUEUE, content_type="application/json", content_encoding="utf-8")
        no_reply = {"exchange": "nameko-rpc", "content_type": "application/json", "content_encoding": "utf-8"}
        for service in ("billing", "payments", "notifications", "workorders", "feedback"):
            producer.publish('{"args": [], "kwargs": {}}', routing_key=f"{service}.list_parked", **no_reply)
    stack.start_child("billing")
    parked = until(lambda: both_parked(api), "both are parked", 30)

    paid = api.post("/v1/payments", household=household, channel="cash", amount_fen=100)
    api.wait(f"/v1/payments/{paid['id']}", lambda p: p.get("allocations"), "the next payment flows")

    # "The consumer is deployed": the version it did not know becomes one it knows; then the replay is applied once.
    mend(stack, event)
    replayed = api.ok("POST", f"/v1/ops/parked-events/{parked['UnknownVersion']}/replay")
    assert replayed["status"] == "replayed"
    until(lambda: money_posted(api) == 100 + LATE_FEN, "the replayed payment is posted")
    again = api.call("POST", f"/v1/ops/parked-events/{parked['UnknownVersion']}/replay")
    assert again.status_code == 409
    assert api.call("POST", f"/v1/ops/parked-events/{parked['Unreadable']}/replay").status_code == 409


QUEUE = event_queue("payments", "payment_settled", "billing", "on_payment_settled")
LATE_FEN = 777
VERSION_TO_COME = 99


def taken(channel: Any, payment: str) -> dict[str, Any] | None:
    """The event of a payment, taken out of billing's queue as soon as it is there."""
    message = channel.basic_get(QUEUE, no_ack=True)
    event: dict[str, Any] | None = json.loads(message.body) if message else None
    assert event is None or event["data"]["payment_id"] == payment
    return event


def both_parked(api: Api) -> dict[str, str] | None:
    """What billing set aside of these payments, by its error, when it has set aside both."""
    events = [event for event in api.get("/v1/ops/parked-events")["items"] if event["queue"] == QUEUE]
    by_error = {event["error"].split(":")[0]: str(event["id"]) for event in events}
    return by_error if by_error.keys() == {"Unreadable", "UnknownVersion"} else None


def mend(stack: Stack, event: dict[str, Any]) -> None:
    """What a deployment mends in the consumer, this test mends in the parked body."""
    engine = create_engine(stack.database_url("billing").replace("postgresql://", "postgresql+psycopg2://"))
    with engine.begin() as connection:
        statement = text("UPDATE parked_event SET body = :body WHERE event_id = :id AND replayed_at IS NULL")
        connection.execute(statement, {"body": json.dumps(event).encode(), "id": event["event_id"]})
    engine.dispose()


def money_posted(api: Api) -> int:
    """Everything this estate ever paid, principal, late fee and credit together."""
    accounts = api.get("/v1/ledger/trial-balance", estate="DEGR")["accounts"]
    return sum(
        account["debit_fen"] - account["credit_fen"] for account in accounts if account["account"] == "cash_cash"
    )
