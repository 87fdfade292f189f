"""Reading and checking import files: every bad cell is named, good files pass (A3)."""

from datetime import date
from decimal import Decimal

import pytest

from services.billing.imports.kinds import KINDS
from services.billing.imports.rules import KnownBill, KnownTariff, Register, check, opening_issued_on
from services.common.sheets import cells
from services.common.sheets.reading import Sheet, problems, read_sheet

UNITS = "estate_code,building,unit_code,area_m2,usage,status,household_code,owner_name,owner_phone"
GOOD_UNIT = "E1,1,101,87.33,residential,occupied,H1,王小明,13812345678"
OPENING = "estate_code,unit_code,fee_item,period,amount_yuan,due_date"
TARIFFS = "estate_code,fee_item,method,usage,unit_price_yuan,effective_from"
STAFF = "staff_code,name,role,estate_code"
KNOWN = Register(
    estates={"E1": 1, "E2": 2}, buildings={("E1", "1"), ("E1", "2"), ("E2", "1"), ("E2", "2")}, today=date(2026, 11, 21)
)


def read(kind: str, *lines: str) -> Sheet:
    return read_sheet(kind, KINDS[kind], "\n".join(lines))


def errors(kind: str, *lines: str, known: Register = KNOWN) -> list[tuple[int, str, str]]:
    sheet = read(kind, *lines)
    check(sheet, known)
    return [(e["line"], e["column"], e["msg"]) for e in problems(sheet.errors)]


def places(kind: str, *lines: str, known: Register = KNOWN) -> list[tuple[int, str]]:
    return [(line, column) for line, column, _ in errors(kind, *lines, known=known)]


def test_a_good_file_has_no_errors_and_typed_values() -> None:
    sheet = read("units", "\ufeff" + UNITS, GOOD_UNIT)
    check(sheet, KNOWN)
    assert sheet.errors == []
    assert sheet.rows[0]["area_m2"] == Decimal("87.33")


def test_columns_may_come_in_any_order_and_optional_ones_may_be_missing() -> None:
    sheet = read(
        "estates",
        "name,estate_code,city,region,charging_mode,service_grade,property_type",
        "翠苑,E9,杭州,华东,包干制,A,住宅",
    )
    assert sheet.errors == []
    assert sheet.rows[0].values["charging_mode"] == "lump_sum"
    assert "late_fee_clause" not in sheet.rows[0].values


def test_empty_and_header_only_files_differ() -> None:
    assert errors("units", "") == [(1, "", "the file is empty")]
    assert errors("units", UNITS) == []
    assert read("units", UNITS).count == 0


def test_header_errors_are_on_line_1() -> None:
    header = UNITS.replace(",owner_phone", ",colour,usage")
    assert sorted(places("units", header, GOOD_UNIT)) == [(1, "colour"), (1, "owner_phone"), (1, "usage")]


def test_every_bad_cell_is_named() -> None:
    bad = "E9,,102,-3,flat,empty,H 2,,12"
    named = errors("units", UNITS, GOOD_UNIT, bad)
    assert {(line, column) for line, column, _ in named} == {
        (3, column)
        for column in (
            "estate_code",
            "building",
            "area_m2",
            "usage",
            "status",
            "household_code",
            "owner_name",
            "owner_phone",
        )
    }
    assert all("H 2" not in msg for _, _, msg in named), "a reason never repeats the value"


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("1.234", "more than 2 decimals"),
        ("1e3", "not a number"),
        ("NaN", "not a number"),
        ("", "empty"),
        ("-1", "negative"),
        ("9999999999", "too large: less than 10000000"),
        ("1,00.00", "not a number: commas part groups of three digits only"),
        ("¥87.33", "not a number"),
        ("87.3300000000000000000000000000000001", "more than 2 decimals"),
    ],
)
def test_areas_are_exact_numbers(cell: str, reason: str) -> None:
    assert errors("units", UNITS, GOOD_UNIT.replace("87.33", f'"{cell}"')) == [(2, "area_m2", reason)]


def test_lines_are_physical_lines() -> None:
    header = "estate_code,name,region,city,property_type,service_grade,charging_mode,late_fee_clause"
    lines = ("E1,a,r,c,p,g,lump_sum,", "", 'E2,"a,b",r,c,p,g,lump_sum,"§ 3\n§ 4"', "E3,a,r,c,p,g,neither,")
    assert places("estates", header, *lines) == [(4, "late_fee_clause"), (6, "charging_mode")]


def test_unit_twice_is_named() -> None:
    assert errors("units", UNITS, GOOD_UNIT, GOOD_UNIT) == [(3, "unit_code", "the same as line 2")]


def test_a_household_has_one_owner_and_one_estate() -> None:
    other_name = GOOD_UNIT.replace(",101,", ",102,").replace("王小明", "李雷")
    other_estate = GOOD_UNIT.replace("E1,", "E2,")
    assert places("units", UNITS, GOOD_UNIT, other_name) == [(3, "owner_name")]
    assert places("units", UNITS, GOOD_UNIT, other_estate) == [(3, "household_code")]
    known = Register(estates={"E1": 1}, households={"H1": "E2"})
    assert places("units", UNITS, GOOD_UNIT, known=known) == [(2, "household_code")]


