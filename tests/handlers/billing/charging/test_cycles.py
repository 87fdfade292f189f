"""Cycles, policy and one-off services on a real PostgreSQL (B1, B3, B6)."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from services.billing.charging.bills import issue_sql
from services.billing.charging.bills.tables import by_grade
from services.billing.charging.charges import handlers as charges
from services.billing.charging.charges.handlers import ChargeRequest
from services.billing.charging.slices import rules
from services.billing.charging.tariffs import policy as policies
from services.billing.charging.tariffs.cycles import BillingPolicy, cycle_of
from services.billing.charging.tariffs.rules import TariffVersion, rates
from services.billing.receivables.statement import handlers as statements
from services.billing.receivables.trial_balance.handlers import imbalance_fen
from services.billing.settings import Settings
from services.common.contracts.errors import Conflict, Forbidden, Invalid, NotFound
from services.common.contracts.events import BillsAdjusted, BillsIssued
from tests.support.billing.desk import FINANCE, NOW, TARIFFS, UNITS, Desk, manager
from tests.support.billing.pricing import assert_explained, explained, give_credit, hand_over, periods, void_all
from tests.support.outbox import events

HOME = "E1,1,101,100.00,residential,occupied,H1,王小明,13812345678"
HOMES = (HOME, "E1,1,102,50.00,residential,vacant,H2,李雷,13812345679")
QUARTERLY = BillingPolicy("quarterly", "arrears", 15, 1, roll_to_working_day=False)
MONTHLY = BillingPolicy("monthly", "arrears", 15, 1, roll_to_working_day=False)


@pytest.fixture
def desk(database: Callable[[str], Engine]) -> Desk:
    desk = Desk(database("billing"), Settings(slice_units=1))
    desk.estate("E1", *HOMES, price="2.00")
    return desk


def put(desk: Desk, policy: BillingPolicy, caller: Any = FINANCE) -> dict[str, Any]:
    with Session(desk.engine) as session, session.begin():
        return policies.put_policy(session, caller, "E1", policy)


def test_b3_the_policy_of_an_estate(desk: Desk) -> None:
    with Session(desk.engine) as session:
        default = policies.get_policy(session, FINANCE, "E1")
    assert default == {"estate": "E1", **vars(MONTHLY), "own": False}
    assert put(desk, QUARTERLY) == {"estate": "E1", **vars(QUARTERLY), "own": True}
    assert put(desk, QUARTERLY)["own"]
    with pytest.raises(Forbidden):
        put(desk, MONTHLY, manager("E1"))
    with pytest.raises(Invalid) as refused:
        put(desk, BillingPolicy("monthly", "arrears", 0, 13, roll_to_working_day=False))
    assert [e["loc"] for e in refused.value.errors] == ["due_day", "month_offset"]


def test_b3_a_quarter_in_arrears_is_one_bill_issued_with_its_last_month(desk: Desk) -> None:
    put(desk, QUARTERLY)
    for period in ("2026-07", "2026-08"):
        done = desk.run(period)
        assert (done["bills"], done["anomalies"], done["status"]) == (0, [], "done")
    dry = desk.run("2026-09", dry_run=True)
    assert (dry["bills"], dry["amount_fen"], dry["anomalies"]) == (2, 60_000 + 21_000, [])
    desk.run("2026-09")
    assert periods(desk) == [("101", "2026-07", 3, 60_000), ("102", "2026-07", 3, 21_000)]
    assert {row[0] for row in desk.rows("SELECT due_date FROM bill")} == {date(2026, 10, 15)}
    assert desk.run("2026-09")["bills"] == 0
    assert explained(desk)[0]["formula"] == "100 × 2 × 3 = 600"
    assert_explained(desk)


def test_b4_a_dry_run_compares_a_cycle_with_the_one_before_by_month(desk: Desk) -> None:
    for period in ("2026-07", "2026-08", "2026-09"):
        desk.run(period)
    put(desk, QUARTERLY)
    dry = desk.run("2026-12", dry_run=True)
    assert (dry["bills"], dry["anomalies"]) == (2, []), "three months cost three times as much"
    desk.load("units", UNITS, HOME.replace("100.00", "200.00"))
    dry = desk.run("2026-12", dry_run=True)
    assert [(a["unit"], a["kind"]) for a in dry["anomalies"]] == [("E1/101", "amount_changed")]
    desk.run("2026-12")
    again = desk.run("2026-12", dry_run=True)
    assert (again["bills"], {a["kind"] for a in again["anomalies"]}) == (0, {"already_billed"})


def test_b3_a_year_in_advance_is_issued_with_its_first_month(desk: Desk) -> None:
    put(desk, BillingPolicy("annual", "advance", 31, 0, roll_to_working_day=False))
    assert desk.run("2026-02")["bills"] == 0
    desk.now = datetime(2026, 1, 10, 4, tzinfo=UTC)
    desk.run("2026-01")
    assert periods(desk) == [("101", "2026-01", 12, 240_000), ("102", "2026-01", 12, 84_000)]
    assert {row[0] for row in desk.rows("SELECT due_date FROM bill")} == {date(2026, 1, 31)}


def test_b3_versions_payers_and_move_in_are_cut_by_day_over_the_whole_cycle(desk: Desk) -> None:
    put(desk, QUARTERLY)
    desk.load("tariffs", TARIFFS, "E1,property_fee,per_area,residential,3.00,2026-08-16,0.5")
    desk.publish("E1")
    desk.load("units", f"{UNITS},move_in_date", f"{HOME},2026-09-16")
    desk.run("2026-09")
    vacant = 100 * (2 * 0.7 + 2 * 0.7 * 15 / 31 + 3 * 0.5 * 16 / 31 + 3 * 0.5 * 15 / 30)
    moved_in = 100 * 3 * 15 / 30
    [moved, empty] = periods(desk)
    assert moved == ("101", "2026-07", 3, round((vacant + moved_in) * 100))
    assert empty[3] == round(50 * (1.4 + 1.4 * 15 / 31 + 1.5 * 16 / 31 + 1.5) * 100)
    void_all(desk)
    hand_over(desk, "101", "H1", "H2", "2026-08-11")
    desk.run("2026-09")
    split = [bill for bill in periods(desk) if bill[0] == "101"]
    assert len(split) == 2
    assert sum(bill[3] for bill in split) == moved[3]
    assert_explained(desk)


def test_a1_who_pays_at_both_ends_of_a_cycle_gets_one_bill(desk: Desk) -> None:
    hand_over(desk, "101", "H1", "H2", "2026-09-11")
    desk.write("UPDATE unit_payer SET to_date = DATE '2026-09-20' WHERE to_date IS NULL")
    desk.write(
        "INSERT INTO unit_payer (unit_id, household_id, role, from_date)"
        " SELECT u.id, h.id, 'owner', DATE '2026-09-21' FROM unit u, household h WHERE u.code = '101' AND h.code = 'H1'"
    )
    desk.run("2026-09")
    assert sorted(fen for code, *_, fen in periods(desk) if code == "101") == [6_667, 13_333]
    assert_explained(desk)


def test_b3_no_month_is_billed_again_when_the_policy_changes(desk: Desk) -> None:
    desk.run("2026-08")
    put(desk, QUARTERLY)
    desk.run("2026-09")
    quarter = [("2026-07", 1), ("2026-08", 1), ("2026-09", 1)]
    assert [(p, n) for code, p, n, _ in periods(desk) if code == "101"] == quarter
    assert desk.run("2026-09")["bills"] == 0
    desk.run("2026-12")
    put(desk, MONTHLY)
    for period in ("2026-07", "2026-08", "2026-09", "2026-10", "2026-11", "2026-12"):
        assert desk.run(period)["bills"] == 0, period
    put(desk, BillingPolicy("annual", "arrears", 15, 1, roll_to_working_day=False))
    desk.run("2026-12")
    billed = [(p, n) for code, p, n, _ in periods(desk) if code == "102"]
    assert billed == [("2026-01", 6), *quarter, ("2026-10", 3)]
    assert sum(fen for code, *_, fen in periods(desk) if code == "101") == 240_000
    assert_explained(desk)


def test_b3_credit_pays_bills_of_several_stretches_once(desk: Desk) -> None:
    desk.run("2026-08", fee_items=["property_fee"])
    put(desk, QUARTERLY)
    give_credit(desk, "H1", 30_000)
    desk.run("2026-09")
    paid = desk.rows(
        "SELECT paid_fen FROM bill b JOIN household h ON h.id = household_id WHERE code = 'H1' ORDER BY b.id"
    )
    assert paid == [(20_000,), (10_000,), (0,)]  # FM1: what is older first
    assert desk.one("SELECT credit_fen FROM household WHERE code = 'H1'") == 0
    assert_explained(desk)


def test_b3_in_advance_consumption_is_billed_for_the_cycle_before(desk: Desk) -> None:
    put(desk, BillingPolicy("quarterly", "advance", 31, 0, roll_to_working_day=False))
    desk.load(
        "tariffs",
        TARIFFS,
        "E1,water,metered,residential,2.00,2020-01-01,",
        "E1,light,shared,residential,300,2020-01-01,",
    )
    desk.publish("E1")
    shown = [f"E1,101,water,{day},{value}" for day, value in (("2026-06-30", 0), ("2026-08-31", 5), ("2026-09-30", 7))]
    desk.load("meter_readings", "estate_code,unit_code,meter,read_on,reading", *shown)
    desk.run("2026-10")
    assert periods(desk)[0][:3] == ("101", "2026-10", 3)
    assert periods(desk, "water") == [("101", "2026-07", 3, 1_400)]
    assert sum(bill[3] for bill in periods(desk, "light")) == 90_000
    assert desk.run("2026-10")["bills"] == 0
    assert_explained(desk)


COMPUTED = text(f"""
SELECT {issue_sql.amount_fen("u", "r", "v.vacant")}
FROM (SELECT CAST(:area AS numeric) AS area_m2) u, (SELECT CAST(:vacant AS boolean) AS vacant) v,
     jsonb_to_record(CAST(:rate AS jsonb)) AS r({issue_sql.RATE})
