"""LAW of imports: what must hold between the rows of a file and towards what is known (A3).

Each check notes every bad cell on the sheet and goes on, so that one upload shows all that is wrong with a file.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import Any

from services.billing.charging.tariffs.coverage import way
from services.billing.imports.kinds import KINDS
from services.billing.portfolio.days import YEARS_AHEAD, latest_day
from services.common.domain.calendar import add_months
from services.common.domain.money import yuan
from services.common.fields import code_fault
from services.common.sheets.reading import Row, Sheet

Key = tuple[Any, ...]  # the cells by which two rows are the same thing
OWNER_COLUMNS = ("owner_name", "owner_phone", "segment", "email", "language")


@dataclass
class Register:
    """What the database knows of the things a file names.

    `estates`: code → id; `scope`: codes the caller may touch (None: all); `units`: (estate, unit) → id;
    `buildings`: (estate, building) of those that have units;
    `households` and `staff`: code → estate; `payers`: (estate, unit) → who pays, of units that ever changed hands;
    `tariffs` and `bills`: what stands under the key of a row, as (values, may change); `voided_openings`: opening
    balances that were taken back.
    """

    estates: Mapping[str, int] = field(default_factory=dict)
    scope: Collection[str] | None = None
    units: Mapping[tuple[str, str], int] = field(default_factory=dict)
    buildings: Collection[tuple[str, str]] = ()
    households: Mapping[str, str] = field(default_factory=dict)
    staff: Mapping[str, str] = field(default_factory=dict)
    tariffs: Mapping[Key, "KnownTariff"] = field(default_factory=dict)
    bills: Mapping[Key, "KnownBill"] = field(default_factory=dict)
    voided_openings: Collection[Key] = ()
    payers: Mapping[tuple[str, str], "KnownPayer"] = field(default_factory=dict)
    today: date = date.max


@dataclass(frozen=True)
class KnownPayer:
    """Who pays for a unit that changed hands: `household` today, `filed_household` as the last file said.

    `days`: first day → household of the transfers people recorded; a file does not overrule those. `since`: first
    day → household of all transfers, people's and files'.
    """

    unit_id: int
    household: str
    filed_household: str
    days: Mapping[date, str]
    since: Mapping[date, str] = field(default_factory=dict)

    def is_news(self, household: str | None) -> bool:
        """Whether a file that names this household says something new."""
        return household not in (self.household, self.filed_household)

    def transfer_days(self, household: str | None) -> list[date]:
        """The days from which this household pays by a transfer; none for who has always paid."""
        return sorted(day for day, whose in self.since.items() if whose == household)


@dataclass(frozen=True)
class KnownTariff:
    """A tariff version that stands; a published one never changes (B1)."""

    values: Mapping[str, Any]
    published: bool


@dataclass(frozen=True)
class KnownBill:
    """A bill that stands; `opening` when it came from an opening balance."""

    amount_fen: int
    paid_fen: int
    due_date: date
    opening: bool


def check(sheet: Sheet, register: Register) -> None:
    """Every check of the sheet's kind; what is wrong is noted on the sheet."""
    CHECKS[sheet.kind](sheet, register)


def check_estates(sheet: Sheet, register: Register) -> None:
    """Each estate once, within the caller's scope."""
    check_once(sheet, {"code": "estate_code"})
    for row in sheet.rows:
        if row["code"] is not None and not in_scope(row["code"], register):
            sheet.reject(row.line, "estate_code", "outside your scope")
        if row["code"] not in register.estates:
            _check_new_code(sheet, row, "estate_code", row["code"])


def check_units(sheet: Sheet, register: Register) -> None:
    """Each unit once; a household in one estate only, and its owner the same in every row."""
    check_known_estates(sheet, register)
    check_once(sheet, {"estate_code": "estate_code", "code": "unit_code"})
    first: dict[str, Row] = {}
    for row in sheet.rows:
        household = row["household_code"]
        if household is not None and row["estate_code"] is not None:
            elsewhere = register.households.get(household, row["estate_code"])
            _check_household(sheet, row, first.setdefault(household, row), elsewhere)
        if household not in register.households:
            _check_new_code(sheet, row, "household_code", household)
        if row.key("estate_code", "code") not in register.units:
            _check_new_code(sheet, row, "unit_code", row["code"])
            _check_new_code(sheet, row, "building", row["building"])
        _check_payer(sheet, row, register)