def test_scope_and_unknown_estates_are_named() -> None:
    mine = Register(estates={"E1": 1, "E2": 2}, scope={"E1"})
    lines = (GOOD_UNIT, "E2,1,1,9,parking,vacant,H2,a,13800000000", "E7,1,1,9,parking,vacant,H3,a,13800000000")
    assert [m for _, _, m in errors("units", UNITS, *lines, known=mine)] == ["outside your scope"] * 2
    assert errors("units", UNITS, *lines) == [(4, "estate_code", "unknown estate")]


ESTATE = "estate_code,name,region,city,property_type,service_grade,charging_mode"


@pytest.mark.parametrize("code", ["*", "..", "a/b", "a?b", "01 03", "1;2"])
def test_what_is_new_has_a_code_that_names_it_alone(code: str) -> None:
    assert places("estates", ESTATE, f"{code},a,r,c,p,g,lump_sum") == [(2, "estate_code")]
    assert places("staff", STAFF, f"{code},a,steward,E1") == [(2, "staff_code")]
    for column, cell in (("building", "E1,1,"), ("unit_code", ",101,"), ("household_code", ",H1,")):
        changed = GOOD_UNIT.replace(cell, {"building": f"E1,{code},"}.get(column, f",{code},"), 1)
        assert places("units", UNITS, changed) == [(2, column)], changed
    with pytest.raises(ValueError, match="a code"):
        cells.code(code)  # of a household that a transfer makes


def test_what_exists_keeps_its_code() -> None:
    register = Register(estates={"E/1": 1}, households={"H 1": "E/1"}, units={("E/1", "1 01"): 1}, staff={"S:1": "E/1"})
    odd = GOOD_UNIT.replace("E1,1,", "E/1,1 栋,").replace(",101,", ",1 01,").replace(",H1,", ",H 1,")
    assert errors("units", UNITS, odd, known=register) == []
    assert errors("estates", ESTATE, "E/1,a,r,c,p,g,lump_sum", known=register) == []
    assert errors("staff", STAFF, "S:1,a,technician,E/1", known=register) == []


def test_a_grade_is_not_all_others() -> None:
    assert places("units", UNITS + ",grade", GOOD_UNIT + ",*") == [(2, "grade")]


PAYABLE = Register(estates={"E1": 1}, units={("E1", "101"): 1}, today=date(2026, 11, 21))


@pytest.mark.parametrize(
    ("amount", "due", "column"),
    [
        ("100000000.00", "2026-04-15", None), ("100000000.01", "2026-04-15", "amount_yuan"),
        ("99999999999.00", "2026-04-15", "amount_yuan"), ("5.00", "2025-03-01", None),
        ("5.00", "2025-02-28", "due_date"), ("5.00", "1999-01-01", "due_date"),
    ],
)  # fmt: skip
def test_an_opening_balance_can_be_paid_and_was_due_when_it_could_be(amount: str, due: str, column: str | None) -> None:
    row = f"E1,101,property_fee,2026-03,{amount},{due}"
    assert places("opening_balances", OPENING, row, known=PAYABLE) == ([(2, column)] if column else [])


def test_a_building_has_one_steward() -> None:
    lines = ("S1,a,steward,E1,1;2", "S2,b,steward,E1,2", "S3,c,technician,E1,2", "S4,d,steward,E2,2", "S5,e,wizard,E1,")
    assert places("staff", STAFF + ",buildings", *lines) == [(3, "buildings"), (6, "role")]


def test_published_tariffs_are_versioned() -> None:
    key = ("E1", "property", "residential", date(2026, 1, 1))
    values = {"method": "per_area", "unit_price": Decimal("2.3500"), "effective_to": None, "version": 1}
    published = Register(estates={"E1": 1}, tariffs={key: KnownTariff(values, published=True)})
    waiting = Register(estates={"E1": 1}, tariffs={key: KnownTariff(values, published=False)})
    same, dearer = (f"E1,property,per_area,residential,{price},2026-01-01" for price in ("2.35", "2.36"))
    assert errors("tariffs", TARIFFS, same, known=published) == []
    [(line, column, msg)] = errors("tariffs", TARIFFS, dearer, known=published)
    assert (line, column, msg) == (2, "unit_price_yuan", "published tariffs are versioned: use a new effective_from")
    assert errors("tariffs", TARIFFS, dearer, known=waiting) == []
    later = dearer.replace("2026-01-01", "2027-01-01")
    assert errors("tariffs", TARIFFS, later, known=published) == []


