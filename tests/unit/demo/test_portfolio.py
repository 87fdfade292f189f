"""The demo's generator: the same for everybody, in the right proportions, and nobody real in it."""

import csv
from collections import Counter, defaultdict
from datetime import date, timedelta
from io import StringIO

import pytest

from demo.cases import complaint_cases, debtors, order_cases
from demo.files import HEADERS, OPENING_ROWS, estates_csv, opening_csvs, staff_csv, tariffs_csv, units_csv
from demo.history import OpeningBill, due_date, last_full_month, monthly_fen, opening_bills, periods
from demo.portfolio import AGE, Portfolio, estate_portfolios, generate, made_on
from services.common.domain.money import fen

AS_OF = date(2026, 11, 21)
REQUIRED = {
    "estates": "estate_code,name,region,city,property_type,service_grade,charging_mode",
    "units": "estate_code,building,unit_code,area_m2,usage,status,household_code,owner_name,owner_phone",
    "staff": "staff_code,name,role,estate_code",
    "tariffs": "estate_code,fee_item,method,usage,unit_price_yuan,effective_from",
    "opening_balances": "estate_code,unit_code,fee_item,period,amount_yuan,due_date",
}


@pytest.fixture(scope="module")
def portfolio() -> Portfolio:
    return generate(as_of=AS_OF)


@pytest.fixture(scope="module")
def history(portfolio: Portfolio) -> list[OpeningBill]:
    return [bill for part in portfolio.estates for bill in opening_bills(part)]


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(text)))


def all_files(portfolio: Portfolio) -> dict[str, list[str]]:
    files = defaultdict(list, estates=[estates_csv(portfolio.estates)])
    for part in portfolio.estates:
        files["units"].append(units_csv(part))
        files["staff"].append(staff_csv(part))
        files["tariffs"].append(tariffs_csv(part))
        files["opening_balances"] += opening_csvs(part)
    return files


@pytest.fixture(scope="module")
def files(portfolio: Portfolio) -> dict[str, list[str]]:
    return all_files(portfolio)


def test_the_same_seed_and_day_make_the_same_files(portfolio: Portfolio, files: dict[str, list[str]]) -> None:
    again = generate(as_of=AS_OF)
    assert all_files(again) == files
    assert (order_cases(again), complaint_cases(again)) == (order_cases(portfolio), complaint_cases(portfolio))


def test_another_seed_makes_other_files(portfolio: Portfolio) -> None:
    assert units_csv(generate(7, as_of=AS_OF).estates[0]) != units_csv(portfolio.estates[0])


def test_estates_come_one_by_one_as_they_come_together(portfolio: Portfolio) -> None:
    assert tuple(estate_portfolios(as_of=AS_OF, estates=3, households=2_000)) == portfolio.estates


@pytest.mark.parametrize(("estates", "households"), [(3, 2_000), (60, 100_000)])
def test_the_shape_has_exactly_the_households_asked_for(estates: int, households: int) -> None:
    sizes = [len(p.households) for p in estate_portfolios(as_of=AS_OF, estates=estates, households=households)]
    assert (len(sizes), sum(sizes)) == (estates, households)


def test_codes_are_unique_where_the_contract_needs_them_so(portfolio: Portfolio) -> None:
    households = [h.code for part in portfolio.estates for h in part.households]
    staff = [s.code for part in portfolio.estates for s in part.staff]
    assert len(set(households)) == len(households)
    assert len(set(staff)) == len(staff)
    for part in portfolio.estates:
        assert len({unit.code for unit in part.units}) == len(part.units)
        assert {unit.household.code for unit in part.units} == {h.code for h in part.households}


def test_there_are_parking_places_shops_vacant_and_unsold_flats(portfolio: Portfolio) -> None:
    for part in portfolio.estates:
        usages, states = Counter(u.usage for u in part.units), Counter(u.status for u in part.units)
        assert usages["residential"] > usages["parking"] > usages["commercial"] > 0
        assert states["occupied"] > states["vacant"] > 0
        assert states["unsold"] > 0
        assert all(u.household.code.endswith("-DEV") for u in part.units if u.status == "unsold")
    assert any(len(Counter(u.usage for u in part.units if u.household is h)) > 1 for h in part.households)


