"""The gateway as one: HTTP in front, the real broker and its own real database behind (I1–I3)."""

import base64
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine, text
from starlette.testclient import TestClient

from tests.support.gateway import Knobs, RemoteError, Responder, Silence, paid, pay, serving, sign_in
from tests.support.waiting import until

# --- the way to a service and back -------------------------------------------------------------------------------


def test_a_call_reaches_its_service_with_the_caller_and_the_trace(client: TestClient, responder: Responder) -> None:
    responder.handlers["billing.list_bills"] = lambda _kwargs: {"items": [], "next_cursor": None}
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    headers = {**sign_in(client, "owner", household="H1"), "traceparent": f"00-{trace}-00f067aa0ba902b7-01"}
    reply = client.get("/v1/households/H1/bills?status=open&limit=9999", headers=headers)
    assert reply.json() == {"items": [], "next_cursor": None}
    assert reply.headers["X-Trace-Id"] == trace
    asked = responder.last("billing.list_bills")
    caller = {"sub": "dev-owner:H1", "roles": ["owner"], "estates": [], "household": "H1"}
    assert asked.kwargs == {"household": "H1", "status": "open", "limit": 500, "caller": caller}
    assert asked.message.headers["nameko.trace_id"] == trace


@pytest.mark.parametrize(
    ("exc_type", "status"),
    [("NotFound", 404), ("Forbidden", 403), ("Conflict", 409), ("Invalid", 422), ("Unavailable", 503), ("Other", 500)],
)
def test_errors_of_a_service_become_problems(
    client: TestClient, responder: Responder, exc_type: str, status: int
) -> None:
    def fail(_kwargs: dict[str, Any]) -> None:
        raise RemoteError(exc_type, "said for people", '[{"loc": "x", "msg": "y"}]')

    responder.handlers["billing.get_estate"] = fail
    reply = client.get("/v1/estates/E1", headers=sign_in(client))
    assert (reply.status_code, reply.headers["content-type"]) == (status, "application/problem+json")
    if status == 500:
        assert "Other" not in reply.text
        assert "said for people" not in reply.text
    else:
        assert reply.json()["detail"] == "said for people"
        assert reply.json()["errors"] == [{"loc": "x", "msg": "y"}]
    assert ("Retry-After" in reply.headers) == (status == 503)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_csv_arrives_as_text(client: TestClient, responder: Responder, encoding: str) -> None:
    content = "estate_code,name\nE1,滨江花园\n"
    counts = {"kind": "estates", "rows": 1, "created": 1, "updated": 0, "unchanged": 0}
    responder.handlers["billing.import_csv"] = lambda _kwargs: counts
    headers = {**sign_in(client), "Content-Type": "text/csv; charset=x"}
    assert client.post("/v1/imports/estates", content=content.encode(encoding), headers=headers).json() == counts
    asked = responder.last("billing.import_csv").kwargs
    assert (asked["kind"], asked["content"]) == ("estates", content)
    assert UUID(asked["request_id"])


def test_a_file_of_many_megabytes_passes(client: TestClient, responder: Responder) -> None:
    responder.handlers["billing.import_csv"] = lambda kwargs: {"rows": len(kwargs["content"])}
    body = ("名" * 1_000_000 + "\n").encode() * 4
    headers = {**sign_in(client), "Content-Type": "text/csv"}
    assert client.post("/v1/imports/units", content=body, headers=headers).json() == {"rows": 4_000_004}


def test_a_channel_is_answered_exactly_as_the_service_says(client: TestClient, responder: Responder) -> None:
    told = {"status": 401, "content_type": "application/json", "body": '{"code":"FAIL","message":"验签失败"}'}
    responder.handlers["payments.receive_notification"] = lambda _kwargs: told
    raw = b'{"id": "1",\n "x": "\xff"}'
    reply = client.post(
        "/v1/webhooks/wechat", content=raw, headers={"Wechatpay-Nonce": "n", "Authorization": "Bearer x"}
    )
    assert (reply.status_code, reply.text) == (401, told["body"])
    assert reply.headers["content-type"].startswith("application/json")
    asked = responder.last("payments.receive_notification").kwargs
    assert base64.b64decode(asked["body"]) == raw
    assert asked["headers"]["wechatpay-nonce"] == "n"
    assert "authorization" not in asked["headers"]
    assert asked["caller"]["roles"] == ["system"]
    told |= {"status": 204, "body": "", "content_type": None}
    assert client.post("/v1/webhooks/wechat", content=b"{}").status_code == 204