def has_odd_codes(sheet: Sheet) -> bool:
    """Whether a file of units names one that could not be new: then it matters which of them exist."""
    return any(code_fault(row[name] or "") for row in sheet.rows for name in ("code", "building"))


def _check_new_code(sheet: Sheet, row: Row, column: str, code: str | None) -> None:
    """What is new is named by the law of codes; what exists keeps its name, whatever that holds."""
    if code is not None and (fault := code_fault(code)):
        sheet.reject(row.line, column, fault)


def _check_payer(sheet: Sheet, row: Row, register: Register) -> None:
    """A file that names another payer is a transfer; on a day that is taken by a person's it is refused."""
    since = row["payer_from"] or register.today
    for column in ("payer_from", "status_from"):
        if row[column] is not None and row[column] > latest_day(register.today):
            sheet.reject(row.line, column, f"{YEARS_AHEAD} years ahead or more")
    payer = register.payers.get(row.key("estate_code", "code") or ("", ""))
    if payer is None:
        return
    if not payer.is_news(row["household_code"]):
        _check_same_day(sheet, row, payer.transfer_days(row["household_code"]))
    elif since in payer.days:
        msg = f"a transfer to {payer.days[since]} from {since} is on record: undo it, or name another payer_from"
        sheet.reject(row.line, "household_code", msg)


def _check_same_day(sheet: Sheet, row: Row, transfer_days: Sequence[date]) -> None:
    """A payer who is on record from another day is not moved in silence: bills may go by that day."""
    if row["payer_from"] is not None and transfer_days and row["payer_from"] not in transfer_days:
        days = ", ".join(map(str, transfer_days))
        sheet.reject(row.line, "payer_from", f"this household is on record from {days}: undo that transfer first")


def _check_household(sheet: Sheet, row: Row, first: Row, known_in: str) -> None:
    if known_in != row["estate_code"]:
        sheet.reject(row.line, "household_code", "this household belongs to another estate")
    elif first["estate_code"] != row["estate_code"]:
        sheet.reject(row.line, "household_code", f"line {first.line} has this household in another estate")
    for column in OWNER_COLUMNS:
        if row[column] != first[column]:
            sheet.reject(row.line, column, f"differs from line {first.line} of the same household")


def check_staff(sheet: Sheet, register: Register) -> None:
    """Each person once, nobody taken from an estate out of scope; buildings that exist, each with one steward (A4)."""
    check_known_estates(sheet, register)
    check_once(sheet, {"code": "staff_code"})
    responsible: dict[tuple[str, str], int] = {}
    for row in sheet.rows:
        if row["code"] in register.staff and not in_scope(register.staff[row["code"]], register):
            sheet.reject(row.line, "staff_code", "belongs to an estate outside your scope")
        if row["code"] not in register.staff:
            _check_new_code(sheet, row, "staff_code", row["code"])
        _check_buildings(sheet, row, register)
        for building in steward_buildings(row):
            line = responsible.setdefault((row["estate_code"], building), row.line)
            if line != row.line:
                sheet.reject(row.line, "buildings", f"building {building} has a steward in line {line}")


def _check_buildings(sheet: Sheet, row: Row, register: Register) -> None:
    """Whoever has a building has one that the estate has: a slip of the pen would leave it without a steward."""
    estate = row["estate_code"]
    if estate in register.estates and in_scope(estate, register):
        for building in row["buildings"] or ():
            if (estate, building) not in register.buildings:
                sheet.reject(row.line, "buildings", f"no building {building} on this estate; parted by ;")


def steward_buildings(row: Row) -> list[str]:
    """The buildings a person answers for: a steward's, nobody else's."""
    return list(row["buildings"] or ()) if row["role"] == "steward" and row["estate_code"] is not None else []


@dataclass(frozen=True)
class KnownPerson:
    """What is known of a member of staff; `filed_buildings` are those the last file had them."""

    role: str
    estate_id: int
    filed_buildings: Collection[str]