def test_every_building_has_one_steward_and_every_estate_its_staff(portfolio: Portfolio) -> None:
    for part in portfolio.estates:
        watched = Counter(building for s in part.staff if s.role == "steward" for building in s.buildings)
        assert watched == Counter({unit.building for unit in part.units})
        assert {s.role for s in part.staff} == {"estate_manager", "steward", "technician", "cashier"}
        assert all(s.skills for s in part.staff if s.role == "technician")


def test_two_estates_have_a_late_fee_clause_and_one_takes_less_for_vacant_flats(portfolio: Portfolio) -> None:
    assert [bool(part.estate.late_fee_clause) for part in portfolio.estates] == [True, True, False]
    assert [any(t.vacancy_ratio for t in part.tariffs) for part in portfolio.estates] == [True, False, False]


def test_telephone_numbers_cannot_be_anybodys(portfolio: Portfolio) -> None:
    people = [h.owner_phone for part in portfolio.estates for h in part.households]
    people += [s.phone for part in portfolio.estates for s in part.staff]
    assert all(len(number) == 11 and number.isdecimal() and number.startswith("1007") for number in people)
    assert len(set(people)) == len(people)
    mails = [h.email for part in portfolio.estates for h in part.households if h.email]
    assert mails
    assert all(mail.endswith("@example.com") for mail in mails)


@pytest.mark.parametrize(
    ("payer", "share"), [("on_time", 0.75), ("late_30", 0.10), ("late_year", 0.07), ("hard_core", 0.08)]
)
def test_payers_are_split_like_the_sector(portfolio: Portfolio, payer: str, share: float) -> None:
    found = Counter(h.payer.name for part in portfolio.estates for h in part.households)
    assert found[payer] / portfolio.households() == pytest.approx(share, abs=0.02)


def test_one_household_in_twenty_pays_its_latest_bills_in_part(portfolio: Portfolio) -> None:
    disputing = sum(h.disputes > 0 for part in portfolio.estates for h in part.households)
    assert disputing / portfolio.households() == pytest.approx(0.05, abs=0.015)


def test_the_history_is_eighteen_months_up_to_the_month_that_the_demo_bills(history: list[OpeningBill]) -> None:
    months = sorted({bill.period for bill in history})
    assert months == periods(AS_OF, 18)
    assert (months[0], months[-1], last_full_month(AS_OF)) == (date(2025, 4, 1), date(2026, 9, 1), date(2026, 10, 1))
    assert all(bill.due_date == due_date(bill.period) for bill in history)
    assert due_date(date(2025, 12, 1)) == date(2026, 1, 15)


def test_nothing_is_paid_on_or_after_the_day_the_portfolio_is_made_for(history: list[OpeningBill]) -> None:
    assert all(bill.paid_on < AS_OF for bill in history if bill.paid_on is not None)
    assert all((bill.paid_fen > 0) == (bill.paid_on is not None) for bill in history)
    assert all(0 <= bill.paid_fen <= bill.amount_fen for bill in history)


def test_payers_pay_when_their_kind_pays(portfolio: Portfolio, history: list[OpeningBill]) -> None:
    kinds = {h.code: h.payer for part in portfolio.estates for h in part.households}
    for bill in history:
        low, high = kinds[bill.household].delay_days
        if bill.paid_on is not None:
            assert bill.paid_on >= bill.due_date + timedelta(days=low)
        elif kinds[bill.household].settles:
            assert bill.due_date + timedelta(days=high) >= AS_OF, "it would have been paid by now"


