"""STORY of transfers: lock the estate → record → work out the days → let take effect what is due → tell (A1).

The estate is locked as a whole, so that no bill run sees half a transfer and two of one unit follow one another. Bills
are never edited: those for days that have another payer now are named, to be voided and reissued (B5).
"""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Row
from sqlalchemy.orm import Session

from services.billing.portfolio import tables as portfolio
from services.billing.portfolio.announcements import tell_residents
from services.billing.portfolio.transfers import rules, tables
from services.billing.portfolio.transfers.rules import BEGINNING, Days, Role, Status
from services.billing.tables import lock_estate
from services.common.access import STAFF_ROLES, Caller
from services.common.calendar import business_date, format_period
from services.common.contracts.errors import Conflict, Invalid, NotFound
from services.common.sheets import cells

KEEPERS = ("group_admin", "finance", "estate_manager")


@dataclass(frozen=True)
class Place:
    """A unit by its codes."""

    estate: str
    unit: str


@dataclass(frozen=True)
class TransferRequest:
    """The unit passes to `household` on `from_date`; name and phone are for a household that is new."""

    household: str
    role: Role
    from_date: date
    reason: str
    to_date: date | None = None
    status: Status | None = None
    owner_name: str | None = None
    owner_phone: str | None = None


def transfer(
    session: Session, caller: Caller, place: Place, asked: TransferRequest, request_id: UUID, now: datetime
) -> dict[str, Any]:
    """Let a unit pass to another payer from a day on (A1).

    `{id, unit, household, role, from_date, to_date, status, took_effect, payers: [{household, role, from_date,
    to_date}], bills_to_reissue: [{bill_id, household, fee_item, period, amount_fen}]}`. The same request again is
    answered the same. Invalid; Conflict (the id was used for another transfer, one is on record for that day, nothing
    would change); NotFound; Forbidden.
    """
    unit = _locked(session, caller, place)
    asked_sha256 = hashlib.sha256(repr((asdict(place), asdict(asked))).encode()).hexdigest()
    kept = tables.load(session, request_id)
    if kept is not None:
        if kept.asked_sha256 != asked_sha256:
            raise Conflict("This request id was used for another transfer.")
        return dict(kept.answer)
    today = business_date(now)
    household_id = _payer(session, unit, asked, today)
    standing = tables.standing(session, [unit.id]).get(unit.id, [])
    _check_day(standing, unit, asked, household_id)
    before = _days(standing, unit)
    status = rules.status_given(asked.role, asked.status, unit.status)
    row = {"id": request_id, "unit_id": unit.id, "household_id": household_id, "role": asked.role}
    row |= {"from_date": asked.from_date, "to_date": asked.to_date, "status": status, "source": "request"}
    row |= {"reason": asked.reason, "asked_sha256": asked_sha256, "filed_at": None}
    record(session, {unit.id: unit}, [row], caller.sub, now)
    tell_residents(session, {household_id} | settle(session, [unit.id], today, now), now)
    answer = _answer(session, unit, place, request_id, before)
    tables.answer(session, request_id, answer)
    return answer


def undo(
    session: Session, caller: Caller, place: Place, transfer_id: UUID, reason: str, now: datetime
) -> dict[str, Any]:
    """The transfer recorded last never was: a correction is this and a new transfer. Undone already: as it is.

    The answer is `transfer`'s. Conflict (not the last one), NotFound, Forbidden.
    """
    unit = _locked(session, caller, place)
    found = tables.load(session, transfer_id)
    if found is None or found.unit_id != unit.id or found.source == "before":
        raise NotFound("There is no such transfer of this unit.")
    standing = tables.standing(session, [unit.id])[unit.id]
    before = _days([*(row for row in standing if row.from_date != found.from_date), found], unit)
    if found.undone_at is None:
        if standing[-1].id != transfer_id:
            raise Conflict("Only the transfer recorded last can be undone; undo the later ones first.")
        tables.undo(session, [transfer_id], caller.sub, reason, now)
        tables.give_back(session, transfer_id)
        today = business_date(now)
        tell_residents(session, {found.household_id} | settle(session, [unit.id], today, now), now)
    return _answer(session, unit, place, transfer_id, before)


