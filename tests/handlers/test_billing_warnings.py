"""J3: targets as data, a warning once per estate, month and day, a word to the manager when an estate falls behind."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from services.billing.figures.warnings import handlers
from services.billing.figures.warnings.handlers import TargetPoint
from services.billing.service import BillingService
from services.common.access import Caller
from services.common.calendar import WorkingCalendar
from services.common.contracts.errors import Forbidden, Invalid, NotFound
from services.common.contracts.events import CollectionBelowPlan
from tests.support.books import SYSTEM, Books
from tests.support.doors import Ahead
from tests.support.outbox import events

KNOWN = WorkingCalendar(announced=frozenset({2026, 2027}))
FINANCE = Caller(sub="finance-1", roles=frozenset({"finance"}), estates=frozenset({"*"}))


@pytest.fixture
def engine(database: Callable[[str], Engine]) -> Engine:
    return database("billing")


@pytest.fixture
def books(engine: Engine) -> Iterator[Books]:
    with Session(engine) as session:
        books = Books(session)
        books.household("H1")
        books.household("H2", "E2")
        for household in ("H1", "H2"):
            books.bill(10000, "2026-11-15", household)
        yield books


def target(books: Books, rate: str | None = None, **more: Any) -> dict[str, Any]:
    asked = {"estate": None, "period": None, "curve": None, "caller": FINANCE} | more
    share = None if rate is None else Decimal(rate)
    return handlers.set_target(
        books.session, asked["caller"], asked["estate"], asked["period"], share, asked["curve"], now(20)
    )


def now(day: int, month: int = 11) -> datetime:
    """Early on a Shanghai day, so that the day before is the one looked at."""
    return datetime(2026, month, day, 1, tzinfo=UTC)


def warn(books: Books, day: int, month: int = 11, calendar: WorkingCalendar = KNOWN) -> int:
    return handlers.warn(books.session, now(day, month), calendar, 45)


def warnings(books: Books, caller: Caller = SYSTEM, **asked: Any) -> list[dict[str, Any]]:
    wanted = {"kind": None, "estate": None, "since": None, "limit": 50, "cursor": None} | asked
    items: list[dict[str, Any]] = handlers.list_warnings(books.session, caller, **wanted)["items"]
    return items


def told(books: Books) -> list[tuple[str, date]]:
    return [(event.estate, event.day) for event in events(books.session, CollectionBelowPlan)]


def test_j3_below_plan_is_warned_of_once_a_day_and_told_once(books: Books) -> None:
    target(books, "0.9", period="2026-11", estate="E1")
    books.pay(1000, "2026-11-10", "H1")
    assert [warn(books, 21), warn(books, 21), warn(books, 22)] == [1, 0, 1]
    assert told(books) == [("E1", date(2026, 11, 20))]
    newest, first = warnings(books, kind="collection_below_plan")
    assert (newest["day"], first["day"], first["estate"], first["period"]) == (
        date(2026, 11, 21), date(2026, 11, 20), "E1", "2026-11",
    )  # fmt: skip
    # 20 of 30 days of 90 %: 60 % of 100.00 yuan
    assert first["facts"] == {
        "planned_rate": 0.6, "rate": 0.1, "billed_fen": 10000, "collected_fen": 1000, "missing_fen": 5000,
    }  # fmt: skip
    event = events(books.session, CollectionBelowPlan)[0]
    assert (event.planned_rate, event.missing_fen, event.period) == (Decimal("0.6"), 5000, "2026-11")


def test_j3_who_catches_up_and_falls_behind_again_is_told_again(books: Books) -> None:
    curve = [TargetPoint(day=20, rate=Decimal("0.1")), TargetPoint(day=25, rate=Decimal("0.5"))]
    target(books, curve=curve, estate="E1")
    books.pay(2500, "2026-11-21", "H1")
    # planned 10, 18, 26, 34 %; in are 0 and then 25 %
    assert [warn(books, day) for day in (21, 22, 23, 24)] == [1, 0, 1, 1]
    assert [day.day for _, day in told(books)] == [20, 22]
    assert handlers.gaps(books.session, date(2026, 11, 21)) == {"E1": Decimal(0)}
    assert handlers.gaps(books.session, date(2026, 11, 23))["E1"] == Decimal("0.34") - Decimal("0.25")


def test_j3_the_nearest_target_counts(books: Books) -> None:
    target(books, "0.0")
    assert warn(books, 30) == 0
    target(books, "0.5", period="2026-11")
    assert handlers.gaps(books.session, date(2026, 11, 30)) == {"E1": Decimal("0.5"), "E2": Decimal("0.5")}
    target(books, "0.8", estate="E1")
    target(books, "0.7", estate="E1")
    assert handlers.gaps(books.session, date(2026, 11, 30)) == {"E1": Decimal("0.7"), "E2": Decimal("0.5")}
    target(books, "0.2", estate="E1", period="2026-11")
    assert handlers.gaps(books.session, date(2026, 11, 30))["E1"] == Decimal("0.2")
    listed = handlers.list_targets(books.session, SYSTEM, None)["items"]
    assert [(item["estate"], item["period"], item["curve"]) for item in listed] == [
        (None, None, [{"day": 31, "rate": 0.0}]),
        (None, "2026-11", [{"day": 31, "rate": 0.5}]),
        ("E1", None, [{"day": 31, "rate": 0.7}]),
        ("E1", "2026-11", [{"day": 31, "rate": 0.2}]),
    ]


def test_j3_without_a_plan_or_bills_nobody_is_below(books: Books) -> None:
    assert warn(books, 21) == 0
    target(books, "0.9", period="2026-12")
    assert warn(books, 21) == 0
    assert warn(books, 20, month=12) == 0
    assert handlers.gaps(books.session, date(2026, 12, 19)) == {}


def test_j3_the_first_of_a_month_looks_at_the_month_before(books: Books) -> None:
    target(books, "0.9", estate="E1")
    assert warn(books, 1, month=12) == 1
    assert (warnings(books)[0]["period"], warnings(books)[0]["facts"]["planned_rate"]) == ("2026-11", 0.9)


def test_j3_two_replicas_warn_once(engine: Engine, books: Books) -> None:
    target(books, "0.9")
    books.session.commit()

    def look(_: int) -> int:
        with Session(engine) as session, session.begin():
            return handlers.warn(session, now(21), KNOWN, 45)

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(look, range(4))) == 2
    assert sorted(estate for estate, _ in told(books)) == ["E1", "E2"]


def test_j3_a_missing_calendar_is_said_once_to_all_staff(books: Books) -> None:
    ends = WorkingCalendar(announced=frozenset({2026}))
    assert [warn(books, 10, calendar=ends), warn(books, 21, calendar=ends), warn(books, 22, calendar=ends)] == [0, 1, 0]
    steward = Caller(sub="s", roles=frozenset({"steward"}), estates=frozenset({"E2"}))
    [warning] = warnings(books, steward)
    assert (warning["kind"], warning["estate"], warning["facts"]) == ("calendar_missing", None, {"year": 2027})
    assert warnings(books, steward, estate="E2") == []


def test_j3_scope_roles_and_pages(books: Books) -> None:
    target(books, "0.9")
    for day in range(20, 23):
        warn(books, day)
    manager = Caller(sub="m", roles=frozenset({"estate_manager"}), estates=frozenset({"E2"}))
    assert {item["estate"] for item in warnings(books, manager)} == {"E2"}
    assert len(warnings(books, since=date(2026, 11, 21), estate="E1")) == 1
    page = handlers.list_warnings(books.session, SYSTEM, None, None, None, 4, None)
    rest = handlers.list_warnings(books.session, SYSTEM, None, None, None, 4, page["next_cursor"])
    assert [len(page["items"]), len(rest["items"]), rest["next_cursor"]] == [4, 2, None]
    with pytest.raises(Forbidden):
        warnings(books, manager, estate="E1")
    with pytest.raises(Forbidden):
        target(books, "0.9", caller=manager, estate="E2")
    with pytest.raises(Forbidden):
        target(books, "0.9", caller=Caller(sub="f", roles=frozenset({"finance"}), estates=frozenset({"E1"})))
    with pytest.raises(NotFound):
        target(books, "0.9", estate="E9")


def test_j3_a_target_is_one_rate_or_a_rising_curve(books: Books) -> None:
    point = TargetPoint(day=10, rate=Decimal("0.5"))
    for bad in (
        {"rate": None},
        {"rate": "0.5", "curve": [point]},
        {"curve": [point, point]},
        {"rate": "1", "period": "11"},
    ):
        with pytest.raises(Invalid):
            target(books, **bad)


class Later(Ahead, BillingService):
    """The service with a clock that can be put forward."""


def test_j3_the_doors(engine: Engine) -> None:
    service = Later()
    service.engine = engine
    finance = {"sub": "f", "roles": ["finance"], "estates": ["*"]}
    yesterday = (datetime.now(UTC) + timedelta(hours=8)).date() - timedelta(days=1)
    with Session(engine) as session, session.begin():
        books = Books(session)
        books.household("H1")
        books.bill(10000, yesterday.isoformat())
    shown = service.set_collection_target(caller=finance, estate="E1", curve=[{"day": 1, "rate": 0.98}])
    assert shown["curve"] == [{"day": 1, "rate": 0.98}]
    assert service.list_collection_targets(caller=finance)["items"] == [shown]
    with pytest.raises(Invalid):
        service.set_collection_target(caller=finance, estate="E1", rate=1.01)
    service.warn_early()
    service.fold_totals()
    [warning] = service.list_warnings(caller=finance, kind="collection_below_plan")["items"]
    assert warning["facts"]["missing_fen"] == 9800
    families = {family.name: family for family in service.collect_metrics()}
    [sample] = families["estateloop_collection_below_plan"].samples
    assert (sample.labels, sample.value) == ({"estate": "E1"}, 0.98)
    assert service.rollup_check(caller=finance)["totals"]["differences"] == 0
    asked = service.collection_rates(caller=finance, group_by="period", windows=True)
    assert asked["items"][0]["cumulative_billed_fen"] == 10000