def test_bad_tariffs_are_named() -> None:
    header = TARIFFS + ",effective_to,vacancy_ratio"
    line = "E1,property,per_sqm,villa,2.35001,2026-02-30,2026-01-01,1.5"
    expected = ["method", "usage", "unit_price_yuan", "effective_from", "vacancy_ratio"]
    assert places("tariffs", header, line) == [(2, column) for column in expected]
    backwards = "E1,property,per_area,residential,2.35,2026-02-01,2026-01-01,0.7"
    assert places("tariffs", header, backwards) == [(2, "effective_to")]


def test_opening_balances_are_checked() -> None:
    known = Register(estates={"E1": 1}, units={("E1", "101"): 7}, today=date(2026, 11, 21))
    header = OPENING + ",paid_yuan,paid_on"
    lines = (
        "E1,101,property,2025-01,300.00,2025-02-15,100.00,",
        "E1,101,property,2025-02,0,2025-03-15,,",
        "E1,101,property,2025-03,10.001,2025-03-32,,",
        "E1,101,property,2025-13,10,2025-04-15,10.01,",
        "E1,999,property,2025-01,10,2025-04-15,,2025-04-01",
        "E1,101,property,2025-05,10,2025-06-15,5,2026-12-01",
        "E1,101,property,2025-01,300.00,2025-02-15,100.00,",
    )
    assert sorted(places("opening_balances", header, *lines, known=known)) == [
        (3, "amount_yuan"),
        (4, "amount_yuan"),
        (4, "due_date"),
        (5, "paid_yuan"),
        (5, "period"),
        (6, "paid_on"),
        (6, "unit_code"),
        (7, "paid_on"),
        (8, "period"),
    ]


def test_a_standing_bill_is_never_edited() -> None:
    key = ("E1", "101", "property", date(2025, 1, 1))
    line = "E1,101,property,2025-01,300.00,2025-02-15,100.00"

    def with_bill(bill: KnownBill, changed: str) -> list[str]:
        known = Register(estates={"E1": 1}, units={("E1", "101"): 7}, bills={key: bill})
        return [column for _, column in places("opening_balances", OPENING + ",paid_yuan", changed, known=known)]

    standing = KnownBill(30_000, 10_000, date(2025, 2, 15), opening=True)
    assert with_bill(standing, line) == []
    assert with_bill(standing, line.replace("300.00", "301.00")) == ["amount_yuan"]
    assert with_bill(standing, line.replace("100.00", "0")) == ["paid_yuan"]
    assert with_bill(standing, line.replace("02-15", "02-16")) == ["due_date"]
    by_run = KnownBill(30_000, 10_000, date(2025, 2, 15), opening=False)
    assert with_bill(by_run, line) == ["period"]


def test_opening_balances_count_as_issued_after_their_period() -> None:
    assert opening_issued_on(date(2025, 12, 1), date(2026, 1, 15)) == date(2026, 1, 1)
    assert opening_issued_on(date(2025, 1, 1), date(2025, 1, 15)) == date(2025, 1, 15)


@pytest.mark.parametrize("cell", ["a\x00b", "a\ud800", "a\tb", "x" * 501])
def test_text_that_cannot_be_kept_is_named(cell: str) -> None:
    assert places("units", UNITS, GOOD_UNIT.replace("王小明", cell)) == [(2, "owner_name")]


@pytest.mark.parametrize(
    ("cells", "column"),
    [
        ("9999-12,10,2025-02-15", "period"),
        ("2025-01,10,9999-12-31", "due_date"),
        ("２０２５-13,10,2025-02-15", "period"),
        ("2025-01,10.0000000000000000000000000000000001,2025-02-15", "amount_yuan"),
    ],
)
def test_a3_an_opening_balance_out_of_all_bounds_is_named(cells: str, column: str) -> None:
    """A period of the year 9999 was an exception, a 34th decimal was rounded away in silence."""
    known = Register(estates={"E1": 1}, units={("E1", "101"): 7}, today=date(2026, 11, 21))
    assert places("opening_balances", OPENING, f"E1,101,property,{cells}", known=known) == [(2, column)]


def test_a3_what_no_call_could_name_is_refused() -> None:
    long = "x" * 65
    columns = ["estate_code", "building", "unit_code", "household_code"]
    line = f"{long},{long},{long},87.33,residential,occupied,{long},王小明,13812345678"
    assert places("units", UNITS, line) == [(2, column) for column in columns]
    assert places("tariffs", TARIFFS, f"E1,{long},fixed,residential,1,2026-01-01") == [(2, "fee_item")]
    assert places("units", UNITS, line.replace(long, "x" * 64), known=Register(estates={"x" * 64: 1})) == []


@pytest.mark.parametrize("sign", ["\x00", "\ufffd", "\u200b", "\u202e", "\ufeff"])
def test_a3_what_cannot_be_seen_or_read_is_named_with_its_column(sign: str) -> None:
    assert places("units", UNITS, GOOD_UNIT.replace(",101,", f",1{sign}01,")) == [(2, "unit_code")]
    in_a_name = places("units", UNITS, GOOD_UNIT.replace("小", sign))
    assert in_a_name == ([(2, "owner_name")] if sign in "\x00\ufffd" else [])
