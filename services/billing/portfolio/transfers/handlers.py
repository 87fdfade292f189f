"""STORY of transfers: lock the estate → record → work out the days → let take effect what is due → tell (A1).

The estate is locked as a whole, so that no bill run sees half a transfer and two of one unit follow one another. Bills
are never edited: those for days that have another payer now are named, to be voided and reissued (B5).
"""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from uuid import UUID, uuid4

from pydantic import TypeAdapter
from sqlalchemy.orm import Session

from services.billing.portfolio import tables as portfolio
from services.billing.portfolio.announcements import tell_residents
from services.billing.portfolio.days import BEGINNING
from services.billing.portfolio.statuses import recording as statuses
from services.billing.portfolio.statuses.rules import status_on
from services.billing.portfolio.statuses.tables import NewStatus
from services.billing.portfolio.tables import HeldUnit, Household, Unit
from services.billing.portfolio.transfers import rules, sql, tables
from services.billing.portfolio.transfers.rules import Days
from services.billing.portfolio.transfers.tables import NewTransfer, TransferRecord
from services.billing.portfolio.transfers.views import bill_to_reissue, covers, payer_days, recorded
from services.billing.tables import lock_estate
from services.common.contracts.answers.portfolio import PayerRole, UnitStatus
from services.common.contracts.answers.transfers import BillToReissue, Payer, Payers, Transfer
from services.common.contracts.errors import Conflict, Invalid, NotFound
from services.common.domain.access import Caller
from services.common.domain.calendar import business_date
from services.common.domain.permissions import Permission
from services.common.once import same_request
from services.common.sheets import cells

ANSWER = TypeAdapter(Transfer)


@dataclass(frozen=True)
class Place:
    """A unit by its codes."""

    estate: str
    unit: str


@dataclass(frozen=True)
class TransferRequest:
    """The unit passes to `household` on `from_date`; name and phone are for a household that is new."""

    household: str
    role: PayerRole
    from_date: date
    reason: str
    to_date: date | None = None
    status: UnitStatus | None = None
    owner_name: str | None = None
    owner_phone: str | None = None


def transfer(
    session: Session, caller: Caller, place: Place, request: TransferRequest, request_id: UUID, now: datetime
) -> Transfer:
    """Let a unit pass to another payer from a day on (A1). The same request again is answered the same.

    Invalid; Conflict (the id was used for another transfer, one is on record for that day, nothing would change);
    NotFound; Forbidden.
    """
    unit = _lock_unit(session, caller, place)
    asked_sha256 = hashlib.sha256(repr((asdict(place), asdict(request))).encode()).hexdigest()
    earlier = tables.load(session, request_id)
    if earlier is not None:
        return ANSWER.validate_python(same_request("transfer", earlier, {"asked_sha256": asked_sha256}).answer)
    today = business_date(now)
    household_id = _payer(session, unit, request, today)
    standing = tables.standing(session, [unit.id]).get(unit.id, [])
    _check_day(standing, unit, request, household_id)
    before = _days(standing, unit)
    status_then = status_on(statuses.days_of(session, unit), request.from_date)
    status = rules.status_given(request.role, request.status, status_then)
    new = NewTransfer(
        id=request_id,
        unit_id=unit.id,
        household_id=household_id,
        role=request.role,
        from_date=request.from_date,
        to_date=request.to_date,
        status=status,
        source="request",
        reason=request.reason,
        asked_sha256=asked_sha256,
    )
    record(session, {unit.id: unit}, [new], caller.sub, now)
    tell_residents(session, {household_id} | settle(session, [unit.id], today, now), now)
    answer = _answer(session, unit, place, request_id, before)
    tables.answer(session, request_id, ANSWER.dump_python(answer, mode="json"))
    return answer


