"""What the gateway answers by itself, with no broker, database or service behind it."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from starlette.testclient import TestClient

from tests.support.gateway import SECRET, serving, sign_in

PAYMENT = {"household": "H1", "channel": "cash", "amount_fen": 100}


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    with serving(rpc_timeout_seconds=1, rpc_part_timeout_seconds=1, max_json_bytes=2_000, max_csv_bytes=4_000) as made:
        yield made


def problem(reply: Any, status: int) -> dict[str, Any]:
    """The problem document a reply must be."""
    assert reply.status_code == status, reply.text
    assert reply.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = reply.json()
    assert set(body) == {"type", "title", "status", "detail", "errors", "trace_id"}
    assert body["status"] == status
    assert body["trace_id"] == reply.headers["X-Trace-Id"]
    return body


def test_starting_needs_neither_broker_nor_database_and_readiness_tells(client: TestClient) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    ready = client.get("/readyz")
    assert ready.status_code == 503
    assert ready.json() == {"status": "unready", "broker": False, "database": False, "draining": False}


def test_unknown_paths_and_methods_are_problems(client: TestClient) -> None:
    problem(client.get("/v1/nothing"), 404)
    problem(client.get("/"), 404)
    reply = client.delete("/v1/payments")
    problem(reply, 405)
    assert reply.headers["Allow"] == "POST"


def test_allow_names_every_method_of_a_path(client: TestClient) -> None:
    for path, operations in client.get("/openapi.json").json()["paths"].items():
        reply = client.request("TRACE", re.sub(r"{\w+}", "7", path))
        assert reply.status_code == 405, path
        assert set(reply.headers["Allow"].split(", ")) >= {method.upper() for method in operations}, path
    assert client.delete("/v1/estates/E1/billing-policy").headers["Allow"] == "GET, PUT"
    assert client.delete("/healthz").headers["Allow"] == "GET"


def test_two_keys_that_differ_are_refused(client: TestClient) -> None:
    signed = list(sign_in(client).items())
    reply = client.post("/v1/payments", json=PAYMENT, headers=[*signed, *[("Idempotency-Key", key) for key in "ab"]])
    assert problem(reply, 422)["errors"] == [{"loc": "header.Idempotency-Key", "msg": "two headers that differ"}]
    same = client.post("/v1/payments", json=PAYMENT, headers=[*signed, *[("Idempotency-Key", "a")] * 2])
    problem(same, 503)  # nothing stands behind the gateway here, but it was let through


POINTS = {
    "enabled": False, "on_time_rate": 0.5, "early_rate": 1.0, "early_days": 1, "point_fen": 1, "most_of_bill": 0.5,
    "streak_months": 1, "coupon_fen": 1, "coupon_days": 1,
}  # fmt: skip


@pytest.mark.parametrize(
    ("path", "body", "field", "places"),
    [
        ("/v1/incentive-policy", POINTS | {"on_time_rate": 0.00004}, "on_time_rate", 4),
        ("/v1/incentive-policy", POINTS | {"early_rate": 1.00005}, "early_rate", 4),
        ("/v1/incentive-policy", POINTS | {"most_of_bill": 0.99999}, "most_of_bill", 4),
        ("/v1/estates/E1/fund-policy", {"remuneration": 0.123456, "shares": {"greening": 1}}, "remuneration", 5),
        ("/v1/estates/E1/fund-policy", {"remuneration": 1e-7, "shares": {"greening": 1}}, "remuneration", 5),
    ],
)
def test_what_would_be_rounded_is_refused(
    client: TestClient, path: str, body: dict[str, Any], field: str, places: int
) -> None:
    reply = client.put(path, json=body, headers=sign_in(client))
    msg = f"Input should have at most {places} decimals"
    assert problem(reply, 422)["errors"] == [{"loc": f"body.{field}", "msg": msg}]


def test_unsigned_requests_are_refused_before_anything_else(client: TestClient) -> None:
    expired = jwt.encode(
        {"sub": "u", "roles": ["finance"], "exp": datetime.now(UTC) - timedelta(minutes=1)}, SECRET, "HS256"
    )
    for header in ("", "Bearer x.y.z", f"Bearer {expired}", "Basic x", "Bearer"):
        reply = client.post("/v1/payments", json=PAYMENT, headers={"Authorization": header} if header else {})
        problem(reply, 401)
        assert reply.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("role", "scope", "method", "path", "body"),
    [
        ("technician", {}, "POST", "/v1/payments", PAYMENT),
        ("owner", {"household": "H1"}, "POST", "/v1/bill-runs", {"period": "2026-10"}),
        ("owner", {"household": "H1"}, "GET", "/v1/households/H2/overview", None),
        ("owner", {"household": "H1"}, "GET", "/v1/work-orders?household=H2", None),
        ("owner", {"household": "H1"}, "POST", "/v1/payments", {**PAYMENT, "household": "H2"}),
        ("steward", {"estates": ["E1"]}, "GET", "/v1/estates/E2", None),
        ("steward", {"estates": ["E1"]}, "GET", "/v1/arrears?estate=E1&estate=E2", None),
        ("finance", {"estates": ["E1"]}, "POST", "/v1/bill-runs", {"period": "2026-10", "estates": ["E1", "E2"]}),
        ("finance", {"estates": ["E1"]}, "GET", "/v1/audit-log", None),
        ("auditor", {"estates": ["E1"]}, "GET", "/v1/audit-log", None),
        ("auditor", {}, "POST", "/v1/imports/units", None),
        ("auditor", {}, "GET", "/v1/sandbox/inbox", None),
        ("technician", {}, "GET", "/v1/sandbox/inbox", None),
    ],
)
def test_roles_and_scope_are_enforced(
    client: TestClient, role: str, scope: dict[str, Any], method: str, path: str, body: Any
) -> None:
    problem(client.request(method, path, json=body, headers=sign_in(client, role, **scope)), 403)


@pytest.mark.parametrize(
    ("body", "loc"),
    [
        ({**PAYMENT, "amount_fen": 1.5}, "body.amount_fen"),
        ({**PAYMENT, "amount_fen": "100"}, "body.amount_fen"),
        ({**PAYMENT, "amount_fen": True}, "body.amount_fen"),
        ({**PAYMENT, "amount_fen": 0}, "body.amount_fen"),
        ({**PAYMENT, "amount_yuan": 1}, "body.amount_yuan"),
        ({**PAYMENT, "household": "a\x00b"}, "body.household"),
        ({**PAYMENT, "channel": "barter"}, "body.channel"),
        ({**PAYMENT, "received_on": "20261301"}, "body.received_on"),
        ({**PAYMENT, "received_on": "2026-02-30"}, "body.received_on"),
        ({**PAYMENT, "received_on": 1735689600}, "body.received_on"),
        ({**PAYMENT, "received_on": "2026-01-01T00:00:00"}, "body.received_on"),
        ({**PAYMENT, "received_on": "0001-01-01"}, "body.received_on"),
        ([PAYMENT], "body"),
    ],
)
def test_bad_input_is_named_and_not_repeated(client: TestClient, body: Any, loc: str) -> None:
    found = problem(client.post("/v1/payments", json=body, headers=sign_in(client)), 422)
    assert [error["loc"] for error in found["errors"]] == [loc]
    assert all(set(error) == {"loc", "msg"} for error in found["errors"])


def test_paths_queries_and_broken_json_are_checked(client: TestClient) -> None:
    headers = sign_in(client)
    problem(client.get("/v1/payments/not-a-uuid", headers=headers), 404)
    problem(client.get("/v1/estates?limit=0", headers=headers), 422)
    problem(client.get("/v1/collection-rates?period=2026-13", headers=headers), 422)
    problem(client.get("/v1/households/%00/statement", headers=headers), 404)
    as_json = {**headers, "Content-Type": "application/json"}
    for broken in (b"{", b"\xff\xfe", b"[" * 1900):
        problem(client.post("/v1/payments", content=broken, headers=as_json), 422)
    problem(client.post("/v1/payments", headers=as_json), 422)
    problem(client.get("/v1/ops/parked-events?cursor=x", headers=headers), 422)
    problem(client.post("/v1/ops/parked-events/bogus:1/replay", headers=headers), 404)


@pytest.mark.parametrize(
    ("method", "path", "body", "loc"),
    [
        ("POST", "/v1/payments", {**PAYMENT, "bill_ids": [True]}, "body.bill_ids.0"),
        ("PUT", "/v1/collection-targets", {"estate": "E1", "period": "2026-11", "rate": True}, "body.rate"),
        ("PUT", "/v1/estates/E1/fund-policy", {"remuneration": True, "shares": {"repair": 1}}, "body.remuneration"),
        ("POST", "/v1/estates/E1/lottery-draws", {"month": "2026-10", "winners": True}, "body.winners"),
    ],
)
def test_true_is_no_number(client: TestClient, method: str, path: str, body: Any, loc: str) -> None:
    found = problem(client.request(method, path, json=body, headers=sign_in(client)), 422)
    assert loc in [error["loc"] for error in found["errors"]]


@pytest.mark.parametrize("as_of", ["", "20260101", "1735689600", "2026-01-01T00:00:00", "0001-01-01", "9999-12-31"])
def test_a_day_is_written_as_the_contract_says(client: TestClient, as_of: str) -> None:
    """Never as a number or an instant, which would be taken for a day nobody meant."""
    headers = sign_in(client)
    for path in ("/v1/households/H1/statement", "/v1/collection-rates", "/v1/late-fees"):
        found = problem(client.get(path, params={"as_of": as_of}, headers=headers), 422)
        assert [error["loc"] for error in found["errors"]] == ["query.as_of"]


@pytest.mark.parametrize("at", [1735689600, "2026-01-01T10:00:00", "9999-12-31T23:00:00Z", "0001-01-01T00:00:00+08:00"])
def test_an_instant_has_an_offset_and_a_day_of_ours(client: TestClient, at: Any) -> None:
    body = {"at": at, "place": "door", "who": "S1"}
    found = problem(client.post("/v1/closure-cases/H1/appointments", json=body, headers=sign_in(client)), 422)
    assert [error["loc"] for error in found["errors"]] == ["body.at"]


def test_media_types(client: TestClient) -> None:
    headers = sign_in(client)
    problem(client.post("/v1/payments", content=b"a=b", headers={**headers, "Content-Type": "text/plain"}), 415)
    problem(client.post("/v1/payments", content=b"{}", headers=headers), 415)
    problem(client.post("/v1/imports/units", json={}, headers=headers), 415)
    bad = {**headers, "Content-Type": "text/csv"}
    problem(client.post("/v1/imports/units", content=b"\xff\xff\xff", headers=bad), 422)
    problem(client.post("/v1/imports/nothing", content=b"a", headers=bad), 404)


def test_bodies_over_the_limit_are_given_up_even_without_a_declared_length(client: TestClient) -> None:
    read = []

    def stream() -> Iterator[bytes]:
        for _ in range(100):
            read.append(1)
            yield b" " * 1_000

    headers = {**sign_in(client), "Content-Type": "application/json"}
    problem(client.post("/v1/payments", content=b" " * 2_001, headers=headers), 413)
    problem(client.post("/v1/payments", content=stream(), headers=headers), 413)
    csv = {**headers, "Content-Type": "text/csv"}
    problem(client.post("/v1/imports/units", content=b"a" * 4_001, headers=csv), 413)


def test_a_broker_that_is_away_is_503_with_retry_after(client: TestClient) -> None:
    reply = client.get("/v1/estates", headers=sign_in(client))
    problem(reply, 503)
    assert int(reply.headers["Retry-After"]) > 0
    problem(client.post("/v1/webhooks/wechat", content=b"{}"), 503)
    overview = client.get("/v1/households/H1/overview", headers=sign_in(client)).json()
    assert overview["degraded"] == ["billing", "feedback", "notifications", "payments", "workorders"]
    assert overview["owner"] is None


def test_a_key_that_cannot_be_kept_is_503_and_nothing_is_done(client: TestClient) -> None:
    reply = client.post("/v1/payments", json=PAYMENT, headers={**sign_in(client), "Idempotency-Key": "k"})
    assert "database" in problem(reply, 503)["detail"]
    problem(client.post("/v1/payments", json=PAYMENT, headers={**sign_in(client), "Idempotency-Key": "k" * 256}), 422)


def test_who_asks_too_often_is_429_with_retry_after_and_others_are_not() -> None:
    with serving(rate_per_second=0.01, rate_burst=3, rpc_timeout_seconds=0.1) as client:
        one, other = sign_in(client), sign_in(client, "finance")
        statuses = [client.get("/v1/nothing-but/openapi", headers=one).status_code for _ in range(5)]
        assert statuses == [404] * 5, "only guarded routes count"
        replies = [client.get("/v1/payments/x", headers=one) for _ in range(4)]
        assert [reply.status_code for reply in replies] == [404, 404, 404, 429]
        problem(replies[-1], 429)
        assert int(replies[-1].headers["Retry-After"]) > 0
        assert client.get("/v1/payments/x", headers=other).status_code == 404


def test_the_sandbox_exists_only_in_the_sandbox() -> None:
    with serving(sandbox=False) as client:
        problem(client.post("/v1/auth/dev-token", json={"role": "finance"}), 404)
        problem(client.get("/v1/sandbox/inbox"), 404)
        paths = client.get("/openapi.json").json()["paths"]
        assert not [path for path in paths if "sandbox" in path or path.startswith("/v1/auth/")]


def test_development_sign_in(client: TestClient) -> None:
    def signed(**body: Any) -> dict[str, Any]:
        reply = client.post("/v1/auth/dev-token", json=body)
        assert reply.json()["token_type"] == "Bearer"
        decoded: dict[str, Any] = jwt.decode(reply.json()["access_token"], SECRET, ["HS256"])
        return decoded

    assert signed(role="finance")["estates"] == ["*"]
    assert signed(role="finance", estates="*")["estates"] == ["*"]
    assert signed(role="steward", estates=["E2", "E1"])["estates"] == ["E1", "E2"]
    owner = signed(role="owner", household="H1")
    assert (owner["estates"], owner["household"], owner["roles"]) == ([], "H1", ["owner"])
    assert signed(role="steward", estates=["E1"])["sub"] != signed(role="steward", estates=["E2"])["sub"]
    assert signed(role="steward", estates=["E1"], sub="S001")["sub"] == "S001"
    problem(client.post("/v1/auth/dev-token", json={"role": "steward", "sub": " "}), 422)
    both = problem(client.post("/v1/auth/dev-token", json={"role": "finance", "estates": ["x" * 65]}), 422)
    assert {error["loc"] for error in both["errors"]} == {"body.estates.0", "body.estates"}
    problem(client.post("/v1/auth/dev-token", json={"role": "owner"}), 422)
    problem(client.post("/v1/auth/dev-token", json={"role": "system"}), 422)


def test_requests_are_measured_by_template_and_traced(client: TestClient) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    reply = client.get("/v1/households/SECRET-77", headers={"traceparent": f"00-{trace}-00f067aa0ba902b7-01"})
    assert problem(reply, 401)["trace_id"] == trace
    client.get("/v1/really/SECRET-78")
    client.request("BREW", "/healthz")
    page = client.get("/metrics").text
    assert 'route="/v1/households/{household}",status="401"' in page.replace('method="GET",', "")
    assert 'route="unmatched"' in page
    assert "SECRET" not in page
    assert "BREW" not in page


def test_the_access_log_names_the_template_only(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", logger="gateway.access"):
        client.get("/v1/households/SECRET-77/statement?as_of=2026-11-20")
    (line,) = [record for record in caplog.records if record.name == "gateway.access"]
    assert vars(line)["route"] == "/v1/households/{household}/statement"
    assert "SECRET" not in str(vars(line))


def test_the_docs_page_needs_nothing_from_elsewhere(client: TestClient) -> None:
    page = client.get("/docs").text
    assert "/v1/households/{household}/overview" in page
    assert "<script" not in page
    assert "http" not in page.replace("http-equiv", "").replace("HTTP", "")