def payers(session: Session, caller: Caller, place: Place, today: date) -> dict[str, Any]:
    """Who paid, pays and will pay for a unit, and what was recorded (A1).

    `{unit, household, items: [{household, role, from_date, to_date, current}], transfers: [{id, household, role,
    from_date, to_date, status, source, reason, recorded_by, recorded_at, undone_at, undone_by, undone_reason}]}`.
    `from_date` null: from the beginning; `to_date` null: while it lasts. NotFound, Forbidden.
    """
    caller.require(*STAFF_ROLES)
    unit = portfolio.find_unit(session, portfolio.find_estate(session, caller, place.estate).id, place.unit)
    items = _payers(session, unit)
    for item in items:
        first, last = item["from_date"], item["to_date"]
        item["current"] = (first is None or first <= today) and (last is None or last >= today)
    return {
        "unit": f"{place.estate}/{place.unit}",
        "household": unit.household,
        "items": items,
        "transfers": [_recorded(row) for row in tables.recorded(session, unit.id)],
    }


def estates_due(session: Session, now: datetime) -> list[int]:
    """Estates on which a transfer or a stewardship is due to take effect."""
    return portfolio.estates_due(session, business_date(now))


def take_over(session: Session, estate_id: int, now: datetime) -> None:
    """Let the transfers of an estate take effect whose day has come; the estate's exclusive lock is held."""
    today = business_date(now)
    units = tables.due_units(session, estate_id, today)
    tell_residents(session, tables.take_effect(session, units, today, now), now)


# --- shared with imports (A3) --------------------------------------------------------------------------------------


def record(
    session: Session, units: Mapping[int, Row[Any]], rows: Sequence[Mapping[str, Any]], by: str, now: datetime
) -> None:
    """Write transfers, and before the first of a unit who paid until then. `units`: by id, with status and payer."""
    known = tables.standing(session, {row["unit_id"] for row in rows})
    stamp = {"recorded_by": by, "recorded_at": now}
    first = [
        _before(units[unit_id]) for unit_id in dict.fromkeys(row["unit_id"] for row in rows) if unit_id not in known
    ]
    tables.add(session, [row | stamp | {"filed_at": now} for row in first])
    tables.add(session, [{**row, **stamp} for row in rows])


def settle(session: Session, unit_ids: Collection[int], today: date, now: datetime) -> set[int]:
    """Work out who pays on which days after something was recorded or undone; the households that lost or won."""
    standing = tables.standing(session, unit_ids)
    days = {unit_id: rules.timeline(tables.as_rules(rows)) for unit_id, rows in standing.items()}
    tables.write_days(session, days, today)
    return tables.take_effect(session, unit_ids, today, now)


def _before(unit: Row[Any]) -> dict[str, Any]:
    """Who has always paid for a unit that never changed hands."""
    role = "developer" if unit.status == "unsold" else "owner"
    row = {"id": uuid4(), "unit_id": unit.id, "household_id": unit.household_id, "role": role, "from_date": BEGINNING}
    return row | {"to_date": None, "status": None, "source": "before", "reason": "", "asked_sha256": None}


# --- steps ---------------------------------------------------------------------------------------------------------


def _locked(session: Session, caller: Caller, place: Place) -> Row[Any]:
    """The unit, its estate locked."""
    caller.require(*KEEPERS)
    estate_id = portfolio.find_estate(session, caller, place.estate).id
    lock_estate(session, estate_id)
    return portfolio.find_unit(session, estate_id, place.unit)


def _payer(session: Session, unit: Row[Any], asked: TransferRequest, today: date) -> int:
    """The household that will pay, made when it is new; Invalid names everything that is wrong with the request."""
    errors = rules.complaints(asked.role, asked.from_date, asked.to_date, asked.status, today)
    found = portfolio.household_named(session, asked.household)
    errors += _stranger(asked) if found is None else _acquainted(found, unit, asked)
    if errors:
        raise Invalid("The transfer is not valid.", errors)
    if found is not None:
        return int(found.id)
    return portfolio.add_household(
        session, unit.estate_id, asked.household, asked.owner_name or "", asked.owner_phone or ""
    )