def undo(session: Session, caller: Caller, place: Place, transfer_id: UUID, reason: str, now: datetime) -> Transfer:
    """The transfer recorded last never was: a correction is this and a new transfer. Undone already: as it is.

    The answer is `transfer`'s. Conflict (not the last one), NotFound, Forbidden.
    """
    unit = _lock_unit(session, caller, place)
    record = tables.load(session, transfer_id)
    if record is None or record.unit_id != unit.id or record.source == "before":
        raise NotFound("There is no such transfer of this unit.")
    standing = tables.standing(session, [unit.id])[unit.id]
    before = _days([*(row for row in standing if row.from_date != record.from_date), record], unit)
    if record.undone_at is None:
        if standing[-1].id != transfer_id:
            raise Conflict("Only the transfer recorded last can be undone; undo the later ones first.")
        tables.undo(session, [transfer_id], caller.sub, reason, now)
        statuses.undo(session, transfer_id, now)
        sql.give_back(session, transfer_id)
        today = business_date(now)
        tell_residents(session, {record.household_id} | settle(session, [unit.id], today, now), now)
    return _answer(session, unit, place, transfer_id, before)


def payers(session: Session, caller: Caller, place: Place, today: date) -> Payers:
    """Who paid, pays and will pay for a unit, and what was recorded (A1). NotFound, Forbidden."""
    caller.require(Permission.READ_UNITS)
    unit = portfolio.find_unit(session, portfolio.find_estate(session, caller, place.estate).id, place.unit)
    return Payers(
        unit=f"{place.estate}/{place.unit}",
        household=unit.household,
        items=[Payer(**days, current=covers(days, today)) for days in payer_days(session, unit)],
        next_cursor=None,
        transfers=[recorded(each) for each in tables.recorded(session, unit.id)],
    )


def estates_due(session: Session, now: datetime) -> list[int]:
    """Estates on which a transfer or a stewardship is due to take effect."""
    return portfolio.estates_due(session, business_date(now))


def take_over(session: Session, estate_id: int, now: datetime) -> None:
    """Let the transfers of an estate take effect whose day has come; the estate's exclusive lock is held."""
    today = business_date(now)
    units = tables.due_units(session, estate_id, today)
    tell_residents(session, sql.take_effect(session, units, today, now), now)


# --- shared with imports (A3) --------------------------------------------------------------------------------------


def record(
    session: Session, units: Mapping[int, HeldUnit], transfers: Sequence[NewTransfer], by: str, now: datetime
) -> None:
    """Write transfers, and before the first of a unit who paid until then. `units` by id."""
    unit_ids = dict.fromkeys(each.unit_id for each in transfers)
    history = tables.standing(session, unit_ids)
    first = [replace(_before(units[unit_id]), filed_at=now) for unit_id in unit_ids if unit_id not in history]
    tables.add(session, first, by, now)
    tables.add(session, transfers, by, now)
    changes = [NewStatus(t.unit_id, t.status, t.from_date, "transfer", t.id) for t in transfers if t.status is not None]
    statuses.record(session, changes, by, now)


def settle(session: Session, unit_ids: Collection[int], today: date, now: datetime) -> set[int]:
    """Work out who pays on which days, and in what status the units are, after something was recorded or undone; the
    households that lost or won."""
    standing = tables.standing(session, unit_ids)
    days = {unit_id: rules.timeline(tables.as_rules(rows)) for unit_id, rows in standing.items()}
    tables.write_days(session, days, today)
    statuses.settle(session, unit_ids, today)
    return sql.take_effect(session, unit_ids, today, now)


def _before(unit: HeldUnit) -> NewTransfer:
    """Who has always paid for a unit that never changed hands."""
    role = rules.role_by(unit.status)
    return NewTransfer(uuid4(), unit.id, unit.household_id, role, BEGINNING, source="before", reason="")


# --- steps ---------------------------------------------------------------------------------------------------------


