"""Segregation of duties (FC1, FC3): no one person asks for relief and grants it, takes money and books it away, or
moves a day beyond policy, whatever roles the token has; with the gateway's guard and without it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from uuid import uuid4

import jwt
import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

from gateway.front.guard import Visit
from services.billing.settings import Settings
from services.common.domain.calendar import business_date
from services.common.domain.permissions import Permission, Role
from tests.support.billing.books import Books
from tests.support.billing.desk import Desk
from tests.support.databases import TemplateDatabases
from tests.support.gateway import SECRET
from tests.support.servers import Servers
from tests.support.services import Doors, house

HOMES: Final = [
    f"E1,1,{door},1000.00,residential,occupied,{code},王小明,13812345678" for door, code in ((101, "H1"), (102, "H2"))
]
BILL: Final = 235_000  # above what a void may move at once
CREDIT: Final = 9_000
# Where the first half of a duty is asked for, and where the other half is done.
DUTIES: Final = {"waiver": "waivers", "refund": "credit-refunds", "void": "bill-voids", "policy": "policy-changes"}
STAFF: Final = [role for role in Role if role is not Role.OWNER]
PEOPLE: Final = [*([role] for role in Role), STAFF]
# All that a duty could move.
MOVED: Final = text("""
SELECT (SELECT sum(amount_fen) FROM ledger_entry), (SELECT sum(credit_fen) FROM household),
       (SELECT sum(waived_fen) FROM bill), (SELECT count(*) FROM bill WHERE voided_at IS NOT NULL),
       (SELECT count(*) FROM policy_change WHERE status = 'approved')
""")


@dataclass(frozen=True)
class Person:
    """Somebody with a token of so many roles over all estates."""

    sub: str
    roles: Sequence[str]

    def headers(self) -> dict[str, str]:
        claims = {"sub": self.sub, "roles": list(self.roles), "estates": ["*"], "household": "H1"}
        claims = claims if Role.OWNER in self.roles else {**claims, "household": None}
        token = jwt.encode({**claims, "exp": datetime.now(UTC) + timedelta(minutes=30)}, SECRET, algorithm="HS256")
        return {"Authorization": f"Bearer {token}", "Idempotency-Key": uuid4().hex}


class Office:
    """H1 paid its bill and something over; H2 owes."""

    def __init__(self, http: TestClient, doors: Doors, bills: dict[str, int], today: date) -> None:
        self.http, self.doors, self.bills, self.today = http, doors, bills, today

    def ask(self, person: Person, duty: str) -> Any:
        """The first half of a duty."""
        path, body = getattr(self, f"_{duty}")()
        return self.http.post(path, json=body, headers=person.headers())

    def decide(self, person: Person, duty: str, request_id: str, verb: str = "approve") -> Any:
        """The other half."""
        return self.http.post(f"/v1/{DUTIES[duty]}/{request_id}/{verb}", json={}, headers=person.headers())

    def books(self) -> tuple[Any, ...]:
        """All that a duty could move, as it stands."""
        with Session(self.doors.behind["billing"].engine) as session:
            return tuple(session.execute(MOVED).one())

    def _waiver(self) -> tuple[str, dict[str, Any]]:
        relief = {"bill_ids": [self.bills["H2"]], "kind": "principal", "amount_fen": 1_000}
        return "/v1/waivers", {**relief, "reason": "the lift stood still"}

    def _refund(self) -> tuple[str, dict[str, Any]]:
        body = {"amount_fen": 2_414, "channel": "cash", "reason": "moves away"}
        return "/v1/households/H1/credit-refunds", body

    def _void(self) -> tuple[str, dict[str, Any]]:
        return f"/v1/bills/{self.bills['H1']}/void", {"reason": "wrong area", "reissue": False}

    def _policy(self) -> tuple[str, dict[str, Any]]:
        since = (self.today + timedelta(days=9)).isoformat()
        change = {"policy": "allocation", "estate": "E1", "values": {"order": "late_fee_first"}}
        return "/v1/policy-changes", {**change, "effective_from": since, "reason": "as resolved"}


@pytest.fixture(scope="module")
def office(servers: Servers, templates: TemplateDatabases) -> Iterator[Office]:
    with house(servers, templates, "billing", "notifications", "payments") as (api, doors):
        billing = doors.behind["billing"]
        doors.behind["payments"].channels = {}
        now = billing.clock()
        desk = Desk(billing.engine, Settings(), now=now)
        desk.estate("E1", *HOMES)
        desk.run(f"{now - timedelta(days=31):%Y-%m}")
        with Session(billing.engine) as session, session.begin():
            books = Books(session)
            books.pay(BILL + CREDIT, now.date().isoformat())
            rows = session.execute(text("SELECT h.code, b.id FROM bill b JOIN household h ON h.id = b.household_id"))
            bills = {row.code: row.id for row in rows}
        doors.tell_portfolio()
        yield Office(api.http, doors, bills, business_date(now))


@pytest.fixture(params=["guard", "no guard"])
def guard(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the gateway's guard, and with everybody let through to the doors."""
    if request.param == "no guard":
        monkeypatch.setattr(Visit, "check_permission", lambda *_: None)


