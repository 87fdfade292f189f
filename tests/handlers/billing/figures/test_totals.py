"""J1: totals say what the rollups say on any day, folded or not; the check finds what is wrong; households by count."""

import random
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from services.billing.figures.rates import handlers, totals
from services.billing.figures.rates.handlers import RateCut
from services.common.contracts.errors import Forbidden, Invalid
from services.common.domain.access import Caller
from services.common.domain.calendar import add_months
from tests.support.billing.books import SYSTEM, TODAY, Books

KEY = "estate_id, building, fee_item, period, due_date, booked_on"
ADD = text(f"""
INSERT INTO rate_rollup AS r ({KEY}, billed_fen, collected_fen, waived_fen, billed_count)
VALUES (:estate_id, :building, :fee_item, :period, :due_date, :booked_on, :billed, :collected, :waived, :count)
ON CONFLICT ({KEY}) DO UPDATE SET billed_fen = r.billed_fen + excluded.billed_fen,
  collected_fen = r.collected_fen + excluded.collected_fen, waived_fen = r.waived_fen + excluded.waived_fen,
  billed_count = r.billed_count + excluded.billed_count
""")
SUMS = ("billed_fen", "collected_fen", "waived_fen", "billed_count")


@pytest.fixture
def engine(database: Callable[[str], Engine]) -> Engine:
    return database("billing")


@pytest.fixture
def books(engine: Engine) -> Iterator[Books]:
    with Session(engine) as session:
        yield Books(session)


def rates(books: Books, as_of: date = TODAY, caller: Caller = SYSTEM, **cut: Any) -> dict[Any, dict[str, Any]]:
    found = handlers.collection_rates(books.session, caller, RateCut(**cut), as_of)
    return {item["key"]: item for item in found["items"]}


def check(books: Books) -> tuple[int, int]:
    found = handlers.rollup_check(books.session, SYSTEM, None)
    return found["rollups"]["differences"], found["totals"]["differences"]


def scatter(books: Books, chance: random.Random, rows: int) -> None:
    """Postings of every kind on every kind of day: early, late, before the bill, undone."""
    for _ in range(rows):
        period = add_months(date(2025, 10, 1), chance.randrange(14))
        row = {
            "estate_id": books.estates[chance.choice(["E1", "E2"])],
            "building": chance.choice("12"),
            "fee_item": chance.choice(["property_fee", "parking"]),
            "period": period,
            "due_date": add_months(period, 1) + timedelta(days=chance.choice([0, 14, 40])),
            "booked_on": period + timedelta(days=chance.randrange(-20, 120)),
            "billed": chance.randrange(-500, 2000),
            "collected": chance.randrange(-300, 1500),
            "waived": chance.choice([0, 0, 7, -7]),
            "count": chance.randrange(-1, 3),
        }
        books.session.execute(ADD, row)


def expected(books: Books, key: str, as_of: date, **window: date) -> dict[str, dict[str, int]]:
    """The definition, row by row."""
    found: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(SUMS, 0))
    rows = books.session.execute(
        text("SELECT r.*, e.code AS estate FROM rate_rollup r JOIN estate e ON e.id = r.estate_id")
    )
    for row in rows:
        counts = min(row.booked_on, row.due_date, add_months(row.period, 1) - timedelta(days=1)) <= as_of
        if "period" in window and row.period != window["period"]:
            continue
        if "due_in" in window and row.due_date.replace(day=1) != window["due_in"]:
            continue
        keys = {"group": "group", "estate": row.estate, "fee_item": row.fee_item, "period": f"{row.period:%Y-%m}"}
        sums = found[keys[key]]
        if window or counts:
            sums["billed_fen"] += row.billed_fen
            sums["billed_count"] += row.billed_count
        if row.booked_on <= as_of:
            sums["collected_fen"] += row.collected_fen
            sums["waived_fen"] += row.waived_fen
    return dict(found)


