"""The portfolio as the CSV files that `POST /v1/imports/{kind}` takes (A3). Columns are those of the public contract.

Files are cut where the importer wants them small: opening balances at most `OPENING_ROWS` rows each, oldest first.
"""

import csv
from collections.abc import Iterable, Iterator, Sequence
from io import StringIO

from demo.history import OpeningBill, opening_bills
from demo.portfolio import Estate, EstatePortfolio, Tariff, Unit
from services.common.domain.calendar import format_period
from services.common.domain.money import yuan

HEADERS = {
    "estates": "estate_code,name,region,city,property_type,service_grade,charging_mode,opened_on,late_fee_clause",
    "units": (
        "estate_code,building,unit_code,area_m2,usage,status,household_code,owner_name,owner_phone,"
        "floor,move_in_date,segment,grade,email,language"
    ),
    "staff": "staff_code,name,role,estate_code,buildings,phone,skills",
    "tariffs": "estate_code,fee_item,method,usage,unit_price_yuan,effective_from,effective_to,vacancy_ratio,basis",
    "opening_balances": "estate_code,unit_code,fee_item,period,amount_yuan,due_date,paid_yuan,paid_on",
}
OPENING_ROWS = 12_000


def estates_csv(parts: Iterable[EstatePortfolio]) -> str:
    """All estates in one file."""
    return _csv("estates", (_estate_row(part.estate) for part in parts))


def units_csv(part: EstatePortfolio) -> str:
    """The units of one estate with the households that pay for them."""
    return _csv("units", (_unit_row(part.estate.code, unit) for unit in part.units))


def staff_csv(part: EstatePortfolio) -> str:
    """The staff of one estate."""
    rows = (
        (s.code, s.name, s.role, part.estate.code, ";".join(s.buildings), s.phone, ";".join(s.skills))
        for s in part.staff
    )
    return _csv("staff", rows)


def tariffs_csv(part: EstatePortfolio) -> str:
    """The price list of one estate; it waits to be published (公示) after the import (B1)."""
    return _csv("tariffs", (_tariff_row(part.estate.code, tariff) for tariff in part.tariffs))


def opening_csvs(part: EstatePortfolio, rows_per_file: int = OPENING_ROWS) -> Iterator[str]:
    """Opening balances of one estate as files of at most `rows_per_file` rows, the oldest month first."""
    bills = sorted(opening_bills(part), key=lambda bill: (bill.period, bill.unit))
    for start in range(0, len(bills), rows_per_file):
        rows = (_opening_row(part.estate.code, bill) for bill in bills[start : start + rows_per_file])
        yield _csv("opening_balances", rows)


def _estate_row(e: Estate) -> tuple[object, ...]:
    what = (e.property_type, e.service_grade, e.charging_mode)
    return (e.code, e.name, e.region, e.city, *what, e.opened_on, e.late_fee_clause)


def _unit_row(estate: str, u: Unit) -> tuple[object, ...]:
    h = u.household
    owner = (h.code, h.owner_name, h.owner_phone)
    grade = None
    return (
        *(estate, u.building, u.code, u.area_m2, u.usage, u.status),
        *owner,
        *(u.floor, u.move_in_date, h.segment, grade, h.email, h.language),
    )


def _tariff_row(estate: str, t: Tariff) -> tuple[object, ...]:
    price = (t.method, t.usage, t.unit_price)
    return (estate, t.fee_item, *price, t.effective_from, t.effective_to, t.vacancy_ratio, t.basis)


def _opening_row(estate: str, bill: OpeningBill) -> tuple[object, ...]:
    money = (yuan(bill.amount_fen), bill.due_date, yuan(bill.paid_fen), bill.paid_on)
    return (estate, bill.unit, bill.fee_item, format_period(bill.period), *money)


def _csv(kind: str, rows: Iterable[Sequence[object]]) -> str:
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEADERS[kind].split(","))
    writer.writerows(rows)
    return text.getvalue()
