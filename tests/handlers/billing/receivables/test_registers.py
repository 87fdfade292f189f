"""Auditors read every entry and every bill in scope, page by page, by indexes however much there is (I5, B7)."""

import itertools
import json
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Engine, TextClause, text
from sqlalchemy.orm import Session

from services.billing.charging.register import handlers as register
from services.billing.charging.register.tables import register_page
from services.billing.charging.voids.handlers import Void, void_bill
from services.billing.receivables.journal import handlers as journal
from services.billing.receivables.journal.tables import journal_page
from services.billing.settings import Settings
from services.common.contracts.errors import Forbidden, Invalid, NotFound
from services.common.database import build_engine, service_database_url
from services.common.domain.access import Caller
from services.common.process.settings import CommonSettings
from tests.support.billing.desk import FINANCE, NOW, OPENING, Desk, manager
from tests.support.billing.entries import ISSUE_OF_ALL_BILLS

AUDITOR = manager("*", role="auditor")
UNITS_OF = {"E1": ("1,101,87.33", "1,102,100.00", "2,201,50.00"), "E2": ("1,101,60.00", "9,901,70.00")}
OPENINGS = (
    "E1,101,arrears,2025-01,300.00,2025-02-15,100.00",
    "E2,901,arrears,2025-03,200.00,2025-04-15,200.00",
)
Item = dict[str, Any]


@pytest.fixture
def desk(database: Callable[[str], Engine]) -> Desk:
    """Two estates with bills of two months: open, paid in part, paid and void."""
    desk = Desk(database("billing"), Settings())
    for code, units in UNITS_OF.items():
        homes = [
            f"{code},{unit},residential,occupied,{code}-H{n % 2},王小明,13812345678" for n, unit in enumerate(units)
        ]
        desk.estate(code, *homes)
    desk.load("opening_balances", OPENING, *OPENINGS)
    for period in ("2026-09", "2026-10"):
        desk.run(period)
    wrong = desk.one("SELECT min(id) FROM bill WHERE period = DATE '2026-09-01'")
    with Session(desk.engine) as session, session.begin():
        void_bill(session, FINANCE, uuid4(), Void(wrong, "a wrong area", reissue=True), NOW)
    return desk


def entries(desk: Desk, caller: Caller = AUDITOR, limit: int = 3, **asked: Any) -> list[Item]:
    """All pages of the journal."""
    return read(desk, journal.list_entries, caller, journal.Question(**asked), limit)


def bills(desk: Desk, caller: Caller = AUDITOR, limit: int = 3, **asked: Any) -> list[Item]:
    """All pages of the register."""
    return read(desk, register.list_bills, caller, register.Question(**asked), limit)


def read(desk: Desk, story: Callable[..., Any], caller: Caller, question: Any, limit: int) -> list[Item]:
    items: list[Item] = []
    cursor = None
    while True:
        with Session(desk.engine) as session:
            page = story(session, caller, question, limit, cursor)
        items += page["items"]
        cursor = page["next_cursor"]
        assert len(page["items"]) == limit or cursor is None
        if cursor is None:
            return items


def test_i5_every_entry_is_read_once_and_every_filter_means_what_it_says(desk: Desk) -> None:
    everything = entries(desk)
    order = "SELECT id FROM ledger_entry ORDER BY estate_id, booked_on, id"
    assert [entry["id"] for entry in everything] == [row[0] for row in desk.rows(order)]
    choices: dict[str, tuple[Any, ...]] = {
        "estate": (None, "E1", "E2"),
        "household": (None, "E1-H0"),
        "bill_id": (None, everything[0]["bill_id"]),
        "account": (None, "receivable", "opening_equity"),
        "kind": (None, "bill_issued", "opening_paid"),
        "booked_from": (None, date(2026, 11, 1)),
        "booked_to": (None, date(2026, 11, 21)),
    }
    for asked in _choices(choices):
        if any((asked["account"], asked["kind"])) and not any((asked["estate"], asked["household"], asked["bill_id"])):
            continue
        assert entries(desk, **asked) == [entry for entry in everything if _is_asked(entry, asked)], asked


def _choices(choices: dict[str, tuple[Any, ...]]) -> Iterator[dict[str, Any]]:
    return (dict(zip(choices, each, strict=True)) for each in itertools.product(*choices.values()))


def _is_asked(entry: Item, asked: dict[str, Any]) -> bool:
    plain = ("estate", "household", "bill_id", "kind", "building", "fee_item", "period", "status")
    checks = [asked.get(name) in (None, entry.get(name)) for name in plain]
    checks.append(asked.get("account") in (None, entry.get("debit_account"), entry.get("credit_account")))
    for first, last, day in (("booked_from", "booked_to", "booked_on"), ("due_from", "due_to", "due_date")):
        checks.append((asked.get(first) or date.min) <= entry.get(day, date.max) or day not in entry)
        checks.append(day not in entry or entry[day] <= (asked.get(last) or date.max))
    if asked.get("void") is not None:
        checks.append(asked["void"] == (entry["status"] == "void"))
    return all(checks)


