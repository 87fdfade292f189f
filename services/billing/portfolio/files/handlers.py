"""STORY of owner files: what people keep of households and co-owners, who changed it, what was served (A1, A2, I3)."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import cast
from uuid import UUID

from pydantic import BaseModel, ConfigDict
from pydantic_core import to_jsonable_python
from sqlalchemy.orm import Session

from services.billing.portfolio import tables as portfolio
from services.billing.portfolio.files import rules, tables
from services.billing.portfolio.files.rules import CoOwner, FileFields, Value
from services.billing.portfolio.files.tables import Change, PartOwner
from services.billing.portfolio.tables import Household
from services.billing.tables import lock_estate
from services.common.contracts.answers.files import (
    FieldChange,
    FiledDispute,
    FileField,
    FormerOwner,
    HouseholdFile,
    Liable,
    Owners,
    PreferredChannel,
    PreferredContact,
    PreferredTime,
    Segment,
    UnitOwner,
)
from services.common.contracts.errors import Invalid
from services.common.contracts.events import (
    ComplaintClosed,
    ComplaintOpened,
    ComplaintReopened,
    WorkOrderFinished,
    WorkOrderOpened,
    WorkOrderReopened,
)
from services.common.domain.access import Caller, mask_name, mask_phone
from services.common.domain.calendar import business_date
from services.common.domain.permissions import Permission
from services.common.fields import Note
from services.common.sheets import cells

CHANGES_SHOWN = 50
Opened = ComplaintOpened | WorkOrderOpened
Reopened = ComplaintReopened | WorkOrderReopened


class LegacyDispute(BaseModel):
    """A legacy dispute (遗留问题): who has to answer for it, since when."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    liable: Liable
    since: date | None = None
    note: Note | None = None


class FileChange(BaseModel):
    """What changes of a household's file; what is left out stays, null takes it away."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    segment: Segment | None = None
    other_phones: list[str] | None = None
    preferred_channel: PreferredChannel | None = None
    preferred_time: PreferredTime | None = None
    legacy_dispute: LegacyDispute | None = None


def keep_file(session: Session, caller: Caller, household: str, change: FileChange, now: datetime) -> None:
    """Change a household's file and remember who did it (A2); what is as it was is not a change.

    Invalid, NotFound, Forbidden.
    """
    caller.require(Permission.KEEP_OWNER_FILE)
    row = portfolio.find_household(session, caller, household)
    values = _new_values(change, business_date(now))
    portfolio.lock_household(session, row.id)
    differences = rules.differences(tables.file_of(session, row.id), values)
    if differences:
        tables.keep_file(session, row.id, values)
        new = [_change_row(name, before, after, caller, now) for name, (before, after) in differences.items()]
        tables.add_changes(session, row.id, new)


def of_household(session: Session, caller: Caller, row: Household) -> HouseholdFile:
    """The file's part of a household (A2).

    What staff think of a household is for those who may read it, whichever door it comes through. Notes and changes are
    for staff who may see personal data; phones are masked for others.
    """
    file = tables.file_of(session, row.id)
    reads_file = caller.may(Permission.READ_OWNER_FILE)
    open_data = caller.sees_personal_data
    inside = open_data and not caller.is_owner
    return HouseholdFile(
        segment=(file.segment or row.segment) if reads_file else None,
        other_phones=[phone if open_data else mask_phone(phone) for phone in file.other_phones],
        preferences=PreferredContact(channel=file.preferred_channel, time=file.preferred_time),
        legacy_dispute=_dispute(file, inside=inside) if reads_file else None,
        service=rules.service_history(tables.service_of(session, row.id)),
        changes=[_change(each) for each in tables.changes(session, row.id, CHANGES_SHOWN)] if inside else [],
    )


def _new_values(change: FileChange, today: date) -> dict[str, Value]:
    """The columns a change names, with their values; Invalid."""
    fields_set = change.model_fields_set
    values: dict[str, Value] = {name: getattr(change, name) for name in fields_set - {"legacy_dispute", "other_phones"}}
    errors: list[dict[str, str]] = []
    if "other_phones" in fields_set:
        phones = list(change.other_phones or [])
        values["other_phones"] = phones
        errors += _phone_complaints(phones)
    if "legacy_dispute" in fields_set:
        dispute = change.legacy_dispute
        since = (dispute.since or today) if dispute else None
        values |= {"dispute_liable": dispute.liable if dispute else None, "dispute_since": since}
        values["dispute_note"] = dispute.note if dispute else None
        errors += rules.dispute_complaints(since, today)
    if not fields_set:
        errors.append({"loc": "change", "msg": "name at least one thing to change"})
    if errors:
        raise Invalid("The file cannot be kept so.", errors)
    return values


def _phone_complaints(phones: Sequence[str]) -> list[dict[str, str]]:
    if len(phones) > rules.MOST_PHONES:
        return [{"loc": "change.other_phones", "msg": f"at most {rules.MOST_PHONES}"}]
    return [
        {"loc": f"change.other_phones.{place}", "msg": "not a phone number"}
        for place, phone in enumerate(phones)
        if not cells.PHONE.fullmatch(phone)
    ]


def _dispute(file: FileFields, *, inside: bool) -> FiledDispute | None:
    if file.dispute_liable is None or file.dispute_since is None:
        return None
    note = file.dispute_note if inside else None
    return FiledDispute(liable=file.dispute_liable, since=file.dispute_since, note=note)


def _change_row(name: str, before: Value, after: Value, caller: Caller, now: datetime) -> Change:
    """A change as it is remembered, days as text."""
    return Change(cast("FileField", name), to_jsonable_python(before), to_jsonable_python(after), caller.sub, now)


def _change(row: Change) -> FieldChange:
    return FieldChange(
        field=row.field, before=row.before, after=row.after, changed_by=row.changed_by, changed_at=row.changed_at
    )


# --- co-owners (A1) ------------------------------------------------------------------------------------------------


def set_owners(
    session: Session, caller: Caller, estate: str, unit: str, owners: Sequence[CoOwner], now: datetime
) -> Owners:
    """These are the co-owners of a unit from now on; those who stay as they were are not touched.

    The answer is `get_owners`'s. Invalid, NotFound, Forbidden.
    """
    caller.require(Permission.KEEP_OWNER_FILE)
    estate_id = portfolio.find_estate(session, caller, estate).id
    if errors := rules.owners_complaints(owners) + _person_complaints(owners):
        raise Invalid("The co-owners are not valid.", errors)
    lock_estate(session, estate_id)
    unit_id = portfolio.find_unit(session, estate_id, unit).id
    new, removals = list(owners), []
    for row in tables.owners(session, unit_id):
        if row.removed_at is None and (owner := CoOwner(row.name, row.share, row.phone)) in new:
            new.remove(owner)
        elif row.removed_at is None:
            removals.append(row.id)
    tables.replace_owners(session, unit_id, new, removals, caller.sub, now)
    return get_owners(session, caller, estate, unit)


def get_owners(session: Session, caller: Caller, estate: str, unit: str) -> Owners:
    """The co-owners of a unit, today's and former ones, masked by role. NotFound, Forbidden."""
    caller.require(Permission.READ_UNITS)
    unit_row = portfolio.find_unit(session, portfolio.find_estate(session, caller, estate).id, unit)
    rows = tables.owners(session, unit_row.id)
    return Owners(
        unit=f"{estate}/{unit}",
        owners=[_owner(row, caller) for row in rows if row.removed_at is None],
        former=[FormerOwner(**_owner(row, caller), until=row.removed_at) for row in rows if row.removed_at is not None],
    )


