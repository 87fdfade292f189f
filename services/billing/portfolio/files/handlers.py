"""STORY of owner files: what people keep of households and co-owners, who changed it, what was served (A1, A2, I3)."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, StringConstraints
from sqlalchemy import Row
from sqlalchemy.orm import Session

from services.billing.portfolio import tables as portfolio
from services.billing.portfolio.files import rules, tables
from services.billing.portfolio.files.rules import Channel, CoOwner, Liable, Segment, Time
from services.billing.tables import lock_estate
from services.common.access import STAFF_ROLES, Caller, mask_name, mask_phone
from services.common.calendar import business_date
from services.common.contracts.errors import Invalid
from services.common.contracts.events import (
    ComplaintClosed,
    ComplaintOpened,
    ComplaintReopened,
    WorkOrderFinished,
    WorkOrderOpened,
    WorkOrderReopened,
)
from services.common.sheets import cells

KEEPERS = ("group_admin", "finance", "estate_manager", "steward")
CHANGES_SHOWN = 50
Note = Annotated[str, StringConstraints(max_length=2000, pattern=r"^[^\x00]*$")]
Opened = ComplaintOpened | WorkOrderOpened
Reopened = ComplaintReopened | WorkOrderReopened


class Dispute(BaseModel):
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
    preferred_channel: Channel | None = None
    preferred_time: Time | None = None
    legacy_dispute: Dispute | None = None


def keep_file(session: Session, caller: Caller, household: str, change: FileChange, now: datetime) -> None:
    """Change a household's file and remember who did it (A2); what is as it was is not a change.

    Invalid, NotFound, Forbidden.
    """
    caller.require(*KEEPERS)
    row = portfolio.find_household(session, caller, household)
    wanted = _wanted(change, business_date(now))
    portfolio.lock_household(session, row.id)
    changed = rules.differences(tables.file_of(session, row.id), wanted)
    if changed:
        tables.keep_file(session, row.id, wanted)
        stamp = {"household_id": row.id, "changed_by": caller.sub, "changed_at": now}
        facts = [{"field": name, "before": _json(b), "after": _json(a), **stamp} for name, (b, a) in changed.items()]
        tables.add_changes(session, facts)


def shown(session: Session, caller: Caller, row: Row[Any]) -> dict[str, Any]:
    """The file's part of a household (A2): `{segment, other_phones, preferences, legacy_dispute, service, changes}`.

    Notes and changes are for staff who may see personal data; phones are masked for others.
    """
    kept = tables.file_of(session, row.id)
    open_data = caller.sees_personal_data
    inside = open_data and not caller.is_owner
    return {
        "segment": kept["segment"] or row.segment,
        "other_phones": [phone if open_data else mask_phone(phone) for phone in kept["other_phones"]],
        "preferences": {"channel": kept["preferred_channel"], "time": kept["preferred_time"]},
        "legacy_dispute": _dispute(kept, inside=inside),
        "service": rules.service_history(tables.service_of(session, row.id)),
        "changes": [_change(one) for one in tables.changes(session, row.id, CHANGES_SHOWN)] if inside else [],
    }


def _wanted(change: FileChange, today: date) -> dict[str, Any]:
    """The columns a change names, with their values; Invalid."""
    named = change.model_fields_set
    wanted = {name: getattr(change, name) for name in named - {"legacy_dispute", "other_phones"}}
    errors: list[dict[str, Any]] = []
    if "other_phones" in named:
        wanted["other_phones"] = list(change.other_phones or [])
        errors += _phone_complaints(wanted["other_phones"])
    if "legacy_dispute" in named:
        found = change.legacy_dispute
        since = (found.since or today) if found else None
        wanted |= {"dispute_liable": found.liable if found else None, "dispute_since": since}
        wanted["dispute_note"] = found.note if found else None
        errors += rules.dispute_complaints(since, today)
    if not named:
        errors.append({"loc": "change", "msg": "name at least one thing to change"})
    if errors:
        raise Invalid("The file cannot be kept so.", errors)
    return wanted


def _phone_complaints(phones: Sequence[str]) -> list[dict[str, Any]]:
    if len(phones) > rules.MOST_PHONES:
        return [{"loc": "change.other_phones", "msg": f"at most {rules.MOST_PHONES}"}]
    return [
        {"loc": f"change.other_phones.{place}", "msg": "not a phone number"}
        for place, phone in enumerate(phones)
        if not cells.PHONE.fullmatch(phone)
    ]


def _dispute(kept: Mapping[str, Any], *, inside: bool) -> dict[str, Any] | None:
    if kept["dispute_liable"] is None:
        return None
    note = kept["dispute_note"] if inside else None
    return {"liable": kept["dispute_liable"], "since": kept["dispute_since"], "note": note}


def _json(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


def _change(row: Row[Any]) -> dict[str, Any]:
    return {name: getattr(row, name) for name in ("field", "before", "after", "changed_by", "changed_at")}


# --- co-owners (A1) ------------------------------------------------------------------------------------------------


def set_owners(
    session: Session, caller: Caller, estate: str, unit: str, owners: Sequence[CoOwner], now: datetime
) -> dict[str, Any]:
    """These are the co-owners of a unit from now on; those who stay as they were are not touched.

    The answer is `get_owners`'s. Invalid, NotFound, Forbidden.
    """
    caller.require(*KEEPERS)
    estate_id = portfolio.find_estate(session, caller, estate).id
    if errors := rules.owners_complaints(owners) + _person_complaints(owners):
        raise Invalid("The co-owners are not valid.", errors)
    lock_estate(session, estate_id)
    unit_id = portfolio.find_unit(session, estate_id, unit).id
    new, gone = list(owners), []
    for row in tables.owners(session, unit_id):
        if row.removed_at is None and (one := CoOwner(row.name, row.share, row.phone)) in new:
            new.remove(one)
        elif row.removed_at is None:
            gone.append(row.id)
    tables.replace_owners(session, unit_id, new, gone, caller.sub, now)
    return get_owners(session, caller, estate, unit)


def get_owners(session: Session, caller: Caller, estate: str, unit: str) -> dict[str, Any]:
    """`{unit, owners: [{name, share, phone, since}], former: [{…, until}]}`, masked by role; `share` as a decimal text.

    NotFound, Forbidden.
    """
    caller.require(*STAFF_ROLES)
    found = portfolio.find_unit(session, portfolio.find_estate(session, caller, estate).id, unit)
    rows = tables.owners(session, found.id)
    return {
        "unit": f"{estate}/{unit}",
        "owners": [_owner(row, caller) for row in rows if row.removed_at is None],
        "former": [_owner(row, caller) | {"until": row.removed_at} for row in rows if row.removed_at is not None],
    }


def _owner(row: Row[Any], caller: Caller) -> dict[str, Any]:
    hidden = not caller.sees_personal_data
    phone = mask_phone(row.phone) if hidden and row.phone else row.phone
    share = None if row.share is None else f"{row.share.normalize():f}"
    return {"name": mask_name(row.name) if hidden else row.name, "share": share, "phone": phone, "since": row.added_at}


def _person_complaints(owners: Sequence[CoOwner]) -> list[dict[str, Any]]:
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


def _source(event: Opened | Reopened | ComplaintClosed | WorkOrderFinished) -> tuple[str, Any]:
    if isinstance(event, ComplaintOpened | ComplaintReopened | ComplaintClosed):
        return "complaint", event.complaint_id
    return "work_order", event.work_order_id