# --- one key, one answer -----------------------------------------------------------------------------------------


def test_the_same_key_and_body_get_the_same_answer_and_the_service_is_asked_once(
    client: TestClient, responder: Responder
) -> None:
    responder.handlers["payments.create_payment"] = paid
    headers = sign_in(client)
    first, again = pay(client, headers, "k1"), pay(client, headers, "k1")
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.headers["content-type"] == "application/json"
    assert responder.count("payments.create_payment") == 1
    assert pay(client, headers, "k1", amount_fen=200).status_code == 409
    assert pay(client, sign_in(client, "cashier"), "k1").json()["id"] != first.json()["id"], "keys are per subject"
    assert pay(client, headers).json()["id"] != pay(client, headers).json()["id"], "no key: two payments"


def test_a_refused_request_may_be_corrected_under_its_key(client: TestClient, responder: Responder) -> None:
    def refuse(_kwargs: dict[str, Any]) -> None:
        raise RemoteError("NotFound", "no such household", "[]")

    headers = sign_in(client)
    responder.handlers["payments.create_payment"] = refuse
    assert pay(client, headers, "k", household="TYPO").status_code == 404
    responder.handlers["payments.create_payment"] = paid
    assert pay(client, headers, "k").status_code == 201


def test_a_failed_request_is_repeated_under_the_same_request_id_with_the_same_body_only(
    client: TestClient, responder: Responder
) -> None:
    def crash(_kwargs: dict[str, Any]) -> None:
        raise RemoteError("OperationalError")

    headers = sign_in(client)
    responder.handlers["payments.create_payment"] = crash
    assert pay(client, headers, "k").status_code == 500
    assert pay(client, headers, "k", amount_fen=200).status_code == 409, "the outcome of the first is unknown"
    responder.handlers["payments.create_payment"] = paid
    again = pay(client, headers, "k")
    assert again.status_code == 201
    ids = {asked.kwargs["request_id"] for asked in responder.asked if asked.key == "payments.create_payment"}
    assert ids == {again.json()["id"]}
    assert pay(client, headers, "k").headers["Idempotency-Replayed"] == "true"


def test_duplicates_at_the_same_time_are_one_payment_and_one_answer(client: TestClient, responder: Responder) -> None:
    everybody = threading.Barrier(8)

    def slow(kwargs: dict[str, Any]) -> dict[str, Any]:
        threading.Event().wait(0.3)
        return paid(kwargs)

    responder.handlers["payments.create_payment"] = slow
    headers = sign_in(client)

    def send(_number: int) -> Any:
        everybody.wait(20)
        return pay(client, headers, "same")

    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(send, range(8)))
    assert {reply.status_code for reply in replies} == {201}
    assert len({reply.text for reply in replies}) == 1
    assert responder.count("payments.create_payment") == 1


def test_a_duplicate_of_a_long_request_is_told_to_come_again(knobs: Knobs, responder: Responder) -> None:
    go, begun = threading.Event(), threading.Event()

    def held(kwargs: dict[str, Any]) -> dict[str, Any]:
        begun.set()
        go.wait(20)
        return paid(kwargs)

    responder.handlers["payments.create_payment"] = held
    with serving(**knobs, idempotency_wait_seconds=0.1) as client, ThreadPoolExecutor(1) as pool:
        until(lambda: client.get("/readyz").status_code == 200, "the gateway is ready")
        headers = sign_in(client)
        first = pool.submit(pay, client, headers, "k")
        assert begun.wait(20)
        busy = pay(client, headers, "k")
        go.set()
        assert (busy.status_code, busy.json()["title"]) == (409, "Conflict")
        assert int(busy.headers["Retry-After"]) > 0
        assert first.result().status_code == 201
        assert pay(client, headers, "k").json() == first.result().json()