""")
VERSIONS = st.lists(
    st.fixed_dictionaries(
        {
            "method": st.sampled_from(["per_area", "fixed"]),
            "unit_price": st.decimals(0, 10_000, places=4),
            "vacancy_ratio": st.none() | st.decimals(0, 1, places=4),
            "effective_from": st.dates(date(2027, 12, 1), date(2028, 12, 31)),
            "grade_factors": st.none() | st.fixed_dictionaries({"A": st.decimals(0, 9, places=4), "*": st.just(1)}),
        }
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda one: one["effective_from"],
)


def test_b3_sql_equals_python_for_every_cycle_and_grade(desk: Desk) -> None:
    with desk.engine.connect() as connection:

        @hypothesis_settings(max_examples=200, deadline=None, database=None)
        @given(
            area=st.decimals(0, 1_000_000, places=2),
            found=VERSIONS,
            cycle=st.sampled_from(["monthly", "quarterly", "annual"]),
            grade=st.sampled_from(["A", "B", None]),
            vacant=st.booleans(),
        )
        def holds(area: Decimal, found: list[dict[str, Any]], cycle: str, grade: str | None, vacant: bool) -> None:
            months = cycle_of(cycle, date(2028, 2, 1))
            key = {"fee_item": "f", "usage": "residential", "effective_to": None, "published": True}
            versions = [TariffVersion(id=n, version=n, **key, **one) for n, one in enumerate(found)]
            for rate in rates(versions, months.first, months.months):
                priced = rate.for_grade(grade)
                assert priced is not None
                rows = [row for row in by_grade(rate) if row.get("grade") in (None, grade)]
                given_ = {"area": area, "vacant": vacant, "rate": json.dumps(rows[0])}
                assert connection.scalar(COMPUTED, given_) == rules.amount_fen(priced, area, vacant=vacant)

        holds()


# --- one-off services ----------------------------------------------------------------------------------------------

LOCK = ChargeRequest("lock", 12_000, "更换门锁", household="H1")


def charge(desk: Desk, request: ChargeRequest, charge_id: UUID | None = None, caller: Any = FINANCE) -> dict[str, Any]:
    with Session(desk.engine) as session, session.begin():
        return charges.create_charge(session, caller, charge_id or uuid4(), request, NOW)


def test_b1_a_one_off_service_is_a_bill_at_once(desk: Desk) -> None:
    give_credit(desk, "H1", 5_000)
    charge_id = uuid4()
    made = charge(desk, LOCK, charge_id)
    assert (made["amount_fen"], made["outstanding_fen"], made["period"]) == (12_000, 7_000, "2026-11")
    assert (made["unit"], made["household"], made["due_date"]) == ("E1/101", "H1", date(2026, 12, 15))
    assert charge(desk, LOCK, charge_id) == made
    with pytest.raises(Conflict):
        charge(desk, ChargeRequest("lock", 12_001, "更换门锁", household="H1"), charge_id)
    assert charge(desk, LOCK)["id"] != made["id"], "several of one kind in a month"
    assert desk.rows("SELECT debit_account, credit_account, amount_fen FROM ledger_entry ORDER BY id") == [
        ("cash_cash", "customer_credit", 5_000),
        ("receivable", "fee_income", 12_000),
        ("customer_credit", "receivable", 5_000),
        ("receivable", "fee_income", 12_000),
    ]
    assert desk.rows("SELECT billed_fen, collected_fen, billed_count FROM rate_rollup") == [(24_000, 5_000, 2)]
    with Session(desk.engine) as session:
        told = [(e.run_id, e.bills[0].open_fen) for e in events(session, BillsIssued)]
        credited = [bill.open_change_fen for e in events(session, BillsAdjusted) for bill in e.bills]
        statement = statements.statement(session, FINANCE, "H1", date(2026, 11, 21))
        earlier = statements.statement(session, FINANCE, "H1", date(2026, 10, 31))
        assert imbalance_fen(session) == 0
    assert told == [(None, 12_000), (None, 12_000)]
    assert credited == [-5_000]
    assert (statement["principal_fen"], earlier["principal_fen"]) == (19_000, 0)
    assert_explained(desk)
    assert "更换门锁" in explained(desk)[0]["text"]["zh-CN"]


def test_b1_a_unit_is_charged_to_whoever_pays_for_it(desk: Desk) -> None:
    made = charge(desk, ChargeRequest("property_fee", 1, "x", unit="E1/102", due_date=date(2026, 11, 21)))
    assert (made["household"], made["due_date"]) == ("H2", date(2026, 11, 21))
    assert desk.run("2026-11")["bills"] == 2, "a charge does not stand for the month's fee"


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        (ChargeRequest("lock", 1, "x"), Invalid),
        (ChargeRequest("lock", 1, "x", household="H1", unit="E1/101"), Invalid),
        (ChargeRequest("lock", 0, "x", household="H1"), Invalid),
        (ChargeRequest("lock", 1, " ", household="H1"), Invalid),
        (ChargeRequest("lock", 1, "x", household="H1", due_date=date(2026, 11, 20)), Invalid),
        (ChargeRequest("lock", 1, "x", household="H1", due_date=date(9999, 12, 31)), Invalid),
        (ChargeRequest("lock", 1, "x", household="H7"), NotFound),
        (ChargeRequest("lock", 1, "x", unit="E1/999"), NotFound),
    ],
)
def test_b1_charges_that_make_no_sense_are_refused(desk: Desk, request_: ChargeRequest, error: type[Exception]) -> None:
    with pytest.raises(error):
        charge(desk, request_)
    for caller in (manager("E2"), manager("E1", role="steward")):
        with pytest.raises(Forbidden):
            charge(desk, LOCK, caller=caller)
    assert desk.one("SELECT count(*) FROM bill") == 0
