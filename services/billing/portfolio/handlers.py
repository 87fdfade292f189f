"""STORY of portfolio reads: who asks, what is in scope, what is masked (A1, A4, I3)."""

from datetime import date
from typing import Any

from sqlalchemy import Row
from sqlalchemy.orm import Session

from services.billing.portfolio import tables
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
UNIT_FIELDS = ("building", "usage", "status", "floor", "move_in_date", "grade")


def list_estates(session: Session, caller: Caller, limit: int, cursor: str | None) -> dict[str, Any]:
    """Estates in scope by code: `{"items": [{estate, name, …}], "next_cursor"}`."""
    caller.require(*STAFF_ROLES)
    after = position(cursor, str)
    rows = tables.estates_after(session, caller.estate_filter(), after[0] if after else None, limit + 1)
    items, next_cursor = page(rows, limit, lambda row: [row.code])
    return {"items": [_estate(row) for row in items], "next_cursor": next_cursor}


def get_estate(session: Session, caller: Caller, code: str) -> dict[str, Any]:
    """One estate with its counts of buildings, units and households; Forbidden, NotFound."""
    caller.require(*STAFF_ROLES)
    row = tables.find_estate(session, caller, code)
    counts = tables.estate_counts(session, row.id)._asdict()
    return _estate(row) | counts | {"area_m2": float(counts["area_m2"])}


def list_buildings(session: Session, caller: Caller, code: str, today: date) -> dict[str, Any]:
    """Buildings of an estate with the steward who answers for each today (A4)."""
    caller.require(*STAFF_ROLES)
    rows = tables.buildings(session, tables.find_estate(session, caller, code).id, today)
    return {"items": [row._asdict() | {"area_m2": float(row.area_m2)} for row in rows], "next_cursor": None}


def list_units(
    session: Session, caller: Caller, code: str, building: str | None, limit: int, cursor: str | None
) -> dict[str, Any]:
    """Units of an estate, or of one building, by building and code."""
    caller.require(*STAFF_ROLES)
    after = position(cursor, str, str)
    rows = tables.units_after(session, tables.find_estate(session, caller, code).id, building, after, limit + 1)
    items, next_cursor = page(rows, limit, lambda row: [row.building, row.code])
    return {"items": [_unit(code, row) | {"household": row.household} for row in items], "next_cursor": next_cursor}


def get_household(session: Session, caller: Caller, code: str) -> dict[str, Any]:
    """A household with its units; names, phone and e-mail are masked for roles that need not know them (I3)."""
    row = tables.find_household(session, caller, code)
    units = tables.units_of(session, row.id)
    return {
        "household": row.code,
        "estate": row.estate,
        "building": units[0].building if units else None,
        **_owner(row, caller),
        "segment": row.segment,
        "language": row.language,
        "credit_fen": row.credit_fen,
        "arrears_cause": row.arrears_cause,
        "units": [_unit(row.estate, unit) for unit in units],
    }


def _owner(row: Row[Any], caller: Caller) -> dict[str, str | None]:
    if caller.sees_personal_data:
        return {"owner_name": row.owner_name, "owner_phone": row.owner_phone, "email": row.email}
    return {
        "owner_name": mask_name(row.owner_name),
        "owner_phone": mask_phone(row.owner_phone),
        "email": mask_email(row.email) if row.email else None,
    }


def _estate(row: Row[Any]) -> dict[str, Any]:
    return {"estate": row.code} | {name: getattr(row, name) for name in ESTATE_FIELDS}


def _unit(estate: str, row: Row[Any]) -> dict[str, Any]:
    fields = {name: getattr(row, name) for name in UNIT_FIELDS}
    return {"unit": f"{estate}/{row.code}", "estate": estate, "area_m2": float(row.area_m2), **fields}