def _lock_unit(session: Session, caller: Caller, place: Place) -> Unit:
    """The unit, its estate locked."""
    caller.require(Permission.TRANSFER_UNIT)
    estate_id = portfolio.find_estate(session, caller, place.estate).id
    lock_estate(session, estate_id)
    return portfolio.find_unit(session, estate_id, place.unit)


def _payer(session: Session, unit: Unit, request: TransferRequest, today: date) -> int:
    """The household that will pay, made when it is new; Invalid names everything that is wrong with the request."""
    errors = rules.complaints(request.role, request.from_date, request.to_date, request.status, today)
    payer = portfolio.household_named(session, request.household)
    errors += _new_payer_faults(request) if payer is None else _known_payer_faults(payer, unit, request)
    if errors:
        raise Invalid("The transfer is not valid.", errors)
    if payer is not None:
        return payer.id
    return portfolio.add_household(
        session, unit.estate_id, request.household, request.owner_name or "", request.owner_phone or ""
    )


def _new_payer_faults(request: TransferRequest) -> list[dict[str, str]]:
    """What is wrong with a household that is new."""
    details = (
        ("household", cells.code, request.household),
        ("owner_name", cells.text, request.owner_name),
        ("owner_phone", cells.phone, request.owner_phone),
    )
    errors = []
    for name, check, value in details:
        if not value or not value.strip():
            errors.append({"loc": name, "msg": "needed, the household is new"})
            continue
        try:
            check(value)
        except ValueError as error:
            errors.append({"loc": name, "msg": str(error)})
    return errors


def _known_payer_faults(payer: Household, unit: Unit, request: TransferRequest) -> list[dict[str, str]]:
    """What is wrong with a household that exists: all units of one are on one estate, and its owner is who it is."""
    elsewhere = payer.estate_id != unit.estate_id
    errors = [{"loc": "household", "msg": "this household belongs to another estate"}] if elsewhere else []
    other = "the household exists with another; leave it out or name a new one"
    names = ("owner_name", "owner_phone")
    return errors + [
        {"loc": name, "msg": other} for name in names if getattr(request, name) not in (None, getattr(payer, name))
    ]


def _check_day(standing: Sequence[TransferRecord], unit: Unit, request: TransferRequest, household_id: int) -> None:
    """Conflict when the day is taken, or when nothing would change."""
    if any(row.from_date == request.from_date for row in standing):
        raise Conflict(f"A transfer of this unit from {request.from_date} is on record; undo it first.")
    current = rules.payer_on(_days(standing, unit), request.from_date)
    if (current.household_id, current.role) == (household_id, request.role):
        raise Conflict(f"This household pays for the unit on {request.from_date} already.")


def _days(standing: Sequence[TransferRecord], unit: Unit) -> list[Days]:
    if standing:
        return rules.timeline(tables.as_rules(standing))
    first = _before(unit)
    return [Days(first.household_id, first.role, BEGINNING, None)]


def _answer(session: Session, unit: Unit, place: Place, transfer_id: UUID, before: Sequence[Days]) -> Transfer:
    transfer = next(each for each in tables.recorded(session, unit.id) if each.id == transfer_id)
    after = _days(tables.standing(session, [unit.id]).get(unit.id, []), unit)
    return Transfer(
        id=transfer.id,
        unit=f"{place.estate}/{place.unit}",
        household=transfer.household,
        role=transfer.role,
        from_date=transfer.from_date,
        to_date=transfer.to_date,
        status=transfer.status,
        took_effect=transfer.took_effect_at is not None,
        undone_at=transfer.undone_at,
        payers=payer_days(session, unit),
        bills_to_reissue=_to_reissue(session, unit, before, after),
    )


def _to_reissue(session: Session, unit: Unit, before: Sequence[Days], after: Sequence[Days]) -> list[BillToReissue]:
    bills = tables.bills(session, unit.id)
    wrong = set(rules.outdated([tables.as_billed(bill) for bill in bills], before, after))
    return [bill_to_reissue(bill) for bill in bills if bill.id in wrong]
