"""Every policy goes in by the gateway as a change, is granted by another person, and is read back as it was sent."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import pytest

from gateway.resources.policies.routes import keeper
from services.common.contracts.answers.policies import PolicyName
from services.common.domain.calendar import business_date
from tests.contract.gateway.test_puts import differences
from tests.support.databases import TemplateDatabases
from tests.support.estates import SmallEstate
from tests.support.gateway import sign_in
from tests.support.servers import Servers
from tests.support.services import Doors, InProcessApi, house

ESTATE = "POL"
NOTHING = dict.fromkeys(("earliest_day", "latest_day", "kind", "channels", "template", "requires", "deadline_days",
                         "gap_days"))  # fmt: skip
VALUES: dict[str, dict[str, Any]] = {
    "late_fee_rate": {"daily": "0.00045"},
    "late_fee_terms": {"capped": False, "grace_days": 9, "grace_mode": "after_grace"},
    "allocation": {"order": "late_fee_first"},
    "plan": {"late_days": 21, "revives": False},
    "tracks": {"tracks": [
        {"cause": "hardship", "replaces": "legal_file", "code": None} | NOTHING,
        {"cause": "vacant", "replaces": "visit", "code": "vacancy", "earliest_day": 17, "latest_day": 29,
         "kind": "task", "channels": ["staff_task"], "template": "dunning.vacancy_task", "requires": ["no_hold"],
         "deadline_days": 8, "gap_days": 6},
    ]},
    "closure": {"overdue_days": 400, "opens": "09:30", "closes": "20:15", "cap_count": 3, "cap_days": 8},
    "dunning": {"small_amount_fen": 700, "gap_days": 9, "promise_days": 11, "promises_per_rung": 2},
    "payment": {"backdate_days": 4, "most_orders": 5, "transfer_days": 21},
    "closure_stages": {"stages": [
        {"code": "call", "position": 1, "days": 5, "after_outcome": None},
        {"code": "visit", "position": 2, "days": 6, "after_outcome": None},
        {"code": "mend", "position": 2, "days": 7, "after_outcome": "service_problem"},
    ]},
    "contact": {"categories": [
        {"category": "dunning", "channels": ["email", "sms"], "window": "10:00-19:00", "cap_count": 1, "cap_days": 5},
        {"category": "survey", "channels": ["sms"], "window": None, "cap_count": None, "cap_days": None},
    ]},
}  # fmt: skip


@pytest.fixture(scope="module")
def kept(servers: Servers, templates: TemplateDatabases) -> Iterator[tuple[InProcessApi, Doors]]:
    with house(servers, templates, "billing", "notifications", "payments") as (api, doors):
        SmallEstate(ESTATE).load(api)
        doors.tell_portfolio()
        yield api, doors


@pytest.fixture(autouse=True)
def clocks(kept: tuple[InProcessApi, Doors]) -> Iterator[None]:
    yield
    for service in kept[1].behind.values():
        service.__dict__.pop("clock", None)


def turn_clocks(doors: Doors, days: int) -> None:
    """So many days later the timers have their turn."""
    for service in doors.behind.values():
        service.clock = lambda: datetime.now(UTC) + timedelta(days=days)
        service.apply_policies()


def change(api: InProcessApi, policy: str, values: Any, days: int, estate: str | None) -> dict[str, Any]:
    """Asked for by finance."""
    since = (business_date(datetime.now(UTC)) + timedelta(days=days)).isoformat()
    body = {"policy": policy, "estate": estate, "values": values, "effective_from": since, "reason": "as resolved"}
    answer = api.http.post("/v1/policy-changes", json=body, headers=sign_in(api.http, "finance"))
    assert answer.status_code == 201, answer.text
    shown: dict[str, Any] = answer.json()
    assert list(differences(body, shown)) == []
    return shown


def test_every_policy_has_a_case() -> None:
    assert VALUES.keys() == {*get_args(PolicyName)}


@pytest.mark.parametrize("policy", VALUES)
def test_a_policy_is_read_back_as_it_was_sent(kept: tuple[InProcessApi, Doors], policy: str) -> None:
    api, doors = kept
    estate, values = (None if policy == "tracks" else ESTATE), VALUES[policy]
    asked = change(api, policy, values, 3, estate)
    assert asked["id"] in [each["id"] for each in api.get("/v1/policy-changes", status="pending")["items"]]
    own = sign_in(api.http, "finance")
    refused = api.http.post(f"/v1/policy-changes/{asked['id']}/approve", headers=own)
    assert refused.status_code == 403, "by whoever asked"
    granted = api.ok("POST", f"/v1/policy-changes/{asked['id']}/approve", json={"note": "seen"})
    assert (granted["status"], granted["note"], granted["applied_at"]) == ("approved", "seen", None)
    where = {} if estate is None else {"estate": estate}
    before = api.get(f"/v1/policies/{policy}", **where)
    assert (before["source"], before["since"]) == ("group", None)
    turn_clocks(doors, 3)
    standing = api.get(f"/v1/policies/{policy}", **where)
    assert standing["values"] == values
    assert (standing["change_id"], standing["since"]) == (asked["id"], asked["effective_from"])
    assert standing["changes"][0] == granted | {"applied_at": standing["changes"][0]["applied_at"]}
    [listed] = [each for each in api.get("/v1/policies", **where)["items"] if each["policy"] == policy]
    assert list(differences(listed, standing)) == []
    assert listed["source"] == ("group" if estate is None else "estate")


def test_what_the_group_has_can_be_set_as_it_is(kept: tuple[InProcessApi, Doors]) -> None:
    """All that the product comes with is fit by its own law."""
    api, _ = kept
    everything = api.get("/v1/policies")
    assert (everything["degraded"], {each["policy"] for each in everything["items"]}) == ([], {*VALUES})
    for standing in everything["items"]:
        asked = change(api, standing["policy"], standing["values"], 1, None)
        assert api.ok("POST", f"/v1/policy-changes/{asked['id']}/withdraw", headers=sign_in(api.http, "finance"))


def test_a_request_out_of_shape_is_refused_where_it_is_wrong(kept: tuple[InProcessApi, Doors]) -> None:
    api, _ = kept
    when = {"effective_from": "2030-01-01", "reason": "x"}
    for body, where in (
        ({"policy": "plan", "values": {"late_days": -1, "revives": True}}, "late_days"),
        ({"policy": "colour", "values": {}}, "body"),
        ({"policy": "contact", "values": {"categories": []}}, "categories"),
        ({"policy": "plan", "values": VALUES["plan"], "unit": "1"}, "unit"),
    ):
        answer = api.http.post("/v1/policy-changes", json=body | when)
        assert answer.status_code == 422
        assert any(where in error["loc"] for error in answer.json()["errors"]), answer.text


def test_an_unknown_change_is_nowhere(kept: tuple[InProcessApi, Doors]) -> None:
    api, _ = kept
    answer = api.http.post("/v1/policy-changes/0a6c2f7e-1d43-4b8e-9a52-7c1f8f3b6d10/approve")
    assert answer.status_code == 404


def test_a_dead_service_leaves_its_part_out(kept: tuple[InProcessApi, Doors]) -> None:
    api, doors = kept
    silent = doors.behind.pop("notifications")
    try:
        answer = api.get("/v1/policies")
    finally:
        doors.behind["notifications"] = silent
    assert answer["degraded"] == ["notifications"]
    assert {each["policy"] for each in answer["items"]} == {name for name in VALUES if keeper(name) == "billing"}