def said_of_buildings(row: Row, person: KnownPerson | None, estate_id: int) -> list[str] | None:
    """The buildings a row gives a person from today; None when it says nothing new, and what stands stays.

    Somebody who changes role or estate leaves the buildings behind, unless the row says which come next.
    """
    same = person is not None and (person.role, person.estate_id) == (row["role"], estate_id)
    if "buildings" not in row.values:
        return None if same or person is None else []
    if same and person is not None and list(person.filed_buildings) == list(row["buildings"]):
        return None
    return steward_buildings(row)


TARIFF_KEY = ("estate_code", "fee_item", "usage", "effective_from")


def check_tariffs(sheet: Sheet, register: Register) -> None:
    """Each version once; tiers, grades and composition where they mean something; a published version stays."""
    check_known_estates(sheet, register)
    check_once(sheet, dict(zip(TARIFF_KEY, TARIFF_KEY, strict=True)))
    for row in sheet.rows:
        if row.key("effective_to", "effective_from") and row["effective_to"] < row["effective_from"]:
            sheet.reject(row.line, "effective_to", "earlier than effective_from")
        _check_price(sheet, row)
        standing = register.tariffs.get(row.key(*TARIFF_KEY) or ())
        if standing and standing.published:
            _check_unchanged(sheet, row, standing)
    _check_methods(sheet, register)


@dataclass(frozen=True)
class _Version:
    """A version as the file or the register has it; `row` None: the register."""

    method: str
    first: date
    last: date | None
    row: Row | None


def _check_methods(sheet: Sheet, register: Register) -> None:
    """A fee passes from a rate to a meter or a shared cost, or back, with the first of a month: no bill is both."""
    lines: dict[Key, dict[date, _Version]] = {}
    for row in sheet.rows:
        key = row.key(*TARIFF_KEY)
        if key and row["method"]:
            lines.setdefault(key[:3], {})[key[3]] = _Version(row["method"], key[3], row["effective_to"], row)
    for key, standing in register.tariffs.items():
        if key[:3] in lines:
            standing_version = _Version(standing.values["method"], key[3], standing.values["effective_to"], None)
            lines[key[:3]].setdefault(key[3], standing_version)
    for versions in lines.values():
        for older, newer in pairwise(sorted(versions.values(), key=lambda version: version.first)):
            culprit = newer.row or older.row
            if culprit is not None and _change_within_month(older, newer):
                msg = f"a fee changes from {older.method} to {newer.method} with the first of a month only"
                sheet.reject(culprit.line, "method", msg)


def _change_within_month(older: _Version, newer: _Version) -> bool:
    first = newer.first.replace(day=1)
    overlapping = newer.first > first and (older.last is None or older.last >= first)
    return overlapping and way(older.method) != way(newer.method)


def _check_price(sheet: Sheet, row: Row) -> None:
    if row["tiers"] and row["method"] not in (None, "metered"):
        sheet.reject(row.line, "tiers", "only metered fees have tiers")
    if row["grade_factors"] and row["method"] not in (None, "per_area"):
        sheet.reject(row.line, "grade_factors", "only fees per_area depend on the grade")
    made_of, price = row["composition"], row["unit_price"]
    if made_of and price is not None and sum(Decimal(part) for _, part in made_of) != price:
        sheet.reject(row.line, "composition", f"adds up to something else than unit_price_yuan, {price:f}")


def _check_unchanged(sheet: Sheet, row: Row, standing: KnownTariff) -> None:
    names = {column.target: column.name for column in KINDS["tariffs"]}
    for target, value in standing.values.items():
        if target in row.values and row[target] != value:
            sheet.reject(row.line, names[target], "published tariffs are versioned: use a new effective_from")


# no billing policy asks for money earlier than so many months ahead (B3)
LONGEST_ADVANCE = 12
BILL_KEY = ("estate_code", "unit_code", "fee_item", "period")


