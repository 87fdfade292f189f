"""A group moves in with 18 months of arrears and prepaid families, and runs three months late (FM1, FM3, FM9, FM10).

Nobody in credit is written to, nobody's first letter is a demand, no bill is born overdue, and every rate is a share.
"""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from services.common.domain.calendar import add_months, business_date, format_period
from services.common.domain.money import half_up
from tests.support.api import Api
from tests.support.estates import SmallEstate
from tests.support.waiting import until

FLAT_FEN = 20523
MONTHS = 18
NOTICE_DAYS = 15
OLD_FEN = 10_000
REMINDERS = {"reminder_7", "reminder_1"}
LATE_FEE_RATE = Decimal("0.0003")
ESTATE = SmallEstate("MOVE", flats=5)
RICH, HALF, OWING, NEW, SMALL = ESTATE.households
PREPAID = {RICH: MONTHS * OLD_FEN + 4 * FLAT_FEN, HALF: 5 * OLD_FEN + 3_000, NEW: 50_000}
HEADER = "estate_code,unit_code,fee_item,period,amount_yuan,due_date"


def today() -> date:
    return business_date(datetime.now(UTC))


def old_months() -> list[date]:
    first = today().replace(day=1)
    return [add_months(first, -n) for n in range(MONTHS + 3, 3, -1)]


def open_principal(money: int) -> list[int]:
    """What money of today leaves of the old debts, oldest first: a bill with its late fee, principal before it (B9)."""
    rest = []
    for month in old_months():
        late_fee = half_up(OLD_FEN * LATE_FEE_RATE * (today() - add_months(month, 1, 15)).days)
        rest.append(OLD_FEN - min(OLD_FEN, money))
        money -= min(OLD_FEN + late_fee, money)
    return [fen for fen in rest if fen]


def old_debts() -> str:
    """Eighteen months of the first three flats; of the fifth, four yuan."""
    months = old_months()
    rows = [(flat, month, "100.00") for flat in ("0001", "0002", "0003") for month in months]
    rows.append(("0005", months[-1], "4.00"))
    lines = [f"{ESTATE.code},{flat},old_fee,{m:%Y-%m},{yuan},{add_months(m, 1, 15)}" for flat, m, yuan in rows]
    return "\n".join([HEADER, *lines])


@pytest.fixture(scope="module")
def moved_in(stack: Any) -> Api:
    """The estate with its people, what they have paid ahead, their arrears, and three months billed today."""
    api = Api(stack.url)
    ESTATE.load(api)
    for household, fen in PREPAID.items():
        payment = api.post("/v1/payments", household=household, channel="cash", amount_fen=fen)
        path = f"/v1/payments/{payment['id']}"
        api.wait(path, lambda paid: paid["allocations"] is not None, "the money is posted")
    api.load("opening_balances", old_debts())
    for back in (3, 2, 1):
        run = api.run_bills(format_period(add_months(today().replace(day=1), -back)), estates=[ESTATE.code])
        assert (run["status"], run["bills"]) == ("done", ESTATE.flats)
    return api


def statement(api: Api, household: str) -> Any:
    return api.get(f"/v1/households/{household}/statement")


def rungs(api: Api, household: str) -> list[str]:
    return [step["step"] for step in api.get(f"/v1/dunning/cases/{household}")["steps"]]


def letters(api: Api, household: str) -> list[str]:
    messages = api.get("/v1/notifications", household=household, limit=200)["items"]
    return [message["template"] for message in messages if message["category"] == "dunning"]


def test_fm1_what_was_prepaid_pays_the_oldest_debts_first(moved_in: Api) -> None:
    assert statement(moved_in, RICH)["total_due_fen"] <= 0
    half = statement(moved_in, HALF)
    old = open_principal(PREPAID[HALF])
    assert (half["credit_fen"], half["bills"][0]["outstanding_fen"]) == (0, old[0])
    assert half["principal_fen"] == sum(old) + 3 * FLAT_FEN
    assert 0 < old[0] < OLD_FEN
    assert 0 < len(old) < MONTHS
    assert statement(moved_in, NEW)["principal_fen"] == 3 * FLAT_FEN - PREPAID[NEW]


def test_fm10_no_bill_is_born_overdue(moved_in: Api) -> None:
    bills = moved_in.get(f"/v1/households/{OWING}/bills", limit=200)["items"]
    born = [bill for bill in bills if bill["fee_item"] == "property_fee"]
    assert len(born) == 3
    assert all(date.fromisoformat(bill["due_date"]) >= today() + timedelta(days=NOTICE_DAYS) for bill in born)
    lines = [line for line in statement(moved_in, OWING)["bills"] if line["fee_item"] == "property_fee"]
    assert [line["late_fee_fen"] for line in lines] == [0, 0, 0]


def test_fm3_fm10_first_a_notice_then_a_visit_then_a_demand_and_nothing_to_who_owes_nothing(moved_in: Api) -> None:
    ladder: list[list[str]] = []
    for days in (0, 1, 7, 14):
        moved_in.sweep((today() + timedelta(days=days)).isoformat(), estates=[ESTATE.code])
        ladder.append(rungs(moved_in, OWING))
    wanted = ["overdue_notice", "visit", "demand_letter"]
    assert ladder == [wanted[:1], wanted[:1], wanted[:2], wanted]
    assert rungs(moved_in, HALF)[0] == "overdue_notice"
    assert rungs(moved_in, RICH) == []
    assert rungs(moved_in, NEW) == ["reminder_1"], "of what was billed today, the day before it is due"
    assert set(rungs(moved_in, SMALL)) <= REMINDERS
    until(lambda: "dunning.overdue_notice" in letters(moved_in, OWING), "the notice is written", 60)
    assert letters(moved_in, RICH) == []
    for household in (NEW, SMALL):
        assert set(letters(moved_in, household)) <= {"dunning.reminder"}, household


def test_fm9_every_rate_is_a_share_on_every_day(moved_in: Api) -> None:
    first = today().replace(day=1)
    days = [today(), first - timedelta(days=1), add_months(first, -1) - timedelta(days=1), today() - timedelta(days=1)]
    rates = []
    for group_by in ("group", "region", "estate", "building", "steward", "fee_item"):
        for day in days:
            answer = moved_in.get("/v1/collection-rates", group_by=group_by, as_of=day.isoformat(), windows=True)
            names = ("rate", "current_rate", "cumulative_rate", "recovery_rate")
            rates += [(group_by, day, item[name]) for item in answer["items"] for name in names]
    assert [rate for rate in rates if rate[2] is not None and not 0 <= rate[2] <= 1] == []
    assert len([rate for rate in rates if rate[2]]) > len(days)
