"""The audit log (I3), and the gateway without its database."""

from concurrent.futures import ThreadPoolExecutor

import psycopg2
import pytest
from sqlalchemy import Engine, text
from starlette.testclient import TestClient

from services.common.process.migrate import upgrade
from services.common.process.settings import CommonSettings
from tests.support.gateway import Knobs, Responder, paid, pay, serving, sign_in
from tests.support.servers import Servers
from tests.support.waiting import until

# --- the audit log -----------------------------------------------------------------------------------------------


def test_writes_and_reads_of_personal_data_are_recorded_and_others_are_not(
    client: TestClient, responder: Responder
) -> None:
    responder.handlers["payments.create_payment"] = paid
    responder.handlers["billing.get_household"] = lambda _kwargs: {"household": "H1", "owner_name": "王小明"}
    responder.handlers["billing.list_estates"] = lambda _kwargs: {"items": [], "next_cursor": None}
    finance, owner = sign_in(client, "finance"), sign_in(client, "owner", household="H1")
    pay(client, finance)
    client.get("/v1/households/H1", headers=owner)
    client.get("/v1/households/H2", headers=owner)
    client.get("/v1/estates", headers=finance)
    pay(client, {})
    auditor = sign_in(client, "auditor")
    page = client.get("/v1/audit-log", headers=auditor).json()
    shown = ("sub", "method", "route", "subject", "outcome")
    seen = [tuple(entry[name] for name in shown) for entry in page["items"]]
    assert seen == [
        ("dev-owner:H1", "GET", "/v1/households/{household}", "household=H2", 403),
        ("dev-owner:H1", "GET", "/v1/households/{household}", "household=H1", 200),
        ("dev-finance", "POST", "/v1/payments", "household=H1", 201),
    ]
    assert "王" not in str(page)
    only = client.get("/v1/audit-log", params={"subject": "H2"}, headers=auditor).json()["items"]
    assert [entry["outcome"] for entry in only] == [403]
    one = client.get("/v1/audit-log", params={"limit": 1, "sub": "dev-finance"}, headers=auditor).json()
    assert [entry["route"] for entry in one["items"]] == ["/v1/payments"]
    first = client.get("/v1/audit-log", params={"limit": 2}, headers=auditor).json()
    rest = client.get("/v1/audit-log", params={"limit": 99, "cursor": first["next_cursor"]}, headers=auditor).json()
    ids = [entry["id"] for entry in first["items"] + rest["items"]]
    assert ids == sorted(ids, reverse=True)
    assert ids[-1] == 1
    assert client.get("/v1/audit-log", headers=finance).status_code == 403


def test_fc3_money_dated_back_beyond_policy_is_marked(client: TestClient, responder: Responder) -> None:
    finance, auditor = sign_in(client, "finance"), sign_in(client, "auditor")
    for is_beyond in (False, True):
        marks = {"beyond_policy": is_beyond, "business_date": "2020-01-01"}
        responder.handlers["payments.create_payment"] = lambda kwargs, marks=marks: paid(kwargs) | marks
        pay(client, finance)
    page = client.get("/v1/audit-log", params={"subject": "backdated="}, headers=auditor).json()["items"]
    assert [entry["subject"] for entry in page] == ["household=H1 backdated=2020-01-01"]
    assert client.get("/v1/audit-log/verify", headers=auditor).json()["valid"] is True


def test_the_chain_holds_and_every_tampering_breaks_it(
    client: TestClient, responder: Responder, engine: Engine
) -> None:
    responder.handlers["payments.create_payment"] = paid
    headers = sign_in(client)
    for _ in range(5):
        pay(client, headers)
    good = client.get("/v1/audit-log/verify", headers=headers).json()
    assert (good["valid"], good["entries"], good["broken_at"]) == (True, 5, None)
    with engine.begin() as connection, pytest.raises(Exception, match="append-only"):
        connection.execute(text("UPDATE audit_log SET sub = 'somebody' WHERE id = 3"))
    for tampering, broken in (
        ("UPDATE audit_log SET outcome = 403 WHERE id = 3", 3),
        ("UPDATE audit_log SET at = at + interval '1 second' WHERE id = 2", 2),
        ("DELETE FROM audit_log WHERE id = 1", 1),
    ):
        with engine.begin() as connection:
            connection.execute(text("ALTER TABLE audit_log DISABLE TRIGGER USER"))
            connection.execute(text(tampering))
            connection.execute(text("ALTER TABLE audit_log ENABLE TRIGGER USER"))
        found = client.get("/v1/audit-log/verify", headers=headers).json()
        assert (found["valid"], found["broken_at"]) == (False, broken)


def test_replicas_write_one_chain(knobs: Knobs, responder: Responder) -> None:
    responder.handlers["payments.create_payment"] = paid
    with serving(**knobs) as one, serving(**knobs) as other:
        for client in (one, other):
            until(lambda client=client: client.get("/readyz").status_code == 200, "the gateway is ready")
        signed = {client: sign_in(client) for client in (one, other)}
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda client: pay(client, signed[client]), [one, other] * 20))

        def entries() -> int:
            found = one.get("/v1/audit-log/verify", headers=signed[one]).json()
            assert found["valid"]
            return int(found["entries"])

        until(lambda: entries() == 40, "all entries are in the chain")


def test_nothing_unrecorded_happens_when_the_log_is_full(
    client: TestClient, responder: Responder, monkeypatch: pytest.MonkeyPatch
) -> None:
    responder.handlers["payments.create_payment"] = paid
    headers = sign_in(client)
    monkeypatch.setattr("gateway.front.audit.MOST_QUEUED", 0)
    assert pay(client, headers).status_code == 503
    assert responder.count("payments.create_payment") == 0


# --- when the own database goes away -----------------------------------------------------------------------------


def test_the_gateway_outlives_its_database(
    client: TestClient, responder: Responder, engine: Engine, knobs: Knobs
) -> None:
    responder.handlers["payments.create_payment"] = paid
    headers = sign_in(client)
    assert pay(client, headers, "a").status_code == 201
    until(lambda: client.get("/v1/audit-log/verify", headers=headers).json()["entries"] == 1, "it is recorded")
    name = engine.url.database
    server = psycopg2.connect(knobs["database_url"].replace("postgresql+psycopg2", "postgresql"))
    server.autocommit = True
    with server.cursor() as cursor:
        cursor.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        cursor.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
        until(lambda: client.get("/readyz").status_code == 503, "it is unready")
        assert pay(client, headers, "b").status_code == 503
        assert pay(client, headers).status_code == 201, "without a key nothing needs the database"
        cursor.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
    server.close()
    until(lambda: client.get("/readyz").status_code == 200, "it is ready again")
    assert pay(client, headers, "b").status_code == 201
    until(lambda: client.get("/v1/audit-log/verify", headers=headers).json()["entries"] == 4, "nothing was lost")


def test_the_migration_may_run_twice(servers: Servers, prefix: str) -> None:
    settings = CommonSettings(database_url=servers.database_url, database_prefix=prefix)
    assert upgrade(settings, "gateway") == "gateway_0001"