def check_opening_balances(sheet: Sheet, register: Register) -> None:
    """Each bill once; what was paid is not more than was owed; a bill that stands is never edited (B5)."""
    check_known_units(sheet, register)
    check_once(sheet, dict(zip(BILL_KEY, BILL_KEY, strict=True)))
    latest = latest_day(register.today)
    for row in sheet.rows:
        for column in ("period", "due_date"):
            if row[column] is not None and row[column] > latest:
                sheet.reject(row.line, column, f"{YEARS_AHEAD} years ahead or more")
        if row.key("period", "due_date") and row["due_date"] < add_months(row["period"], -LONGEST_ADVANCE):
            sheet.reject(row.line, "due_date", f"more than {LONGEST_ADVANCE} months before its period begins")
        if row["paid_fen"] and row["amount_fen"] and row["paid_fen"] > row["amount_fen"]:
            sheet.reject(row.line, "paid_yuan", "more than amount_yuan")
        if row["paid_on"] is not None and not row["paid_fen"]:
            sheet.reject(row.line, "paid_on", "nothing is paid")
        if row["paid_on"] is not None and row["paid_on"] > register.today:
            sheet.reject(row.line, "paid_on", "in the future")
        standing = register.bills.get(row.key(*BILL_KEY) or ())
        if standing and not taken_back(row, register):
            _check_standing(sheet, row, standing)


def taken_back(row: Row, register: Register) -> bool:
    """Whether just this opening balance was brought in once and voided since: the same file does not bring it back."""
    return row.key(*BILL_KEY, "amount_fen", "due_date") in register.voided_openings


def _check_standing(sheet: Sheet, row: Row, standing: KnownBill) -> None:
    if not standing.opening:
        sheet.reject(row.line, "period", "a bill run has billed this unit, fee item and period")
        return
    never = "an issued bill is never edited"
    if row["amount_fen"] not in (None, standing.amount_fen):
        sheet.reject(row.line, "amount_yuan", f"{never}: it stands at {yuan(standing.amount_fen)}")
    if row["due_date"] not in (None, standing.due_date):
        sheet.reject(row.line, "due_date", f"{never}: it is due on {standing.due_date}")
    if "paid_fen" in row.values and row["paid_fen"] not in (None, standing.paid_fen):
        sheet.reject(row.line, "paid_yuan", f"{never}: {yuan(standing.paid_fen)} was paid when it was brought in")


def check_meter_readings(sheet: Sheet, register: Register) -> None:
    """Each reading once, of a known unit, not in the future."""
    check_known_units(sheet, register)
    check_once(sheet, {name: name for name in ("estate_code", "unit_code", "meter", "read_on")})
    for row in sheet.rows:
        if row["read_on"] is not None and row["read_on"] > register.today:
            sheet.reject(row.line, "read_on", "in the future")


CHECKS: dict[str, Callable[[Sheet, Register], None]] = {
    "estates": check_estates,
    "units": check_units,
    "staff": check_staff,
    "tariffs": check_tariffs,
    "opening_balances": check_opening_balances,
    "meter_readings": check_meter_readings,
}


def check_once(sheet: Sheet, key: Mapping[str, str]) -> None:
    """No two rows of the same key; `key` maps the names of values to those of columns, the last one is blamed."""
    first_lines: dict[Key, int] = {}
    for row in sheet.rows:
        values = row.key(*key)
        if values is not None and (line := first_lines.setdefault(values, row.line)) != row.line:
            sheet.reject(row.line, list(key.values())[-1], f"the same as line {line}")


def check_known_estates(sheet: Sheet, register: Register) -> None:
    """Every estate exists and is in the caller's scope."""
    for row in sheet.rows:
        estate = row["estate_code"]
        if estate is not None and not in_scope(estate, register):
            sheet.reject(row.line, "estate_code", "outside your scope")
        elif estate is not None and estate not in register.estates:
            sheet.reject(row.line, "estate_code", "unknown estate")


def check_known_units(sheet: Sheet, register: Register) -> None:
    """Every estate and every unit exists, in scope."""
    check_known_estates(sheet, register)
    for row in sheet.rows:
        key = row.key("estate_code", "unit_code")
        if key and key[0] in register.estates and in_scope(key[0], register) and key not in register.units:
            sheet.reject(row.line, "unit_code", "unknown unit")


def in_scope(estate: str, register: Register) -> bool:
    """Whether the caller may touch the estate."""
    return register.scope is None or estate in register.scope


def opening_issued_on(period: date, due_date: date) -> date:
    """The day an opening balance counts as issued: the first after its period, but not after it was due."""
    following = date(period.year + period.month // 12, period.month % 12 + 1, 1)
    return min(following, due_date)
