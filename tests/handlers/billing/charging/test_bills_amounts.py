"""What a bill comes to and what pays it at once, on a real PostgreSQL (B3, B6, C1)."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from services.billing.charging.bills import issue_sql
from services.billing.charging.bills.tables import weights
from services.billing.charging.slices.rules import amount_fen
from services.billing.charging.tariffs.rules import Part, Rate
from services.billing.receivables.statement.handlers import statement
from services.billing.receivables.trial_balance import handlers as ledger
from services.billing.settings import Settings
from services.common.contracts.events import BillsAdjusted, BillsIssued
from tests.support.billing.desk import FINANCE, NOW, TARIFFS, Desk
from tests.support.billing.pricing import give_credit
from tests.support.outbox import events

HOMES = (
    "E1,1,101,87.33,residential,occupied,H1,王小明,13812345678",
    "E1,1,102,100.00,residential,vacant,H2,李雷,13812345679",
    "E1,2,201,50.00,residential,occupied,H1,王小明,13812345678",
)


@pytest.fixture
def desk(database: Callable[[str], Engine]) -> Desk:
    return Desk(database("billing"), Settings(slice_units=2))


def issued(desk: Desk) -> list[BillsIssued]:
    with Session(desk.engine) as session:
        return events(session, BillsIssued)


@pytest.mark.parametrize("slice_units", [2, 5_000])
def test_prepaid_balance_pays_new_bills_oldest_first(desk: Desk, slice_units: int) -> None:
    desk.settings = Settings(slice_units=slice_units)
    desk.estate("E1", *HOMES)
    give_credit(desk, "H1", 25_000)
    desk.run()
    assert desk.rows(
        "SELECT u.code, b.amount_fen, b.paid_fen FROM bill b JOIN unit u ON u.id = b.unit_id ORDER BY 1"
    ) == [("101", 20_523, 20_523), ("102", 16_450, 0), ("201", 11_750, 4_477)]
    assert desk.one("SELECT credit_fen FROM household WHERE code = 'H1'") == 0
    assert desk.rows(
        "SELECT debit_account, credit_account, amount_fen FROM ledger_entry WHERE kind = 'credit_applied' ORDER BY id"
    ) == [("customer_credit", "receivable", 20_523), ("customer_credit", "receivable", 4_477)]
    assert desk.one("SELECT sum(collected_fen)::int FROM rate_rollup") == 25_000
    told = {bill.bill_id: bill.open_fen for event in issued(desk) for bill in event.bills}
    with Session(desk.engine) as session:
        for event in events(session, BillsAdjusted):
            for bill in event.bills:
                told[bill.bill_id] += bill.open_change_fen
    assert sorted(told.values()) == [0, 11_750 - 4_477, 16_450]


def test_more_credit_than_bills_stays_credit(desk: Desk) -> None:
    desk.estate("E1", HOMES[1])
    give_credit(desk, "H2", 20_000)
    desk.run()
    assert desk.one("SELECT credit_fen FROM household") == 20_000 - 16_450
    desk.run()
    assert desk.one("SELECT credit_fen FROM household") == 20_000 - 16_450, "a second run pays nothing twice"


def test_fm2_credit_pays_the_late_fee_up_to_the_day_its_money_came(desk: Desk) -> None:
    """A bill of September, due 15 October, is issued on 21 November: 20 days had accrued when the money came."""
    desk.now = NOW + timedelta(hours=1)
    desk.write("UPDATE billing_policy SET notice_days = 0")
    desk.estate("E1", *HOMES)
    give_credit(desk, "H1", 20_600, date(2026, 11, 4))
    give_credit(desk, "H2", 100, date(2026, 11, 4))
    desk.run("2026-09")
    bill = "SELECT due_date, paid_fen FROM bill WHERE paid_fen = amount_fen"
    [(due, _)] = desk.rows(bill)
    assert due == date(2026, 11, 21), "no bill is born overdue"
    assert desk.rows("SELECT kind, amount_fen, value_on FROM ledger_entry WHERE debit_account = 'customer_credit' "
                     "AND household_id = (SELECT id FROM household WHERE code = 'H1') ORDER BY id") == [
        ("credit_applied", 20_523, date(2026, 11, 4)), ("credit_applied", 77, date(2026, 11, 4)),
    ]  # fmt: skip
    assert desk.one("SELECT count(*) FROM late_fee_left") == 0
    with Session(desk.engine) as session:
        lines = statement(session, FINANCE, "H1", NOW.date())["bills"]
        assert ledger.imbalance_fen(session) == 0
    assert [line["late_fee_fen"] for line in lines] == [0]


def test_c1_credit_that_pays_a_bill_in_time_leaves_nothing(desk: Desk) -> None:
    desk.estate("E1", *HOMES)
    give_credit(desk, "H1", 50_000)
    desk.run("2026-12")
    assert desk.one("SELECT count(*) FROM bill WHERE paid_fen = amount_fen") == 2
    assert desk.one("SELECT count(*) FROM late_fee_left") == 0


COMPUTED = text(f"""
SELECT {issue_sql.amount_fen("u", "r", "v.vacant")} AS amount_fen, u.area_m2 <= r.exact_m2 AS in_whole_numbers
FROM (SELECT CAST(:area AS numeric) AS area_m2) u, (SELECT CAST(:vacant AS boolean) AS vacant) v,
     jsonb_to_record(CAST(:rate AS jsonb)) AS r({issue_sql.RATE})
