"""STORY of portfolio reads: who asks, what is in scope, what is masked (A1, A4, I3)."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from sqlalchemy import Row
from sqlalchemy.orm import Session

from services.billing.portfolio import tables
from services.billing.portfolio.estates.tables import (
    buildings,
    days_of,
    estate_sums,
    estates_after,
    region_sums,
    units_after,
    units_of,
)
from services.billing.portfolio.files import handlers as files
from services.billing.portfolio.transfers.rules import BEGINNING
from services.common.access import STAFF_ROLES, Caller, mask_email, mask_name, mask_phone
from services.common.paging import page, position

ESTATE_FIELDS = (
    "name",
    "region",
    "city",
    "property_type",
    "service_grade",
    "charging_mode",
    "opened_on",
    "late_fee_clause",
)
SUMS = ("buildings", "units", "households", "area_m2", "occupied", "vacant", "unsold")
UNIT_FIELDS = ("building", "usage", "status", "floor", "move_in_date", "grade")


def list_regions(session: Session, caller: Caller) -> dict[str, Any]:
    """The group and its regions, over the estates in scope (A1): `{"group": {…}, "items": [{region, estates, buildings,
    units, households, area_m2, occupied, vacant, unsold}], "next_cursor"}`."""
    caller.require(*STAFF_ROLES)
    rows = [row._asdict() for row in region_sums(session, caller.estate_filter())]
    group = {name: sum(row[name] for row in rows) for name in ("estates", *SUMS)}
    items = [{"region": row["region"], "estates": row["estates"], **_sums(row)} for row in rows]
    return {"group": {"estates": group["estates"], **_sums(group)}, "items": items, "next_cursor": None}


def list_estates(
    session: Session, caller: Caller, limit: int, cursor: str | None, region: str | None = None
) -> dict[str, Any]:
    """Estates in scope by code, with what is below them: `{"items": [{estate, name, …, units, …}], "next_cursor"}`."""
    caller.require(*STAFF_ROLES)
    after = position(cursor, str)
    rows = estates_after(session, caller.estate_filter(), region, after[0] if after else None, limit + 1)
    shown, next_cursor = page(rows, limit, lambda row: [row.code])
    sums = estate_sums(session, [row.id for row in shown])
    return {"items": [_estate(row, sums.get(row.id)) for row in shown], "next_cursor": next_cursor}


def get_estate(session: Session, caller: Caller, code: str) -> dict[str, Any]:
    """One estate with its counts of buildings, units and households; Forbidden, NotFound."""
    caller.require(*STAFF_ROLES)
    row = tables.find_estate(session, caller, code)
    return _estate(row, estate_sums(session, [row.id]).get(row.id))


def list_buildings(session: Session, caller: Caller, code: str, today: date) -> dict[str, Any]:
    """Buildings of an estate with the steward who answers for each today (A4)."""
    caller.require(*STAFF_ROLES)
    rows = buildings(session, tables.find_estate(session, caller, code).id, today)
    return {"items": [row._asdict() | {"area_m2": float(row.area_m2)} for row in rows], "next_cursor": None}


def list_units(
    session: Session, caller: Caller, code: str, building: str | None, limit: int, cursor: str | None
) -> dict[str, Any]:
    """Units of an estate, or of one building, by building and code."""
    caller.require(*STAFF_ROLES)
    after = position(cursor, str, str)
    rows = units_after(session, tables.find_estate(session, caller, code).id, building, after, limit + 1)
    items, next_cursor = page(rows, limit, lambda row: [row.building, row.code])
    return {"items": [_unit(code, row) | {"household": row.household} for row in items], "next_cursor": next_cursor}


def get_household(session: Session, caller: Caller, code: str) -> dict[str, Any]:
    """A household with its units and its file (A2); names, phones and e-mail are masked for roles that need not know
    them (I3).

    `payer_days` are the days it pays for units that ever changed hands, `{unit, role, from_date, to_date}`; units it
    has always paid for are in `units` only.
    """
    row = tables.find_household(session, caller, code)
    units = units_of(session, row.id)
    days = [_days(row.estate, spell) for spell in days_of(session, row.id)]
    return {
        "household": row.code,
        "estate": row.estate,
        "building": units[0].building if units else None,
        **_owner(row, caller),
        **files.shown(session, caller, row),
        "language": row.language,
        "credit_fen": row.credit_fen,
        "arrears_cause": row.arrears_cause,
        "units": [_unit(row.estate, unit) for unit in units],
        "payer_days": days,
    }


def _days(estate: str, row: Row[Any]) -> dict[str, Any]:
    first = None if row.from_date == BEGINNING else row.from_date
    return {"unit": f"{estate}/{row.code}", "role": row.role, "from_date": first, "to_date": row.to_date}


def _owner(row: Row[Any], caller: Caller) -> dict[str, str | None]:
    if caller.sees_personal_data:
        return {"owner_name": row.owner_name, "owner_phone": row.owner_phone, "email": row.email}
    return {
        "owner_name": mask_name(row.owner_name),
        "owner_phone": mask_phone(row.owner_phone),
        "email": mask_email(row.email) if row.email else None,
    }


def _estate(row: Row[Any], sums: Row[Any] | None) -> dict[str, Any]:
    below = sums._asdict() if sums else dict.fromkeys(SUMS, 0)
    return {"estate": row.code} | {name: getattr(row, name) for name in ESTATE_FIELDS} | _sums(below)


def _sums(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in SUMS} | {"area_m2": float(row["area_m2"])}


def _unit(estate: str, row: Row[Any]) -> dict[str, Any]:
    fields = {name: getattr(row, name) for name in UNIT_FIELDS}
    return {"unit": f"{estate}/{row.code}", "estate": estate, "area_m2": float(row.area_m2), **fields}
