"""The demo's client retries without doing anything twice, and its cross-checks notice when money is missing."""

from collections import Counter
from collections.abc import Callable
from datetime import date
from typing import Any

import httpx
import pytest

from demo.api import Api, DemoFailure, Refused, wait_for
from demo.arithmetic import show_the_arithmetic
from demo.figures import Rate, Snapshot
from demo.load import is_complete
from demo.payments import _amount
from demo.portfolio import generate
from demo.stage import Stage, counted, money

Handler = Callable[[httpx.Request], httpx.Response]


def client(handler: Handler) -> Api:
    return Api(httpx.Client(base_url="http://demo.test", transport=httpx.MockTransport(handler)))


def test_a_post_keeps_its_key_over_the_retries() -> None:
    keys: list[str] = []

    def busy_once(request: httpx.Request) -> httpx.Response:
        keys.append(request.headers["Idempotency-Key"])
        busy = httpx.Response(503, headers={"Retry-After": "0"})
        return busy if len(keys) == 1 else httpx.Response(201, json={"id": "p1"})

    assert client(busy_once).post("/v1/payments", {"amount_fen": 1}) == {"id": "p1"}
    assert len(keys) == 2
    assert keys[0] == keys[1]


def test_two_posts_have_different_keys() -> None:
    keys: list[str] = []

    def note(request: httpx.Request) -> httpx.Response:
        keys.append(request.headers["Idempotency-Key"])
        return httpx.Response(201, json={})

    api = client(note)
    api.post("/v1/payments")
    api.post("/v1/payments")
    assert keys[0] != keys[1]


def test_a_problem_document_is_raised_with_its_status() -> None:
    api = client(lambda _: httpx.Response(422, json={"title": "Invalid", "detail": "line 3"}))
    with pytest.raises(Refused, match="line 3") as refused:
        api.upload("/v1/imports/units", "x\n")
    assert refused.value.status == 422


def test_a_list_is_read_page_after_page() -> None:
    def pages(request: httpx.Request) -> httpx.Response:
        second = request.url.params.get("cursor") == "next"
        return httpx.Response(
            200, json={"items": [{"n": 2 if second else 1}], "next_cursor": None if second else "next"}
        )

    assert [item["n"] for item in client(pages).items("/v1/estates")] == [1, 2]


@pytest.mark.parametrize(
    ("last", "complete"),
    [
        ({"status": "closed", "round": 1}, True),
        ({"status": "reopened", "round": 2}, True),
        ({"status": "resolved", "round": 1}, False),
        (None, False),
    ],
)
def test_a_load_is_complete_whatever_people_did_with_it_since(last: dict[str, Any] | None, complete: bool) -> None:
    """Else the next start loads again what has changed meanwhile, fails, and takes the stack with it."""
    later = {"status": "registered", "round": 1}

    def pages(request: httpx.Request) -> httpx.Response:
        first = request.url.params.get("cursor") is None
        items = [later] if first else [last] if last else []
        return httpx.Response(200, json={"items": items, "next_cursor": "next" if first else None})

    assert is_complete(client(pages), generate(as_of=date(2026, 11, 22))) is complete


def test_waiting_in_vain_says_what_for() -> None:
    with pytest.raises(DemoFailure, match="the bill run is done"):
        wait_for("the bill run is done", lambda: None, seconds=0.02, every=0.01)


def snapshot(collected_fen: int, **accounts: int) -> Snapshot:
    return Snapshot(Rate(1000, 0), Rate(9000, collected_fen), Counter(accounts), 0)


def test_received_money_is_told_by_channel_and_by_use() -> None:
    before = snapshot(100, cash_wechat=50, cash_pos=5, late_fee_income=-3, customer_credit=-7)
    after = snapshot(180, cash_wechat=150, cash_pos=5, late_fee_income=-13, customer_credit=-17)
    assert after.received_since(before) == {
        "channels": {"wechat": 100},
        "principal_fen": 80,
        "late_fee_fen": 10,
        "credit_fen": 10,
    }
    assert after.cash_fen - before.cash_fen == 100


