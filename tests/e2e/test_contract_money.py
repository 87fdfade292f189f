"""The contract page over HTTP: statements as of any day, and what allocation does with payments (B6, B9, C1)."""

from datetime import date, timedelta
from itertools import count
from typing import Any

import pytest

from tests.support.api import Api
from tests.support.estates import SmallEstate
from tests.support.waiting import until

_numbers = count(1)


@pytest.fixture
def estate(api: Api) -> str:
    """A fresh estate with a late-fee clause and four households, {estate}-H1 … {estate}-H4."""
    small = SmallEstate(f"CM{next(_numbers):02d}", flats=4)
    for kind in ("estates", "units"):
        api.load(kind, getattr(small, kind)())
    return small.code


def owe(api: Api, estate: str, number: int, yuan: str, period: str, due: str) -> None:
    header = "estate_code,unit_code,fee_item,period,amount_yuan,due_date\n"
    api.load("opening_balances", f"{header}{estate},{number:04},property_fee,{period},{yuan},{due}\n")


def owed(api: Api, household: str, as_of: str) -> tuple[int, int]:
    shown = api.get(f"/v1/households/{household}/statement", as_of=as_of)
    return shown["principal_fen"], shown["late_fee_fen"]


def pay(api: Api, household: str, fen: int, on: str) -> dict[str, Any]:
    """Cash of that day, allocated."""
    paid = api.post("/v1/payments", household=household, channel="cash", amount_fen=fen, received_on=on)
    assert paid["status"] == "settled"

    def allocated() -> Any:
        found = api.get(f"/v1/payments/{paid['id']}")
        return found if found["allocations"] is not None else None

    return until(allocated, "the payment is allocated")


def test_the_worked_examples(api: Api, estate: str) -> None:
    owe(api, estate, 1, "300.00", "2025-09", "2025-09-15")
    for day, fee in (("2025-08-20", 0), ("2025-09-14", 0), ("2025-09-15", 0), ("2025-09-16", 9)):
        assert owed(api, f"{estate}-H1", day) == (30000, fee), day
    owe(api, estate, 2, "285.60", "2025-02", "2025-03-15")
    assert owed(api, f"{estate}-H2", "2025-06-13") == (28560, 771)
    owe(api, estate, 3, "1000.00", "2024-12", "2025-01-15")
    pay(api, f"{estate}-H3", 60000, "2025-03-16")
    pay(api, f"{estate}-H3", 40000, "2025-02-14")
    assert owed(api, f"{estate}-H3", "2025-04-30") == (0, 1440), "in whatever order the money was entered"
    owe(api, estate, 4, "500.00", "2025-04", "2025-04-15")
    pay(api, f"{estate}-H4", 20000, "2025-04-10")
    assert owed(api, f"{estate}-H4", "2025-04-12") == (30000, 0)
    pay(api, f"{estate}-H4", 30000, "2025-05-15")
    assert owed(api, f"{estate}-H4", "2025-06-01") == (0, 270)


def test_the_worked_example_of_a_plan(api: Api, estate: str) -> None:
    """3 × 1000.00 under a plan that freezes from its signing; the second came 20 days late."""
    owe(api, estate, 1, "3000.00", "2024-12", "2025-01-15")
    household = f"{estate}-H1"
    (bill,) = api.get(f"/v1/households/{household}/bills")["items"]
    parts = [{"due_date": f"2025-{month}-15", "amount_fen": 100000} for month in ("04", "05", "06")]
    asked = {"household": household, "bill_ids": [bill["id"]], "signed_on": "2025-03-01", "instalments": parts}
    api.post("/v1/instalment-plans", **asked)
    for on in ("2025-04-15", "2025-06-04", "2025-06-15"):
        pay(api, household, 100000, on)
    assert owed(api, household, "2025-12-01") == (0, 4650)


def test_what_was_paid_before_the_books_opened(api: Api, estate: str) -> None:
    header = "estate_code,unit_code,fee_item,period,amount_yuan,due_date,paid_yuan\n"
    row = f"{estate},{{}},property_fee,2024-12,1000.00,2025-01-15,{{}}\n"
    api.load("opening_balances", header + row.format("0001", "1000.00") + row.format("0002", "400.00"))
    for day in ("2025-01-10", "2025-06-01", "2026-01-01"):
        assert owed(api, f"{estate}-H1", day) == (0, 0), day
    assert owed(api, f"{estate}-H2", "2025-02-14") == (60000, 540)
    pay(api, f"{estate}-H2", 60000, "2025-02-14")
    assert owed(api, f"{estate}-H2", "2026-01-01") == (0, 540)


def test_fm10_a_month_that_is_billed_late_is_owed_but_not_overdue(api: Api, estate: str) -> None:
    api.load("tariffs", SmallEstate(estate).tariffs())
    api.post(f"/v1/estates/{estate}/tariffs/publish")
    assert api.run_bills("2025-01", estates=[estate])["bills"] == 4
    [bill] = api.get(f"/v1/households/{estate}-H1/bills")["items"]
    due = date.fromisoformat(bill["due_date"])
    assert due == date.fromisoformat(bill["issued_on"]) + timedelta(days=15)
    assert owed(api, f"{estate}-H1", due.isoformat()) == (20523, 0)
    assert owed(api, f"{estate}-H1", (due + timedelta(days=1)).isoformat()) == (20523, 6)