def _stranger(asked: TransferRequest) -> list[dict[str, Any]]:
    """What is wrong with a household that is new."""
    given = (
        ("household", cells.code, asked.household),
        ("owner_name", cells.text, asked.owner_name),
        ("owner_phone", cells.phone, asked.owner_phone),
    )
    errors = []
    for name, check, value in given:
        if not value or not value.strip():
            errors.append({"loc": name, "msg": "needed, the household is new"})
            continue
        try:
            check(value)
        except ValueError as error:
            errors.append({"loc": name, "msg": str(error)})
    return errors


def _acquainted(found: Row[Any], unit: Row[Any], asked: TransferRequest) -> list[dict[str, Any]]:
    """What is wrong with a household that exists: all units of one are on one estate, and its owner is who it is."""
    elsewhere = found.estate_id != unit.estate_id
    errors = [{"loc": "household", "msg": "this household belongs to another estate"}] if elsewhere else []
    other = "the household exists with another; leave it out or name a new one"
    names = ("owner_name", "owner_phone")
    return errors + [
        {"loc": name, "msg": other} for name in names if getattr(asked, name) not in (None, getattr(found, name))
    ]


def _check_day(standing: Sequence[Row[Any]], unit: Row[Any], asked: TransferRequest, household_id: int) -> None:
    """Conflict when the day is taken, or when nothing would change."""
    if any(row.from_date == asked.from_date for row in standing):
        raise Conflict(f"A transfer of this unit from {asked.from_date} is on record; undo it first.")
    current = rules.payer_on(_days(standing, unit), asked.from_date)
    if (current.household_id, current.role) == (household_id, asked.role):
        raise Conflict(f"This household pays for the unit on {asked.from_date} already.")


def _days(standing: Sequence[Row[Any]], unit: Row[Any]) -> list[Days]:
    if standing:
        return rules.timeline(tables.as_rules(standing))
    first = _before(unit)
    return [Days(first["household_id"], first["role"], BEGINNING, None)]


def _answer(
    session: Session, unit: Row[Any], place: Place, transfer_id: UUID, before: Sequence[Days]
) -> dict[str, Any]:
    kept = next(row for row in tables.recorded(session, unit.id) if row.id == transfer_id)
    after = _days(tables.standing(session, [unit.id]).get(unit.id, []), unit)
    named = ("household", "role", "status", "undone_at")
    answer = {name: getattr(kept, name) for name in named}
    answer |= {"id": kept.id, "unit": f"{place.estate}/{place.unit}", "took_effect": kept.took_effect_at is not None}
    answer |= {"from_date": kept.from_date, "to_date": kept.to_date, "payers": _payers(session, unit)}
    return as_kept(answer | {"bills_to_reissue": _outdated(session, unit, before, after)})


def as_kept(answer: Mapping[str, Any]) -> dict[str, Any]:
    """An answer as JSON keeps it, so that a repeated request reads the same."""
    return {name: _plain(value) for name, value in answer.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [as_kept(item) for item in value]
    return value.isoformat() if isinstance(value, date) else str(value) if isinstance(value, UUID) else value


def _outdated(session: Session, unit: Row[Any], before: Sequence[Days], after: Sequence[Days]) -> list[dict[str, Any]]:
    bills = tables.bills(session, unit.id)
    wrong = set(rules.outdated([tables.as_billed(row) for row in bills], before, after))
    return [
        {
            "bill_id": row.id,
            "household": row.household,
            "fee_item": row.fee_item,
            "period": format_period(row.period),
            "amount_fen": row.amount_fen,
            "paid_fen": row.paid_fen,
        }
        for row in bills
        if row.id in wrong
    ]


def _payers(session: Session, unit: Row[Any]) -> list[dict[str, Any]]:
    rows = tables.payers(session, unit.id)
    if not rows:
        role = _before(unit)["role"]
        return [{"household": unit.household, "role": role, "from_date": None, "to_date": None}]
    return [
        {
            "household": row.household,
            "role": row.role,
            "from_date": None if row.from_date == BEGINNING else row.from_date,
            "to_date": row.to_date,
        }
        for row in rows
    ]


RECORDED = ("household", "role", "from_date", "to_date", "status", "source", "reason", "recorded_by", "recorded_at")
UNDONE = ("undone_at", "undone_by", "undone_reason")


def _recorded(row: Row[Any]) -> dict[str, Any]:
    return {"id": str(row.id)} | {name: getattr(row, name) for name in (*RECORDED, *UNDONE)}
