"""FC1 over HTTP: a refund and a void that moves much are asked for by one token and decided by another (ADR 18)."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

from services.billing.settings import Settings
from tests.support.billing.books import Books
from tests.support.billing.desk import Desk
from tests.support.databases import TemplateDatabases
from tests.support.gateway import sign_in
from tests.support.servers import Servers
from tests.support.services import house

HOME = "E1,1,101,1000.00,residential,occupied,H1,王小明,13812345678"
BILL = 235_000  # above what a void may move at once
CREDIT = 9_000


class Office:
    """One household whose bill is paid with something over; whoever signs in is another person by role."""

    def __init__(self, http: TestClient, bill: int) -> None:
        self.http, self.bill = http, bill

    def call(self, role: str, method: str, path: str, body: Any = None, *, key: str = "", estate: str = "*") -> Any:
        headers = sign_in(self.http, role, estates=[estate]) | {"Idempotency-Key": key or uuid4().hex}
        return self.http.request(method, path, json=body, headers=headers)

    def credit_fen(self) -> int:
        statement = self.call("finance", "GET", "/v1/households/H1/statement").json()
        return int(statement["credit_fen"])


@pytest.fixture
def office(servers: Servers, templates: TemplateDatabases) -> Iterator[Office]:
    with house(servers, templates, "billing") as (api, doors):
        billing = doors.behind["billing"]
        today = billing.clock()
        desk = Desk(billing.engine, Settings(), now=today)
        desk.estate("E1", HOME)
        desk.run(f"{today - timedelta(days=31):%Y-%m}")
        with Session(billing.engine) as session, session.begin():
            Books(session).pay(BILL + CREDIT, today.date().isoformat())
            bill = int(Books(session).one("SELECT id FROM bill"))
        yield Office(api.http, bill)


def test_fc1_a_refund_takes_two_tokens(office: Office) -> None:
    body, key = {"amount_fen": 2_414, "channel": "transfer", "reason": "moves away"}, uuid4().hex
    credit_fen = office.credit_fen()
    asked = office.call("finance", "POST", "/v1/households/H1/credit-refunds", body, key=key)
    assert asked.status_code == 201
    refund = asked.json()
    assert (refund["status"], refund["overdue_fen"], refund["refunded_at"]) == ("requested", 0, None)
    assert office.call("finance", "POST", "/v1/households/H1/credit-refunds", body, key=key).json() == refund
    path = f"/v1/credit-refunds/{refund['id']}"
    own = office.call("finance", "POST", f"{path}/approve")
    assert (own.status_code, own.headers["content-type"]) == (403, "application/problem+json")
    assert "four eyes" in own.json()["detail"]
    for role, estate in (("estate_manager", "*"), ("region_manager", "*"), ("steward", "*"), ("group_admin", "E2")):
        assert office.call(role, "POST", f"{path}/approve", estate=estate).status_code == 403
    waiting = office.call("auditor", "GET", "/v1/credit-refunds?estate=E1&status=requested").json()
    assert [item["id"] for item in waiting["items"]] == [refund["id"]]
    assert office.credit_fen() == credit_fen
    done = office.call("group_admin", "POST", f"{path}/approve", {"note": "checked"}).json()
    assert (done["status"], done["decision_reason"]) == ("approved", "checked")
    assert office.call("group_admin", "POST", f"{path}/approve").json() == done
    assert office.call("finance", "POST", f"{path}/withdraw").status_code == 409
    assert office.credit_fen() == credit_fen - 2_414


def test_fc1_a_void_that_moves_much_takes_two_tokens(office: Office) -> None:
    body, key = {"reason": "wrong area", "reissue": False}, uuid4().hex
    asked = office.call("estate_manager", "POST", f"/v1/bills/{office.bill}/void", body, key=key)
    assert asked.status_code == 200
    void = asked.json()
    assert (void["status"], void["number"], void["released_fen"], void["reissued"]) == ("requested", None, BILL, [])
    assert office.call("estate_manager", "POST", f"/v1/bills/{office.bill}/void", body, key=key).json() == void
    path = f"/v1/bill-voids/{void['id']}"
    assert office.call("estate_manager", "POST", f"{path}/approve").status_code == 403
    assert office.call("region_manager", "POST", f"{path}/approve", estate="E2").status_code == 403
    waiting = office.call("steward", "GET", "/v1/bill-voids?status=requested").json()
    assert [item["id"] for item in waiting["items"]] == [void["id"]]
    assert office.call("auditor", "GET", "/v1/credit-notes").json()["items"] == []
    done = office.call("region_manager", "POST", f"{path}/approve", estate="E1").json()
    assert (done["status"], done["number"], done["carried"]) == ("void", "CN-E1-000001", [])
    assert office.call("estate_manager", "POST", f"{path}/withdraw").status_code == 409
    assert office.credit_fen() == BILL + CREDIT