""")
PARTS = st.builds(
    Part,
    tariff_id=st.just(1),
    version=st.just(1),
    method=st.sampled_from(["per_area", "fixed"]),
    unit_price=st.decimals(0, 10_000, places=4),
    vacancy_ratio=st.none() | st.decimals(0, 1, places=4),
    days=st.integers(1, 31),
)
# more decimals than a price and a ratio of today have: must not be cut
FINEST = Part(1, 1, "per_area", Decimal("2.3456"), Decimal("0.700003"), 30, date(2026, 10, 1))
DEAREST = Part(1, 1, "per_area", Decimal("99999999.9999"), None, 31, date(2026, 10, 1))


# Homes, and what no estate has: the largest do not fit whole numbers of 64 bits.
AREAS = st.decimals(0, 1_000, places=2) | st.decimals(10_000_000, 99_999_999, places=2)


def test_b3_sql_equals_python(desk: Desk) -> None:
    """The law in rules.py and its copy in SQL give the same fen for every unit, in whole numbers and in numerics."""
    ways: Counter[bool] = Counter()
    with desk.engine.connect() as connection:

        @hypothesis_settings(max_examples=500, deadline=None, database=None)
        @given(
            area=AREAS,
            parts=st.lists(PARTS, min_size=1, max_size=3),
            month_days=st.integers(28, 31),
            vacant=st.booleans(),
        )
        @example(area=Decimal("99999.99"), parts=[DEAREST], month_days=31, vacant=False)
        @example(area=Decimal("12000000.07"), parts=[FINEST], month_days=30, vacant=True)
        @example(area=Decimal("0.01"), parts=[replace(DEAREST, method="fixed")], month_days=31, vacant=True)
        def holds(area: Decimal, parts: list[Part], month_days: int, vacant: bool) -> None:
            rate = Rate("property_fee", "residential", month_days, tuple(parts))
            given_ = {"area": area, "vacant": vacant, "rate": json.dumps(weights(rate, rate))}
            found = connection.execute(COMPUTED, given_).one()
            assert found.amount_fen == amount_fen(rate, area, vacant=vacant)
            ways[bool(found.in_whole_numbers)] += 1

        holds()
    assert min(ways[True], ways[False]) > 20, ways


def test_a_split_month_is_billed_as_the_rule_says(desk: Desk) -> None:
    desk.estate("E1", *HOMES)
    desk.load("tariffs", TARIFFS, "E1,property_fee,per_area,residential,2.50,2026-10-11,")
    desk.publish("E1")
    desk.run()
    parts = (
        Part(1, 1, "per_area", Decimal("2.35"), Decimal("0.7"), 10, date(2026, 10, 1)),
        Part(2, 2, "per_area", Decimal("2.5"), None, 21, date(2026, 10, 11)),
    )
    rate = Rate("property_fee", "residential", 31, parts)
    expected = [
        ("101", amount_fen(rate, Decimal("87.33"), vacant=False)),
        ("102", amount_fen(rate, Decimal(100), vacant=True)),
        ("201", amount_fen(rate, Decimal(50), vacant=False)),
    ]
    query = "SELECT u.code, amount_fen FROM bill JOIN unit u ON u.id = unit_id ORDER BY 1"
    assert desk.rows(query) == expected
    assert FINANCE.sub == desk.one("SELECT requested_by FROM bill_run")
