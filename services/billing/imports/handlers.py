"""STORY of imports: read → know → check all → write what changed → tell what changed (A3).

A file with one bad cell loads nothing. The same file again finds everything unchanged, writes nothing and tells nobody.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol, TypeVar, cast
from uuid import UUID

from sqlalchemy.orm import Session

from services.billing.imports import announcements, opening, rules, statuses, tables, warnings
from services.billing.imports import passing as passings
from services.billing.imports.kinds import KINDS
from services.billing.imports.rules import Register
from services.billing.imports.tables import Receipt
from services.billing.portfolio.announced import Person, people
from services.billing.portfolio.announcements import tell_estates, tell_residents, tell_staff
from services.billing.portfolio.stewards import handlers as stewards
from services.billing.receivables.credits.applying import apply_credits
from services.billing.settings import Settings
from services.billing.tables import estate, household, lock_estate, meter_reading, staff, tariff, unit
from services.common.contracts.answers.imports import FileWarning, ImportKind, ImportResult
from services.common.contracts.errors import Invalid, NotFound, TooLarge
from services.common.domain.access import Caller
from services.common.domain.calendar import business_date
from services.common.domain.permissions import Permission
from services.common.observability.logs import get_logger
from services.common.once import same_request
from services.common.sheets.reading import CellError, Row, Sheet, problems, read_sheet

log = get_logger(__name__)
Result = TypeVar("Result")


class Offload(Protocol):
    """Runs long pure work where it does not hold up other requests, and waits for it."""

    def __call__(self, work: Callable[..., Result], *arguments: object) -> Result:
        """The result of `work(*arguments)`."""
        ...


def here(work: Callable[..., Result], *arguments: object) -> Result:
    """Run it right here: nobody is held up in a test or a script."""
    return work(*arguments)


@dataclass(frozen=True)
class Context:
    """What every writer needs besides the rows."""

    register: Register
    now: datetime
    source: str

    @property
    def today(self) -> date:
        """The business day."""
        return business_date(self.now)

    def estate_id(self, row: Row) -> int:
        """The id of the estate a row names."""
        return self.register.estates[row["estate_code"]]


@dataclass(frozen=True)
class Outcome:
    """How many rows were new, how many changed something, and what of them a person should look at."""

    created: int
    updated: int
    warnings: Sequence[CellError] = ()


def read(caller: Caller, kind: str, content: str, *, settings: Settings, offload: Offload = here) -> Sheet:
    """Read a file; NotFound for an unknown kind, Forbidden, TooLarge. Bad cells are kept for `import_sheet` to name."""
    caller.require(Permission.IMPORT_FILES)
    if kind not in KINDS:
        raise NotFound(f"There is no import of {kind}; there are {', '.join(KINDS)}.")
    sheet = offload(read_sheet, kind, KINDS[kind], content)
    if sheet.count > settings.import_rows:
        raise TooLarge(f"The file has {sheet.count} rows; at most {settings.import_rows} are taken at once.")
    return sheet


def import_sheet(
    session: Session,
    caller: Caller,
    sheet: Sheet,
    request_id: UUID,
    *,
    now: datetime,
    settings: Settings,
    offload: Offload = here,
) -> ImportResult:
    """Check a file as a whole and load it (A3).

    Invalid names every bad cell as `{line, column, msg}`. The same call again answers the same; Conflict when the id
    was used for another file.
    """
    tables.take_turn(session, settings.import_statement_timeout_ms)
    receipt = tables.load_receipt(session, request_id)
    if receipt is not None:
        request = {"kind": sheet.kind, "content_sha256": sheet.sha256}
        return same_request("import", receipt, request).result
    estates = tables.known_estates(session, _codes(sheet, "estate_code"))
    for estate_id in sorted({*estates.values(), *_left_behind(session, sheet, business_date(now))}):
        lock_estate(session, estate_id)  # before looking: no run may bill meanwhile what is checked here
    register = Register(estates=estates, scope=caller.estate_filter(), today=business_date(now))
    learn(session, sheet, register)
    offload(rules.check, sheet, register)
    if sheet.errors:
        cells = f"{len(sheet.errors)} bad cell{'s' if len(sheet.errors) > 1 else ''}"
        raise Invalid(f"The file has {cells}; nothing was loaded.", problems(sheet.errors))
    context = Context(register, now, f"import:{request_id}")
    outcome = WRITERS[sheet.kind](session, sheet.rows, context)
    return _keep(session, caller, sheet, request_id, outcome, now)


def _keep(
    session: Session, caller: Caller, sheet: Sheet, request_id: UUID, outcome: Outcome, now: datetime
) -> ImportResult:
    result = ImportResult(
        kind=cast("ImportKind", sheet.kind),
        rows=sheet.count,
        created=outcome.created,
        updated=outcome.updated,
        unchanged=sheet.count - outcome.created - outcome.updated,
        warnings=cast("list[FileWarning]", problems(outcome.warnings, "warnings")),
    )
    tables.keep_receipt(session, Receipt(request_id, sheet.kind, sheet.sha256, caller.sub, result, now))
    log.info("import done", extra={"kind": sheet.kind, "rows": sheet.count, "by": caller.sub})
    return result


def _left_behind(session: Session, sheet: Sheet, today: date) -> set[int]:
    """Other estates a file of staff may take stewards from; locked with the rest, by id, as a run locks its estates."""
    return stewards.estates_of(session, _codes(sheet, "code"), today) if sheet.kind == "staff" else set()


def _codes(sheet: Sheet, name: str) -> set[str]:
    return {row[name] for row in sheet.rows if row[name] is not None}


def learn(session: Session, sheet: Sheet, register: Register) -> None:
    """Add what the database knows of the things the file names."""
    ids = list(register.estates.values())
    if sheet.kind == "estates":
        register.estates = tables.known_estates(session, _codes(sheet, "code"))
    if sheet.kind == "units" and rules.has_odd_codes(sheet):
        register.units = tables.known_units(session, ids)
    if sheet.kind == "units":
        register.households = tables.known_households(session, _codes(sheet, "household_code"))
        register.payers = passings.known_payers(session, ids)
    if sheet.kind == "staff":
        register.buildings = tables.known_buildings(session, ids)
        register.staff = {person.code: person.estate for person in people(session, _codes(sheet, "code"))}
    if sheet.kind == "tariffs":
        register.tariffs = tables.known_tariffs(session, ids)
    if sheet.kind in ("opening_balances", "meter_readings"):
        register.units = tables.known_units(session, ids)
    if sheet.kind == "opening_balances":
        keys = [_bill_key(row, register) for row in sheet.rows if _has_unit(row, register)]
        register.bills = tables.known_bills(session, keys)
        register.voided_openings = tables.voided_openings(session, keys)


def _has_unit(row: Row, register: Register) -> bool:
    return row.key(*rules.BILL_KEY) is not None and (row["estate_code"], row["unit_code"]) in register.units


def _bill_key(row: Row, register: Register) -> dict[str, object]:
    unit_id = register.units[row["estate_code"], row["unit_code"]]
    return {"unit_id": unit_id, "fee_item": row["fee_item"], "period": row["period"]}


# --- writers -------------------------------------------------------------------------------------------------------


def write_estates(session: Session, rows: Sequence[Row], context: Context) -> Outcome:
    """Estates (A1)."""
    changes = tables.upsert(session, estate, ["code"], [row.values for row in rows])
    tell_estates(session, [row.code for row in changes], context.now)
    return _outcome(row.created for row in changes)


UNIT_COLUMNS = ("code", "building", "area_m2", "usage", "status", "floor", "move_in_date", "grade")


def write_units(session: Session, rows: Sequence[Row], context: Context) -> Outcome:
    """Units and the households that hold them (A1). A unit that goes to another household leaves its bills behind."""
    before = tables.holders(session, list(context.register.estates.values()))
    owner_changes = tables.upsert(session, household, ["code"], list(_households(rows, context).values()))
    ids = tables.household_ids(session, {row["household_code"] for row in rows})
    units = [
        {"estate_id": context.estate_id(row), "household_id": ids[row["household_code"]], **_pick(row, UNIT_COLUMNS)}
        for row in rows
    ]
    pairs = list(zip(rows, units, strict=True))
    passing = passings.sort_out(session, pairs, before, context.register.payers, context.today)
    new_statuses = statuses.sort_out(session, pairs, before, passing, context.today)
    changes = tables.upsert(session, unit, ["estate_id", "code"], units)
    is_new_by_key = {(row.estate_id, row.code): row.created for row in changes}
    changed_keys = statuses.changed_keys(before, passing, new_statuses, context.today)
    is_new_by_key = dict.fromkeys(changed_keys, False) | is_new_by_key
    owners = {row.code for row in owner_changes}
    affected_ids = {ids[code] for code in owners}
    affected_ids |= passings.carry_out(session, passing, context.source, context.now, context.today)
    statuses.carry_out(session, new_statuses, context.source, context.now, context.today)
    for row, values in pairs:
        key = (values["estate_id"], values["code"])
        if key in is_new_by_key:
            affected_ids.add(values["household_id"])
            affected_ids |= {before[key].household_id} if key in before else set()
        elif row["household_code"] in owners:
            is_new_by_key[key] = False
    tell_residents(session, affected_ids, context.now)
    return _outcome(is_new_by_key.values())


def _households(rows: Sequence[Row], context: Context) -> dict[str, dict[str, object]]:
    return {
        row["household_code"]: {
            "estate_id": context.estate_id(row),
            "code": row["household_code"],
            **_pick(row, rules.OWNER_COLUMNS),
        }
        for row in rows
    }


def write_staff(session: Session, rows: Sequence[Row], context: Context) -> Outcome:
    """Staff, and which buildings a steward answers for from today (A1, A4).

    A file counts where it says something new of a person's buildings: appointments made since the last one stand (A3).
    """
    people_by_code = {person.code: person for person in people(session, {row["code"] for row in rows})}
    values = [_person(row, people_by_code.get(row["code"]), context) for row in rows]
    changes = tables.upsert(session, staff, ["code"], values)
    codes = {row.code for row in changes}
    codes_to_tell = set(codes)
    for row in rows:
        buildings = rules.said_of_buildings(row, _standing(people_by_code.get(row["code"])), context.estate_id(row))
        if row["code"] in codes and buildings is not None:
            appointment = (row["code"], context.estate_id(row), buildings)
            codes_to_tell |= stewards.give_buildings(session, *appointment, context.source, context.now)
    tell_staff(session, codes_to_tell, context.now)
    return _outcome(row.created for row in changes)


def _person(row: Row, person: Person | None, context: Context) -> dict[str, object]:
    values = {name: value for name, value in row.values.items() if name != "estate_code"}
    if "buildings" in values:
        values["filed_buildings"] = list(values["buildings"])
        if person and rules.said_of_buildings(row, _standing(person), context.estate_id(row)) is None:
            values["buildings"] = person.buildings
    return {"estate_id": context.estate_id(row), **values}


def _standing(person: Person | None) -> rules.KnownPerson | None:
    return rules.KnownPerson(person.role, person.estate_id, person.filed_buildings) if person else None


def write_tariffs(session: Session, rows: Sequence[Row], context: Context) -> Outcome:
    """Tariff versions; a new one is numbered after those of its line and waits to be published (B1)."""
    newest: dict[tuple[Any, ...], int] = {}
    tariffs = context.register.tariffs
    for key, standing in tariffs.items():
        newest[key[:3]] = max(newest.get(key[:3], 0), standing.values["version"])
    versions = []
    for row in sorted(rows, key=lambda row: str(row["effective_from"])):
        key = row.key(*rules.TARIFF_KEY) or ()
        if key not in tariffs:
            newest[key[:3]] = newest.get(key[:3], 0) + 1
        version = tariffs[key].values["version"] if key in tariffs else newest[key[:3]]
        values = {k: v for k, v in row.values.items() if k != "estate_code"}
        versions.append({"estate_id": context.estate_id(row), "version": version, **values})
    changes = tables.upsert(session, tariff, ["estate_id", "fee_item", "usage", "effective_from"], versions)
    return _outcome(row.created for row in changes)


def write_opening_balances(session: Session, rows: Sequence[Row], context: Context) -> Outcome:
    """Bills from before; those that stand already are as they were, or the check would have said so (B5).

    One that was voided since stays void: the same file changes nothing (A3).
    """
    register = context.register
    new = [r for r in rows if r.key(*rules.BILL_KEY) not in register.bills and not rules.taken_back(r, register)]
    bills = [
        _bill_key(row, register)
        | {"amount_fen": row["amount_fen"], "due_date": row["due_date"], "paid_fen": row["paid_fen"] or 0}
        | {"paid_on": row["paid_on"] or min(row["due_date"], context.today)}
        | {"issued_on": min(rules.opening_issued_on(row["period"], row["due_date"]), context.today)}
        for row in new
    ]
    issued_bills = opening.bring_in(session, bills, context.source, context.now)
    announcements.tell_bills(session, issued_bills, context.now)
    apply_credits(session, {bill.household_id for bill in issued_bills}, context.source, context.now)
    return Outcome(len(new), 0, list(warnings.items_without_tariff(session, rows, register)))


def write_meter_readings(session: Session, rows: Sequence[Row], context: Context) -> Outcome:
    """Readings, kept for metered fees (B1)."""
    readings = [
        {
            "unit_id": context.register.units[row["estate_code"], row["unit_code"]],
            **_pick(row, ("meter", "read_on", "reading")),
        }
        for row in rows
    ]
    changes = tables.upsert(session, meter_reading, ["unit_id", "meter", "read_on"], readings)
    flags = [row.created for row in changes]
    changed_keys = {tuple(row)[:3] for row in changes if not row.created}
    corrections = [r for r in readings if (r["unit_id"], r["meter"], r["read_on"]) in changed_keys]
    return _outcome(flags, warnings.billed_readings(session, rows, corrections, context.register))


Writer = Callable[[Session, Sequence[Row], Context], Outcome]
WRITERS: Mapping[str, Writer] = {
    "estates": write_estates,
    "units": write_units,
    "staff": write_staff,
    "tariffs": write_tariffs,
    "opening_balances": write_opening_balances,
    "meter_readings": write_meter_readings,
}


def _pick(row: Row, names: Iterable[str]) -> dict[str, Any]:
    return {name: row[name] for name in names if name in row.values}


def _outcome(new_flags: Iterable[bool], cells: Iterable[CellError] = ()) -> Outcome:
    flags = list(new_flags)
    return Outcome(sum(flags), len(flags) - sum(flags), list(cells))
