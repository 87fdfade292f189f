"""One dead service costs its part of the answer, not the answer; started again it catches up (I2, decision 1)."""

from collections.abc import Iterator
from uuid import UUID, uuid4

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
    queue = event_queue("payments", "payment_settled", "billing", "on_payment_settled")
    household = estate.households[1]
    with Connection(stack.amqp_uri) as connection:
        channel = connection.channel()
        producer = connection.Producer(channel)
        producer.publish(b"\xff\xfe not an event", routing_key=queue, content_type="text/plain")
        producer.publish(poison(), routing_key=queue, content_type="application/json", content_encoding="utf-8")
        no_reply = {"exchange": "nameko-rpc", "content_type": "application/json", "content_encoding": "utf-8"}
        for service in ("billing", "payments", "notifications", "workorders", "feedback"):
            producer.publish('{"args": [], "kwargs": {}}', routing_key=f"{service}.list_parked", **no_reply)
    parked = api.wait("/v1/ops/parked-events", lambda p: len(p["items"]) >= 2, "both are parked", 30)["items"]
    errors = {event["error"].split(":")[0] for event in parked}
    assert errors == {"Unreadable", "UnknownVersion"}

    paid = api.post("/v1/payments", household=household, channel="cash", amount_fen=100)
    api.wait(f"/v1/payments/{paid['id']}", lambda p: p.get("allocations"), "the next payment flows")

    # "The consumer is deployed": the version it did not know becomes one it knows; then the replay is applied once.
    version = next(event for event in parked if event["error"].startswith("UnknownVersion"))
    mend(stack, household)
    replayed = api.ok("POST", f"/v1/ops/parked-events/{version['id']}/replay")
    assert replayed["status"] == "replayed"
    until(lambda: credit_or_paid(api, household) == 100 + POISON_FEN, "the replayed payment is posted")
    again = api.call("POST", f"/v1/ops/parked-events/{version['id']}/replay")
    assert again.status_code == 409
    unreadable = next(event for event in parked if event["error"].startswith("Unreadable"))
    assert api.call("POST", f"/v1/ops/parked-events/{unreadable['id']}/replay").status_code == 409


POISON_FEN = 777
POISON_ID = UUID("00000000-0000-4000-8000-000000000777")


def poison(version: int = 99, household: str = "NOBODY") -> str:
    data = (
        f'{{"payment_id":"{POISON_ID}","household":"{household}","estate":"DEGR","channel":"cash",'
        f'"transaction_id":"{uuid4()}","amount_fen":{POISON_FEN},"bill_ids":[],'
        '"settled_at":"2026-08-20T02:00:00+00:00","business_date":"2026-08-20"}'
    )
    return (
        f'{{"event_id":"{POISON_ID}","event":"payment_settled","version":{version},"source":"payments",'
        f'"aggregate":"payment/{POISON_ID}","occurred_at":"2026-08-20T02:00:00+00:00","trace_id":"","data":{data}}}'
    )


def mend(stack: Stack, household: str) -> None:
    """What a deployment mends in the consumer, this test mends in the parked body."""
    engine = create_engine(stack.database_url("billing").replace("postgresql://", "postgresql+psycopg2://"))
    with engine.begin() as connection:
        statement = text("UPDATE parked_event SET body = :body WHERE event_id = :id AND replayed_at IS NULL")
        connection.execute(statement, {"body": poison(1, household).encode(), "id": POISON_ID})
    engine.dispose()


def credit_or_paid(api: Api, household: str) -> int:
    """Everything this household ever paid, principal, late fee and credit together."""
    accounts = api.get("/v1/ledger/trial-balance", estate="DEGR")["accounts"]
    return sum(
        account["debit_fen"] - account["credit_fen"] for account in accounts if account["account"] == "cash_cash"
    )