def _owner(row: PartOwner, caller: Caller) -> UnitOwner:
    is_masked = not caller.sees_personal_data
    return UnitOwner(
        name=mask_name(row.name) if is_masked else row.name,
        share=None if row.share is None else f"{row.share.normalize():f}",
        phone=mask_phone(row.phone) if is_masked and row.phone else row.phone,
        since=row.added_at,
    )


def _person_complaints(owners: Sequence[CoOwner]) -> list[dict[str, str]]:
    errors = []
    for place, owner in enumerate(owners):
        checks = [("name", _name, owner.name)] + ([("phone", cells.phone, owner.phone)] if owner.phone else [])
        for name, check, value in checks:
            try:
                check(value)
            except ValueError as error:
                errors.append({"loc": f"owners.{place}.{name}", "msg": str(error)})
    return errors


def _name(value: str) -> str:
    if not value.strip():
        raise ValueError("empty")
    return cells.text(value)


# --- what other services tell (A2) ---------------------------------------------------------------------------------


def note_opened(session: Session, event: Opened) -> None:
    """A complaint or an order of a household was opened; those of nobody leave no trace."""
    if event.household is not None:
        kind, source_id = _source(event)
        tables.served(session, kind, source_id, event.household, category=event.category, opened_at=event.opened_at)


def note_reopened(session: Session, event: Reopened) -> None:
    """It was opened again."""
    if event.household is not None:
        kind, source_id = _source(event)
        tables.served(session, kind, source_id, event.household, opened_at=event.reopened_at, reopened=True)


def note_closed(session: Session, event: ComplaintClosed | WorkOrderFinished) -> None:
    """It was closed."""
    if event.household is not None:
        kind, source_id = _source(event)
        at = event.closed_at if isinstance(event, ComplaintClosed) else event.finished_at
        tables.served(session, kind, source_id, event.household, closed_at=at)


def _source(event: Opened | Reopened | ComplaintClosed | WorkOrderFinished) -> tuple[str, UUID]:
    if isinstance(event, ComplaintOpened | ComplaintReopened | ComplaintClosed):
        return "complaint", event.complaint_id
    return "work_order", event.work_order_id