def test_work_whose_owner_died_is_done_again_when_its_lease_has_run_out(
    client: TestClient, responder: Responder, engine: Engine
) -> None:
    responder.handlers["payments.create_payment"] = paid
    headers = sign_in(client)
    first = pay(client, headers, "k").json()
    undo = "UPDATE idempotency_key SET finished_at = NULL, status = NULL, body = NULL, lease_until = {}"
    with engine.begin() as connection:
        connection.execute(text(undo.format("now() + interval '1 hour'")))
    assert pay(client, headers, "k").status_code == 409, "the lease still runs"
    with engine.begin() as connection:
        connection.execute(text(undo.format("now() + interval '1 second'")))
    again = pay(client, headers, "k")  # waits for the end of a short lease, for such are those of the dead
    assert (again.status_code, again.json()) == (201, first)
    assert responder.count("payments.create_payment") == 2


def test_old_keys_are_forgotten(knobs: Knobs, responder: Responder, engine: Engine) -> None:
    responder.handlers["payments.create_payment"] = paid
    with serving(**knobs, prune_every_seconds=0.05) as client:
        until(lambda: client.get("/readyz").status_code == 200, "the gateway is ready")
        headers = sign_in(client)
        pay(client, headers, "old")
        pay(client, headers, "new")
        with engine.begin() as connection:
            connection.execute(
                text("UPDATE idempotency_key SET created_at = now() - interval '8 days' WHERE key = 'old'")
            )

        def kept() -> list[str]:
            with engine.connect() as connection:
                return list(connection.scalars(text("SELECT key FROM idempotency_key")))

        until(lambda: kept() == ["new"], "the old key is forgotten")


# --- answers from several services -------------------------------------------------------------------------------


def everything(responder: Responder) -> None:
    page = {"items": [{"id": "1"}], "next_cursor": None}
    for key in ("payments.list_payments", "workorders.list_orders", "feedback.list_complaints"):
        responder.handlers[key] = lambda _kwargs: page
    responder.handlers["notifications.list_notifications"] = lambda _kwargs: page
    responder.handlers["billing.get_household"] = lambda kwargs: {"household": kwargs["household"], "units": []}
    responder.handlers["billing.get_statement"] = lambda _kwargs: {"total_due_fen": 5}
    responder.handlers["billing.get_dunning_case"] = lambda _kwargs: {"steps": []}


def test_the_overview_holds_every_part(client: TestClient, responder: Responder) -> None:
    everything(responder)
    found = client.get("/v1/households/H1/overview", headers=sign_in(client)).json()
    item = [{"id": "1"}]
    assert found == {
        "household": "H1", "owner": {"household": "H1", "units": []}, "statement": {"total_due_fen": 5},
        "dunning": {"steps": []}, "payments": item, "work_orders": item, "complaints": item, "messages": item,
        "degraded": [],
    }  # fmt: skip


def test_a_dead_or_slow_or_failing_service_degrades_its_part_only(knobs: Knobs, responder: Responder) -> None:
    everything(responder)

    def silent(_kwargs: dict[str, Any]) -> None:
        raise Silence

    def failing(_kwargs: dict[str, Any]) -> None:
        raise RemoteError("OperationalError")

    responder.handlers |= {"feedback.list_complaints": silent, "workorders.list_orders": failing}
    with serving(**knobs, rpc_part_timeout_seconds=0.3) as client:
        until(lambda: client.get("/readyz").status_code == 200, "the gateway is ready")
        found = client.get("/v1/households/H1/overview", headers=sign_in(client)).json()
        assert found["degraded"] == ["feedback", "workorders"]
        assert (found["complaints"], found["work_orders"]) == (None, None)
        assert found["owner"]["household"] == "H1"
        for method in ("get_household", "get_statement", "get_dunning_case"):
            responder.handlers[f"billing.{method}"] = failing
        found = client.get("/v1/households/H1/overview", headers=sign_in(client)).json()
        assert found["degraded"] == ["billing", "feedback", "workorders"], "each service once"
        assert found["payments"] == [{"id": "1"}]