def test_a_rate_of_nothing_billed_is_zero() -> None:
    assert (Rate(0, 0).rate, str(Rate(300, 100))) == (0.0, "33.33%")


STATEMENT = {
    "total_due_fen": 20_523,
    "bills": [
        {"id": 1, "due_date": "2026-10-15", "outstanding_fen": 10_000},
        {"id": 2, "due_date": "2026-11-15", "outstanding_fen": 10_500},
        {"id": 3, "due_date": "2026-11-15", "outstanding_fen": 0},
    ],
}


@pytest.mark.parametrize(
    ("way", "amount", "bills"),
    [("all", 20_523, []), ("part", 10_261, []), ("over", 30_000, []), ("one_bill", 10_500, [2])],
)
def test_how_much_a_household_pays(way: str, amount: int, bills: list[int]) -> None:
    assert _amount(STATEMENT, way) == (amount, bills)


def test_a_figure_that_does_not_add_up_is_remembered_and_told() -> None:
    told: list[str] = []
    api = client(lambda _: httpx.Response(200, json={}))
    small = generate(as_of=date(2026, 11, 21), estates=1, households=20)
    stage = Stage(api, api, api, api, api, small, date(2026, 11, 21), date(2026, 10, 1), told.append)
    stage.check("payments = principal", 100, 100)
    stage.check("difference is 0", 0, 5)
    assert [held for _, held in stage.checks] == [True, False]
    assert "✗" in told[-1]
    assert "found 5" in told[-1]
    assert (stage.period, stage.due) == ("2026-10", date(2026, 11, 15))


def test_money_for_the_eye() -> None:
    assert (money(123_456_789), money(5)) == ("¥1,234,567.89", "¥0.05")


@pytest.mark.parametrize(("number", "shown"), [(0, "0 steps"), (1, "1 step"), (2456, "2,456 steps")])
def test_a_number_with_its_noun(number: int, shown: str) -> None:
    assert counted(number, "step") == shown


def explained(amount_fen: int, late_fee_fen: int) -> tuple[Stage, list[str]]:
    """A stage on which the first late payer's flat owes the month: 87.33 m² × 2.35, seven days late."""
    told: list[str] = []
    small = generate(as_of=date(2026, 11, 21), estates=1, households=60)
    unit = next(u for u in small.estates[0].units if u.status == "occupied" and u.household.payer.name != "on_time")
    bill = {"id": 1, "unit": f"DM001/{unit.code}", "period": "2026-10", "due_date": "2026-11-15", "overdue_days": 7}
    bill |= {"amount_fen": amount_fen, "outstanding_fen": amount_fen, "late_fee_fen": late_fee_fen}
    explanation = {
        "inputs": {"area_m2": "87.33"},
        "tariff": {"unit_price_yuan": "2.35"},
        "text": {"en": "87.33 × 2.35"},
    }

    def answer(request: httpx.Request) -> httpx.Response:
        is_bill = request.url.path.endswith("/explanation")
        return httpx.Response(200, json=explanation if is_bill else {"bills": [bill]})

    api = client(answer)
    return Stage(api, api, api, api, api, small, date(2026, 11, 22), date(2026, 10, 1), told.append), told


def test_a_bill_and_its_late_fee_are_worked_out_again() -> None:
    stage, told = explained(20_523, 43)  # 205.2255 yuan; 205.23 × 0.0003 × 7 = 0.430983
    assert show_the_arithmetic(stage) == {"bill": 1, "amount_fen": 20_523, "days_late": 7, "late_fee_fen": 43}
    assert [held for _, held in stage.checks] == [True, True]
    assert "¥205.23 × 0.03 % × 7 = ¥0.43" in "\n".join(told)


@pytest.mark.parametrize(("amount", "late_fee", "held"), [(20_522, 43, [False, True]), (20_523, 44, [True, False])])
def test_a_fen_too_few_or_too_many_is_noticed(amount: int, late_fee: int, held: list[bool]) -> None:
    stage, _ = explained(amount, late_fee)
    show_the_arithmetic(stage)
    assert [ok for _, ok in stage.checks] == held
