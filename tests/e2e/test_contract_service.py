"""The contract page over HTTP: use right after an import, the ladder day by day, orders without staff (A3, D1, G1)."""

from datetime import date, timedelta
from itertools import count
from typing import Any

import pytest

from tests.support.api import Api
from tests.support.estates import SmallEstate

DUE = date(2026, 2, 15)
_numbers = count(1)


@pytest.fixture
def estate(api: Api) -> str:
    """A fresh estate of 300 households, {estate}-HH1 …, and no staff; nothing waits for the news of it to spread."""
    return fresh(api)


def fresh(api: Api) -> str:
    small = SmallEstate(f"CS{next(_numbers):02d}", flats=300)
    for kind in ("estates", "units"):
        api.load(kind, getattr(small, kind)())
    return small.code


def order(api: Api, estate: str, number: int = 300) -> Any:
    household = f"{estate}-H{number}"
    return api.post("/v1/work-orders", estate=estate, household=household, category="plumbing", description="drips")


def test_what_was_imported_can_be_used_at_once(api: Api) -> None:
    calls: list[tuple[str, dict[str, Any]]] = [
        ("/v1/work-orders", {"category": "plumbing", "priority": "normal", "description": "drips"}),
        ("/v1/complaints", {"category": "service", "level": "P2", "text": "dirty", "channel": "12345"}),
        ("/v1/payments", {"channel": "cash", "amount_fen": 100}),
    ]
    for path, body in calls:
        estate = fresh(api)
        where = {"household": f"{estate}-H300"} | ({} if path == "/v1/payments" else {"estate": estate})
        assert api.post(path, **where, **body)["household"] == f"{estate}-H300"
    unknown = api.call("POST", "/v1/payments", json={"household": "NOBODY", "channel": "cash", "amount_fen": 100})
    assert unknown.status_code == 404


def test_an_order_lives_without_any_register_of_technicians(api: Api, estate: str) -> None:
    path = f"/v1/work-orders/{order(api, estate)['id']}"
    for action in ("dispatch", "accept", "arrive"):
        assert api.post(f"{path}/{action}")["technician"] is None
    assert api.post(f"{path}/pause", reason="parts")["history"][-1]["note"] == "parts"
    for action, status in (("resume", "arrived"), ("complete", "completed"), ("confirm", "confirmed")):
        assert api.post(f"{path}/{action}")["status"] == status


def test_the_next_step_is_what_the_next_sweep_does(api: Api, estate: str) -> None:
    header = "estate_code,unit_code,fee_item,period,amount_yuan,due_date\n"
    rows = (f"{estate},{number:04},property_fee,2026-01,500.00,{DUE}\n" for number in (1, 2))
    api.load("opening_balances", header + "".join(rows))
    case = f"/v1/dunning/cases/{estate}-H1"
    held = order(api, estate, 2)["id"]
    api.wait(f"/v1/dunning/cases/{estate}-H2", lambda found: found["held"], "the order holds")
    expected = None
    for days in (-7, -1, 1, 8, 16, 45, 61):
        as_of = str(DUE + timedelta(days=days))
        assert api.sweep(as_of, estates=[estate])["actions"] == (2 if days < 0 else 1)
        assert api.sweep(as_of, estates=[estate])["actions"] == 0, "the same day again does nothing"
        found = api.get(case)
        assert expected in (None, found["steps"][-1]["step"])
        expected = (found["next_step"] or {}).get("step")
    assert expected is None, "the ladder has ended"
    api.post(f"/v1/work-orders/{held}/cancel")
    api.wait(f"/v1/dunning/cases/{estate}-H2", lambda found: not found["held"], "the hold is released")
    assert api.sweep(str(DUE + timedelta(days=62)), estates=[estate])["actions"] == 1


def test_a_technician_sees_where_to_go_but_no_personal_data(api: Api, estate: str) -> None:
    technician = Api(api.url, "technician", estates=[estate])
    shown = technician.get(f"/v1/households/{estate}-H1")
    assert shown["units"][0]["unit"] == f"{estate}/0001"
    assert SmallEstate(estate).phone(1) not in str(shown)
    assert "王小明" not in str(shown)
    for path in ("statement", "bills", "overview"):
        assert technician.call("GET", f"/v1/households/{estate}-H1/{path}").status_code == 403


def test_the_overview_of_a_household_imported_just_now_is_whole(api: Api) -> None:
    for _ in range(3):
        found = api.get(f"/v1/households/{fresh(api)}-H300/overview")
        assert found["degraded"] == []
        assert None not in found.values()