@pytest.mark.parametrize(("exc_type", "status"), [("NotFound", 404), ("Forbidden", 403)])
def test_what_billing_refuses_is_refused_but_a_part_another_refuses_is_only_empty(
    client: TestClient, responder: Responder, exc_type: str, status: int
) -> None:
    def refuse(_kwargs: dict[str, Any]) -> None:
        raise RemoteError(exc_type, "no", "[]")

    everything(responder)
    responder.handlers["payments.list_payments"] = refuse
    found = client.get("/v1/households/H1/overview", headers=sign_in(client)).json()
    empty = [] if status == 404 else None  # not heard of the household: nothing to list; not for this role: no part
    assert (found["payments"], found["degraded"]) == (empty, [])
    responder.handlers["billing.get_household"] = refuse
    assert client.get("/v1/households/H1/overview", headers=sign_in(client)).status_code == status


def test_dashboards(client: TestClient, responder: Responder) -> None:
    for service in ("billing", "payments", "workorders"):
        responder.handlers[f"{service}.group_figures"] = lambda _kwargs: {"n": 1}
        responder.handlers[f"{service}.estate_figures"] = lambda kwargs: {"of": kwargs["estate"]}
    figures = {"n": 1}
    group = {"collection": figures, "payments": figures, "work_orders": figures, "complaints": None}
    headers = sign_in(client)
    assert client.get("/v1/dashboards/group", headers=headers).json() == {**group, "degraded": ["feedback"]}
    estate = client.get("/v1/dashboards/estates/E1", headers=headers).json()
    assert estate["estate"] == "E1"
    assert estate["collection"] == {"of": "E1"}
    assert estate["degraded"] == ["feedback"]


SET_ASIDE = {
    "queue": "q",
    "event": "x",
    "event_id": None,
    "error": "OperationalError: …",
    "attempts": 6,
    "parked_at": "2026-11-20T02:00:00Z",
}


def test_parked_events_of_all_services_are_paged_and_replayed(client: TestClient, responder: Responder) -> None:
    def parked(count: int) -> Callable[[dict[str, Any]], dict[str, Any]]:
        def answer(kwargs: dict[str, Any]) -> dict[str, Any]:
            start = int(kwargs.get("cursor", 0))
            end = min(start + kwargs["limit"], count)
            items = [{"id": number, **SET_ASIDE} for number in range(start, end)]
            return {"items": items, "next_cursor": str(end) if end < count else None}

        return answer

    counts = {"billing": 3, "payments": 0, "workorders": 2, "feedback": 1}
    responder.handlers |= {f"{service}.list_parked": parked(count) for service, count in counts.items()}
    headers = sign_in(client)
    seen, cursor, degraded = [], None, set()
    for _ in range(10):
        query = {"limit": 2, **({"cursor": cursor} if cursor else {})}
        page = client.get("/v1/ops/parked-events", params=query, headers=headers).json()
        assert len(page["items"]) <= 2
        seen += [item["id"] for item in page["items"]]
        degraded |= set(page["degraded"])
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == ["billing:0", "billing:1", "billing:2", "workorders:0", "workorders:1", "feedback:0"]
    assert degraded == {"notifications"}
    responder.handlers["billing.replay_parked"] = lambda kwargs: {"id": kwargs["parked_id"], "status": "replayed"}
    reply = client.post("/v1/ops/parked-events/billing:2/replay", headers=headers)
    assert reply.json() == {"id": "billing:2", "service": "billing", "status": "replayed"}
    assert responder.last("billing.replay_parked").kwargs["parked_id"] == 2
