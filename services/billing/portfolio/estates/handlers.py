"""STORY of portfolio reads: who asks, what is in scope, what is masked (A1, A4, I3)."""

from collections.abc import Sequence
from dataclasses import fields
from datetime import date

from sqlalchemy.orm import Session

from services.billing.portfolio import tables
from services.billing.portfolio.days import BEGINNING
from services.billing.portfolio.estates.tables import (
    EstateSums,
    RegionSums,
    UnitDays,
    UnitSums,
    buildings,
    days_of,
    estate_sums,
    estates_after,
    region_sums,
    units_after,
    units_of,
)
from services.billing.portfolio.files import handlers as files
from services.common.contracts.answers import portfolio as answers
from services.common.contracts.answers.base import Page
from services.common.domain.access import Caller, mask_email, mask_name, mask_phone
from services.common.domain.permissions import Permission
from services.common.paging import page, position


def list_regions(session: Session, caller: Caller) -> answers.Regions:
    """The group and its regions, over the estates in scope (A1)."""
    caller.require(Permission.READ_ESTATES)
    regions = region_sums(session, caller.estate_filter())
    items = [answers.Region(region=row.region, estates=row.estates, **_below(row)) for row in regions]
    return answers.Regions(group=_group(regions), items=items, next_cursor=None)


def list_estates(
    session: Session, caller: Caller, limit: int, cursor: str | None, region: str | None = None
) -> Page[answers.Estate]:
    """Estates in scope by code, with what is below them."""
    caller.require(Permission.READ_ESTATES)
    after = position(cursor, str)
    rows = estates_after(session, caller.estate_filter(), region, after[0] if after else None, limit + 1)
    estates, next_cursor = page(rows, limit, lambda row: [row.code])
    sums = estate_sums(session, [row.id for row in estates])
    return Page(items=[_estate(row, sums.get(row.id)) for row in estates], next_cursor=next_cursor)


def get_estate(session: Session, caller: Caller, code: str) -> answers.Estate:
    """One estate with its counts of buildings, units and households; Forbidden, NotFound."""
    caller.require(Permission.READ_ESTATES)
    row = tables.find_estate(session, caller, code)
    return _estate(row, estate_sums(session, [row.id]).get(row.id))


def list_buildings(session: Session, caller: Caller, code: str, today: date) -> Page[answers.Building]:
    """Buildings of an estate with the steward who answers for each today (A4)."""
    caller.require(Permission.READ_ESTATES)
    rows = buildings(session, tables.find_estate(session, caller, code).id, today)
    items = [answers.Building(building=row.building, steward=row.steward, **_homes(row)) for row in rows]
    return Page(items=items, next_cursor=None)


def list_units(
    session: Session, caller: Caller, code: str, building: str | None, limit: int, cursor: str | None
) -> Page[answers.Unit]:
    """Units of an estate, or of one building, by building and code."""
    caller.require(Permission.READ_UNITS)
    after = position(cursor, str, str)
    rows = units_after(session, tables.find_estate(session, caller, code).id, building, after, limit + 1)
    items, next_cursor = page(rows, limit, lambda row: [row.building, row.code])
    return Page(items=[_unit(code, row) for row in items], next_cursor=next_cursor)


def get_household(session: Session, caller: Caller, code: str) -> answers.Household:
    """A household with its units and its file (A2); names, phones and e-mail are masked for roles that need not know
    them (I3).

    `payer_days` are the days it pays for units that ever changed hands; units it has always paid for are in `units`
    only.
    """
    caller.require(Permission.READ_HOUSEHOLD)
    row = tables.find_household(session, caller, code)
    units = units_of(session, row.id)
    return answers.Household(
        household=row.code,
        estate=row.estate,
        building=units[0].building if units else None,
        **_owner(row, caller),
        **files.of_household(session, caller, row),
        language=row.language,
        credit_fen=row.credit_fen,
        arrears_cause=row.arrears_cause if caller.may(Permission.READ_DUNNING) else None,
        units=[_unit(row.estate, unit) for unit in units],
        payer_days=[_days(row.estate, spell) for spell in days_of(session, row.id)],
    )


def _group(regions: Sequence[RegionSums]) -> answers.Group:
    """All regions together."""
    names = [field.name for field in fields(EstateSums)]
    sums = EstateSums(**{name: sum(getattr(row, name) for row in regions) for name in names})
    return answers.Group(estates=sum(row.estates for row in regions), **_below(sums))


def _estate(row: tables.Estate, sums: EstateSums | None) -> answers.Estate:
    return answers.Estate(
        estate=row.code,
        name=row.name,
        region=row.region,
        city=row.city,
        property_type=row.property_type,
        service_grade=row.service_grade,
        charging_mode=row.charging_mode,
        opened_on=row.opened_on,
        late_fee_clause=row.late_fee_clause,
        **_below(sums or EstateSums()),
    )


def _below(row: EstateSums) -> answers.Below:
    return answers.Below(buildings=row.buildings, **_homes(row))


def _homes(row: UnitSums) -> answers.UnitSums:
    return answers.UnitSums(
        units=row.units,
        households=row.households,
        area_m2=float(row.area_m2),
        occupied=row.occupied,
        vacant=row.vacant,
        unsold=row.unsold,
    )


def _unit(estate: str, row: tables.Unit) -> answers.Unit:
    return answers.Unit(
        unit=f"{estate}/{row.code}",
        estate=estate,
        building=row.building,
        area_m2=float(row.area_m2),
        usage=row.usage,
        status=row.status,
        floor=row.floor,
        move_in_date=row.move_in_date,
        grade=row.grade,
        household=row.household,
    )


def _days(estate: str, row: UnitDays) -> answers.UnitDays:
    first = None if row.from_date == BEGINNING else row.from_date
    return answers.UnitDays(unit=f"{estate}/{row.code}", role=row.role, from_date=first, to_date=row.to_date)


def _owner(row: tables.Household, caller: Caller) -> answers.OwnerContact:
    if caller.sees_personal_data:
        return answers.OwnerContact(owner_name=row.owner_name, owner_phone=row.owner_phone, email=row.email)
    return answers.OwnerContact(
        owner_name=mask_name(row.owner_name),
        owner_phone=mask_phone(row.owner_phone),
        email=mask_email(row.email) if row.email else None,
    )