def test_i5_every_bill_is_read_once_and_every_filter_means_what_it_says(desk: Desk) -> None:
    everything = bills(desk)
    order = "SELECT id FROM bill ORDER BY estate_id, household_id, due_date, id"
    assert [bill["id"] for bill in everything] == [row[0] for row in desk.rows(order)]
    assert {bill["status"] for bill in everything} == {"open", "partially_paid", "paid", "void"}
    choices: dict[str, tuple[Any, ...]] = {
        "estate": (None, "E1"),
        "household": (None, "E1-H0"),
        "fee_item": (None, "arrears"),
        "period": (None, "2026-09"),
        "status": (None, "open", "partially_paid", "paid", "void"),
        "due_from": (None, date(2025, 4, 1)),
        "due_to": (None, date(2026, 10, 31)),
        "void": (None, True, False),
    }
    for asked in _choices(choices):
        if asked["void"] is not None and asked["status"] is not None and asked["void"] != (asked["status"] == "void"):
            continue
        assert bills(desk, **asked) == [bill for bill in everything if _is_asked(bill, asked)], asked
    assert {bill["building"] for bill in bills(desk, estate="E1", building="2")} == {"2"}
    [void] = bills(desk, void=True)
    assert [bill["id"] for bill in everything if bill["reissue_of"] == void["id"]]


def test_i5_a_scope_is_the_end_of_it(desk: Desk) -> None:
    one = manager("E2", role="auditor")
    assert {entry["estate"] for entry in entries(desk, one)} == {"E2"}
    assert {bill["estate"] for bill in bills(desk, one)} == {"E2"}
    of_another = desk.one("SELECT min(b.id) FROM bill b JOIN estate e ON e.id = b.estate_id WHERE e.code = 'E1'")
    for asked in ({"estate": "E1"}, {"household": "E1-H0"}):
        for ask in (entries, bills):
            with pytest.raises(Forbidden):
                ask(desk, one, **asked)
    with pytest.raises(Forbidden):
        entries(desk, one, bill_id=of_another)
    for caller in (manager("E1", role="cashier"), Caller(sub="o", roles=frozenset({"owner"}), household="E1-H0")):
        for ask in (entries, bills):
            with pytest.raises(Forbidden):
                ask(desk, caller)
    with pytest.raises(Forbidden):
        entries(desk, manager("E1", role="steward"))


def test_i5_neither_holds_personal_data(desk: Desk) -> None:
    shown = json.dumps([entries(desk), bills(desk)], default=str, ensure_ascii=False)
    assert "王" not in shown
    assert "13812345678" not in shown


def test_i5_nothing_is_an_empty_page(database: Callable[[str], Engine]) -> None:
    desk = Desk(database("billing"), Settings())
    assert (entries(desk), bills(desk)) == ([], [])
    desk.estate("E1", "E1,1,101,87.33,residential,occupied,H1,王小明,13812345678")
    assert (entries(desk, estate="E1", kind="discount"), bills(desk, estate="E1", household="H1")) == ([], [])