def test_no_unit_pays_a_younger_bill_while_an_older_one_is_open(history: list[OpeningBill]) -> None:
    paid_last: dict[tuple[str, str], date] = {}
    for bill in history:
        paid_on = bill.paid_on or date.max
        assert paid_on >= paid_last.get((bill.household, bill.unit), date.min)
        paid_last[bill.household, bill.unit] = paid_on


def test_most_of_the_history_is_collected_and_the_rest_is_not(history: list[OpeningBill]) -> None:
    collected = sum(bill.paid_fen for bill in history) / sum(bill.amount_fen for bill in history)
    assert 0.84 < collected < 0.93


@pytest.mark.parametrize(("status", "percent"), [("vacant", 70), ("unsold", 100), ("occupied", 100)])
def test_a_vacant_flat_costs_seventy_percent_where_the_tariff_says_so_and_the_developer_pays_in_full(
    portfolio: Portfolio, status: str, percent: int
) -> None:
    part = portfolio.estates[0]
    flat = next(unit for unit in part.units if unit.status == status)
    tariff = next(t for t in part.tariffs if t.usage == "residential")
    exact = flat.area_m2 * tariff.unit_price * percent
    assert abs(monthly_fen(flat, tariff) - exact) <= 0.5


@pytest.mark.parametrize("kind", sorted(HEADERS))
def test_the_files_have_the_columns_of_the_contract(files: dict[str, list[str]], kind: str) -> None:
    for text in files[kind]:
        header = text.splitlines()[0]
        assert header == HEADERS[kind]
        assert header.startswith(REQUIRED[kind])
        assert all(row[column] for row in read(text) for column in REQUIRED[kind].split(","))


def test_opening_files_are_small_enough_and_lose_nothing(
    files: dict[str, list[str]], history: list[OpeningBill]
) -> None:
    tables = [read(text) for text in files["opening_balances"]]
    rows = [row for table in tables for row in table]
    assert len(tables) > 3
    assert all(len(table) <= OPENING_ROWS for table in tables)
    assert sum(fen(row["amount_yuan"]) for row in rows) == sum(bill.amount_fen for bill in history)
    assert sum(fen(row["paid_yuan"]) for row in rows) == sum(bill.paid_fen for bill in history)
    assert len({(r["estate_code"], r["unit_code"], r["fee_item"], r["period"]) for r in rows}) == len(history)


def test_opening_files_name_units_that_were_imported(portfolio: Portfolio) -> None:
    for part in portfolio.estates:
        units = {row["unit_code"] for row in read(units_csv(part))}
        items = {row["fee_item"] for row in read(tariffs_csv(part))}
        for text in opening_csvs(part, rows_per_file=1_000_000):
            assert all(row["unit_code"] in units and row["fee_item"] in items for row in read(text))


def test_the_day_it_was_made_can_be_read_back_from_the_first_estate(portfolio: Portfolio) -> None:
    opened_on = date.fromisoformat(read(estates_csv(portfolio.estates))[0]["opened_on"])
    assert made_on(opened_on) == AS_OF
    assert opened_on + AGE == AS_OF


def test_open_complaints_come_from_households_in_arrears(portfolio: Portfolio) -> None:
    owing = {h.code for part in portfolio.estates for h in debtors(part)}
    cases = complaint_cases(portfolio)
    open_ones = [case for case in cases if "close" not in case.steps]
    assert len(open_ones) >= 10
    assert all(case.household in owing for case in open_ones)
    assert len({case.household for case in cases}) == len(cases), "the hold of each is seen by itself"
    assert "close" in cases[-1].steps, "the last one marks the end of the load"


def test_orders_are_in_every_state_and_some_are_rated(portfolio: Portfolio) -> None:
    cases = order_cases(portfolio)
    assert {len(case.steps) for case in cases} == {0, 1, 2, 3, 4, 5}
    assert any(case.rating for case in cases)
    assert all(len(case.steps) == 5 for case in cases if case.rating)
    flats = {(p.estate.code, u.building, u.household.code) for p in portfolio.estates for u in p.units}
    assert all((case.estate, case.building, case.household) in flats for case in cases)