def test_j1_totals_are_the_rollups_on_any_day_folded_or_not(books: Books) -> None:
    books.estate("E1")
    books.estate("E2")
    chance = random.Random(11)
    for _round in range(6):
        scatter(books, chance, 60)
        if chance.random() < 0.8:
            totals.fold(books.session, chance.choice([10, 1000]))
        for _ in range(12):
            as_of = date(2025, 9, 20) + timedelta(days=chance.randrange(500))
            key = chance.choice(["group", "estate", "fee_item", "period"])
            month = add_months(date(2025, 10, 1), chance.randrange(14))
            name, window = chance.choice([("period", {"period": month}), ("due_in", {"due_in": month}), ("", {})])
            asked = {name: f"{month:%Y-%m}"} if name else {}
            told = rates(books, as_of, group_by=key, **asked)
            assert {
                k: {name: item[name] for name in SUMS} for k, item in told.items() if any(item[n] for n in SUMS)
            } == {k: sums for k, sums in expected(books, key, as_of, **window).items() if any(sums.values())}, (
                key,
                as_of,
                window,
            )
        assert check(books)[1] == 0


def test_j1_windows_of_any_day_are_the_same_from_totals_and_from_rollups(books: Books) -> None:
    books.estate("E1")
    books.estate("E2")
    chance = random.Random(7)
    scatter(books, chance, 150)
    totals.fold(books.session, 70)
    for _ in range(20):
        as_of = date(2025, 9, 20) + timedelta(days=chance.randrange(500))
        # cut by building the rollups answer, cut by nothing the totals do
        whole = rates(books, as_of, group_by="group", windows=True)["group"]
        parts = handlers.collection_rates(books.session, SYSTEM, RateCut("building", windows=True), as_of)["items"]
        for name, value in whole.items():
            if name.endswith(("_fen", "_count")):
                assert sum(part[name] for part in parts) == value, (name, as_of)


def test_j1_a_past_day_has_its_windows(books: Books) -> None:
    books.household("H1")
    books.bill(10000, "2026-09-15")
    books.bill(20000, "2026-10-15")
    books.pay(4000, "2026-09-20")
    books.pay(20000, "2026-10-10")
    item = rates(books, date(2026, 10, 12), windows=True)["E1"]
    # 6000 were open when October began; the oldest bill comes first
    assert (item["recovery_open_fen"], item["recovery_collected_fen"], item["recovery_rate"]) == (6000, 6000, 1.0)
    assert item["current_billed_fen"] == 20000
    assert item["cumulative_billed_fen"] == 10000
    assert rates(books, date(2026, 9, 10), windows=True)["E1"]["cumulative_rate"] is None
    with pytest.raises(Invalid):
        rates(books, windows=True, period="2026-09")


def test_j1_by_period(books: Books) -> None:
    books.household("H1")
    books.bill(10000, "2026-09-15")
    books.bill(20000, "2026-10-15")
    assert {key: item["billed_fen"] for key, item in rates(books, group_by="period").items()} == {
        "2026-08": 10000,
        "2026-09": 20000,
    }


def test_j1_payments_of_one_estate_and_day_do_not_wait_for_each_other(engine: Engine, books: Books) -> None:
    """Two payments whose transactions are both open write their changes; the totals get both."""
    for household, building in (("H1", "1"), ("H2", "2")):
        books.household(household, building=building)
        books.bill(10000, "2026-10-15", household)
    books.session.commit()
    with Session(engine) as one, Session(engine) as other:
        Books(one).pay(10000, "2026-10-10", "H1")
        Books(other).pay(10000, "2026-10-10", "H2")
        one.commit()
        other.commit()
    assert totals.fold(books.session, 1000) >= 3
    assert rates(books)["E1"]["collected_fen"] == 20000
    assert check(books) == (0, 0)


def test_j1_two_replicas_fold_each_change_once(engine: Engine, books: Books) -> None:
    books.estate("E1")
    books.estate("E2")
    scatter(books, random.Random(3), 200)
    books.session.commit()

    def folding(_: int) -> int:
        done = 0
        for _round in range(40):
            with Session(engine) as session, session.begin():
                done += totals.fold(session, 5)
        return done

    with ThreadPoolExecutor(2) as pool:
        done = sum(pool.map(folding, range(2)))
    done += totals.fold(books.session, 1_000)
    assert books.one("SELECT count(*) FROM rate_change") == books.one("SELECT count(*) FROM rate_building_change") == 0
    assert done == 400, "each once without and once with its building"
    assert check(books)[1] == 0