@pytest.mark.parametrize(
    ("ask", "asked", "error"),
    [
        (entries, {"estate": "E9"}, NotFound),
        (entries, {"household": "H9"}, NotFound),
        (entries, {"bill_id": 10**12}, NotFound),
        (entries, {"account": "petty_cash", "estate": "E1"}, Invalid),
        (entries, {"account": "cash_", "estate": "E1"}, Invalid),
        (entries, {"booked_from": date(2026, 11, 2), "booked_to": date(2026, 11, 1)}, Invalid),
        (entries, {"kind": "discount"}, Invalid),
        (entries, {"account": "receivable", "booked_from": date(2026, 1, 1)}, Invalid),
        (entries, {"account": "receivable", "booked_from": date(2026, 1, 1), "booked_to": date(2026, 2, 1)}, Invalid),
        (bills, {"estate": "E9"}, NotFound),
        (bills, {"household": "H9"}, NotFound),
        (bills, {"building": "1"}, Invalid),
        (bills, {"due_from": date(2026, 11, 2), "due_to": date(2026, 11, 1)}, Invalid),
        (bills, {"status": "paid", "void": True}, Invalid),
        (bills, {"status": "void", "void": False}, Invalid),
    ],
)
def test_i5_wrong_questions(desk: Desk, ask: Callable[..., Any], asked: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        ask(desk, **asked)


def test_i5_a_cursor_of_another_list_is_refused(desk: Desk) -> None:
    with Session(desk.engine) as session:
        with pytest.raises(Invalid):
            journal.list_entries(session, AUDITOR, journal.Question(), 3, "WyI0MiJd")
        with pytest.raises(Invalid):
            register.list_bills(session, AUDITOR, register.Question(), 3, "WyI0MiJd")


def test_i5_within_a_month_the_whole_group_is_asked_for_an_account(desk: Desk) -> None:
    month = {"booked_from": date(2026, 11, 1), "booked_to": date(2026, 12, 1)}
    assert entries(desk, account="fee_income", **month) == [
        entry for entry in entries(desk, **month) if "fee_income" in (entry["debit_account"], entry["credit_account"])
    ]


# --- however much there is -----------------------------------------------------------------------------------------

MANY = """
INSERT INTO estate (code, name, region, city, property_type, service_grade, charging_mode)
SELECT 'X' || n, 'x', 'x', 'x', 'residential', 'A', 'lump_sum' FROM generate_series(1, 20) n;
INSERT INTO household (estate_id, code, owner_name, owner_phone)
SELECT e.id, e.code || '-' || n, 'x', '10000000000' FROM estate e CROSS JOIN generate_series(1, 200) n;
INSERT INTO unit (estate_id, household_id, code, building, area_m2, usage, status)
SELECT estate_id, id, code, '1', 100, 'residential', 'occupied' FROM household;
INSERT INTO bill (unit_id, household_id, amount_fen, paid_fen, estate_id, period, due_date, issued_on, building,
                  fee_item, voided_at)
SELECT u.id, u.household_id, 1000, CASE n % 10 WHEN 0 THEN 0 WHEN 1 THEN 500 ELSE 1000 END, u.estate_id,
       DATE '2022-01-01' + n * INTERVAL '1 month', DATE '2022-02-15' + n * INTERVAL '1 month', DATE '2022-02-01', '1',
       'property_fee', CASE WHEN n = 7 THEN now() END
FROM unit u CROSS JOIN generate_series(0, 47) n;
"""
PLACE = {"after_estate": 11, "after_day": date(2024, 6, 1), "after_id": 1, "after_household": 2_100}
PERIOD, FROM, TO = date(2025, 3, 1), date(2025, 4, 1), date(2025, 4, 30)


@pytest.fixture(scope="module")
def many(templates: Any) -> Iterator[Engine]:
    """Twenty estates with four thousand homes, each billed for four years."""
    knobs = CommonSettings(database_url=templates.server_url, database_prefix=templates.clone("billing"))
    url = service_database_url(knobs, "billing")
    engine = build_engine(url, pool_size=2, statement_timeout_ms=60_000, application="test")
    with engine.begin() as connection:
        connection.execute(text(MANY))
        connection.execute(text(ISSUE_OF_ALL_BILLS))
        connection.execute(text("ANALYZE"))
    yield engine
    engine.dispose()


@pytest.mark.parametrize(
    ("statement", "filters", "most"),
    [
        (journal_page, set(), 60),
        (journal_page, {"after"}, 60),
        (journal_page, {"booked_from", "booked_to"}, 60),
        (journal_page, {"booked_from", "booked_to", "after"}, 60),
        (journal_page, {"household_id"}, 200),
        (journal_page, {"bill_id"}, 60),
        (register_page, set(), 150),
        (register_page, {"after"}, 150),
        (register_page, {"period"}, 51 * 48 + 150),
        (register_page, {"due_from", "due_to", "after"}, 400),
        (register_page, {"open", "after"}, 1_000),
        (register_page, {"void", "after"}, 60),
        (register_page, {"household_id"}, 150),
    ],
    ids=lambda value: "+".join(sorted(value)) or "all" if isinstance(value, set) else getattr(value, "__name__", value),
)
@pytest.mark.parametrize("estates", [None, ["X11"], [f"X{n}" for n in range(5, 19)]], ids=["all", "one", "some"])
def test_i5_a_page_reads_little_more_than_it_shows(
    many: Engine, statement: Callable[[frozenset[str]], TextClause], filters: set[str], most: int, estates: list[str]
) -> None:
    """By index from wherever the page before ended: of a million rows as of ten."""
    if filters & {"household_id", "bill_id"} and estates != ["X11"]:
        estates = ["X11"]
    with many.connect() as connection:
        home = connection.scalar(text("SELECT id FROM household WHERE code = 'X11-50'"))
        of_home = connection.scalar(text("SELECT min(id) FROM bill WHERE household_id = :home"), {"home": home})
        values = {"estates": estates, "limit": 51, "household_id": home, "bill_id": of_home, "period": PERIOD}
        values |= {"booked_from": FROM, "booked_to": TO, "due_from": FROM, "due_to": TO} | PLACE
        query = text(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement(frozenset(filters)).text}")
        [plan] = connection.scalar(query, values)
    scans = list(_scans(plan["Plan"]))
    assert [
        scan["Node Type"] for scan in scans if "Seq" in scan["Node Type"] and scan["Relation Name"] != "estate"
    ] == []
    read_rows = sum(
        (scan["Actual Rows"] + scan.get("Rows Removed by Filter", 0)) * scan["Actual Loops"]
        for scan in scans
        if scan["Relation Name"] in ("ledger_entry", "bill")
    )
    assert read_rows <= most


def _scans(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if "Relation Name" in node:
        yield node
    for inner in node.get("Plans", []):
        yield from _scans(inner)