@pytest.mark.usefixtures("guard")
@pytest.mark.parametrize("duty", DUTIES)
@pytest.mark.parametrize("roles", PEOPLE, ids=lambda roles: "all" if len(roles) > 1 else roles[0])
def test_fc1_nobody_does_both_halves_of_a_duty(office: Office, duty: str, roles: list[Role]) -> None:
    before, person = office.books(), Person("one", roles)
    asked = office.ask(person, duty)
    assert asked.status_code in {200, 201, 403}, asked.text
    if asked.status_code != 403:
        own = office.decide(person, duty, asked.json()["id"])
        assert (own.status_code, own.headers["content-type"]) == (403, "application/problem+json"), own.text
        assert office.decide(person, duty, asked.json()["id"], "withdraw").status_code == 200
    assert office.books() == before


@pytest.mark.usefixtures("guard")
@pytest.mark.parametrize("roles", PEOPLE, ids=lambda roles: "all" if len(roles) > 1 else roles[0])
@pytest.mark.parametrize("days", [3, 4, 400])
def test_fc3_a_day_moves_as_far_as_policy_lets(office: Office, days: int, roles: list[Role]) -> None:
    body = {"household": "H2", "channel": "cash", "amount_fen": 1, "received_on": f"{office.today - timedelta(days)}"}
    reply = office.http.post("/v1/payments", json=body, headers=Person("one", roles).headers())
    takes = any(role in Permission.TAKE_CASH.roles for role in roles)
    further = any(role in Permission.BACKDATE_PAYMENT.roles for role in roles)
    allowed = takes and (days <= 3 or further)
    assert reply.status_code in ({201} if allowed else {403, 422}), reply.text


def test_fc1_who_says_how_much_goes_by_rule_has_nothing_go_by_it(office: Office) -> None:
    before, person = office.books(), Person("one", STAFF)
    band = {"up_to_fen": 10**9, "up_to_ratio": None, "roles": [], "needs_resolution": False}
    settings = [
        ("/v1/waiver-authority", {"kind": "principal", "estate": "E1", "bands": [band]}, {"bands": []}),
        ("/v1/void-authority", {"estate": "E1", "automatic_up_to_fen": 10**9}, {"automatic_up_to_fen": None}),
    ]
    for path, body, _ in settings:
        assert office.http.put(path, json=body, headers=person.headers()).status_code == 200
    for duty, waits in (("waiver", "pending"), ("void", "requested")):
        asked = office.ask(person, duty).json()
        assert asked["status"] == waits
        assert office.decide(person, duty, asked["id"]).status_code == 403
        assert office.decide(person, duty, asked["id"], "withdraw").status_code == 200
    for path, body, back in settings:
        assert office.http.put(path, json=body | back, headers=person.headers()).status_code == 200
    assert office.books() == before


def test_fc1_two_people_do_what_one_may_not(office: Office) -> None:
    """So the tests above are about something: every duty can be done."""
    before = office.books()
    for duty in DUTIES:
        asked = office.ask(Person("one", STAFF), duty)
        done = office.decide(Person("two", STAFF), duty, asked.json()["id"])
        assert done.status_code == 200, done.text
    assert all(after != was for after, was in zip(office.books(), before, strict=True))