@pytest.mark.bends_the_books
def test_j1_the_check_finds_a_row_that_is_wrong(books: Books) -> None:
    books.household("H1")
    books.bill(10000, "2026-10-15")
    books.pay(4000, "2026-10-10")
    totals.fold(books.session, 1000)
    assert check(books) == (0, 0)
    books.session.execute(text("UPDATE rate_rollup SET collected_fen = collected_fen + 1 WHERE collected_fen > 0"))
    found = handlers.rollup_check(books.session, SYSTEM, "E1")["rollups"]
    assert found["differences"] == 1
    [item] = found["items"]
    assert (item["estate"], item["booked_on"], item["expected_collected_fen"]) == ("E1", date(2026, 10, 10), 4000)
    assert item["kept_collected_fen"] == 4001
    assert check(books) == (1, 0), "the totals follow the rollups, right or wrong"
    books.session.execute(text("UPDATE rate_month SET billed_fen = 0 WHERE billed_fen > 0"))
    assert check(books) == (1, 1)
    for table, level in (("rate_building", "building"), ("rate_building_month", "building_month")):
        books.session.execute(text(f"UPDATE {table} SET billed_fen = 1 WHERE billed_fen > 0"))
        wrong = handlers.rollup_check(books.session, SYSTEM, "E1")["totals"]["items"]
        assert [item["building"] for item in wrong if item["level"] == level] == ["1"]


def test_j1_the_check_is_for_operators(books: Books) -> None:
    books.estate("E1")
    manager = Caller(sub="m", roles=frozenset({"estate_manager"}), estates=frozenset({"E1"}))
    with pytest.raises(Forbidden):
        handlers.rollup_check(books.session, manager, "E1")


def test_j1_households_that_paid_in_full(books: Books) -> None:
    for household, building in (("H1", "1"), ("H2", "1"), ("H3", "2")):
        books.household(household, building=building)
        books.bill(10000, "2026-10-15", household)
    books.bill(500, "2026-10-15", "H1", fee_item="parking")
    books.household("H9", "E2")
    books.bill(10000, "2026-10-15", "H9")
    books.pay(10500, "2026-10-10", "H1")
    books.pay(10000, "2026-10-14", "H2")
    books.pay(9999, "2026-10-12", "H3")

    def counted(day: int, **cut: Any) -> dict[Any, tuple[int, int]]:
        found = rates(books, date(2026, 10, day), households=True, **{"due_in": "2026-10", **cut})
        return {key: (item["households_billed"], item["households_paid"]) for key, item in found.items()}

    assert counted(20) == {"E1": (3, 2), "E2": (1, 0)}
    assert counted(20) == counted(20, due_in=None, period="2026-09")
    assert [counted(day)["E1"][1] for day in (9, 10, 13, 14)] == [0, 1, 1, 2]
    assert counted(20, group_by="group") == {"group": (4, 2)}
    assert counted(20, group_by="building", estate="E1") == {"1": (2, 2), "2": (1, 0)}
    assert counted(20, group_by="fee_item") == {"property_fee": (4, 2), "parking": (1, 1)}
    assert counted(20, fee_item="parking", group_by="region") == {"South": (1, 1)}
    assert counted(20, group_by="period") == {"2026-09": (4, 2)}
    assert rates(books, date(2026, 10, 20), households=True, due_in="2026-10")["E1"]["household_rate"] == 2 / 3
    with pytest.raises(Invalid):
        rates(books, households=True)


def test_j1_a_waiver_settles_but_does_not_pay(books: Books) -> None:
    for household in ("H1", "H2"):
        books.household(household)
    waived, part = books.bill(1000, "2026-10-15", "H1"), books.bill(1000, "2026-10-15", "H2")
    books.pay(900, "2026-10-10", "H2")
    for bill_id, fen in ((waived, 1000), (part, 100)):
        books.waive(bill_id, fen, date(2026, 10, 20))
    assert check(books) == (0, 0)

    def paid(day: int) -> tuple[int, int]:
        item = rates(books, date(2026, 10, day), households=True, due_in="2026-10")["E1"]
        return item["households_paid"], item["waived_fen"]

    assert paid(19) == (0, 0)
    assert paid(20) == (1, 1100)
