"""STORY of stewardship: lock the estate → appoint from a day on → the stewards' lists follow → tell (A4)."""

from collections.abc import Collection
from datetime import date, datetime

from sqlalchemy.orm import Session

from services.billing.portfolio import tables as portfolio
from services.billing.portfolio.announcements import tell_staff
from services.billing.portfolio.days import BEGINNING, YEARS_AHEAD, latest_day
from services.billing.portfolio.stewards import rules, tables
from services.billing.portfolio.stewards.rules import Term
from services.billing.portfolio.stewards.tables import NamedTerm
from services.billing.tables import lock_estate
from services.common.contracts.answers.base import Page
from services.common.contracts.answers.stewards import Steward, Stewardship, StewardTerm
from services.common.contracts.errors import Invalid, NotFound
from services.common.domain.access import Caller
from services.common.domain.calendar import business_date
from services.common.domain.permissions import Permission


def set_steward(
    session: Session, caller: Caller, estate: str, building: str, staff: str, from_date: date, now: datetime
) -> Steward:
    """Let a steward answer for a building from a day on, until the next appointment (A4); the same again changes
    nothing. The answer is `get_steward`'s. Invalid, NotFound, Forbidden."""
    caller.require(Permission.APPOINT_STEWARD)
    estate_id = portfolio.find_estate(session, caller, estate).id
    lock_estate(session, estate_id)
    _check(session, estate_id, building, staff, from_date, business_date(now))
    before = tables.terms(session, estate_id, building)
    after = rules.appoint(before, staff, from_date, caller.sub, now)
    if after != before:
        tables.write_terms(session, estate_id, building, after, business_date(now))
        staff_codes = {staff} | {term.staff for term in before}
        tell_staff(session, tables.follow(session, staff_codes, business_date(now)), now)
    return get_steward(session, caller, estate, building, business_date(now))


def get_steward(session: Session, caller: Caller, estate: str, building: str, today: date) -> Steward:
    """Who answers for a building on a day, and everybody who did and will. NotFound, Forbidden."""
    caller.require(Permission.READ_ESTATES)
    estate_id = portfolio.find_estate(session, caller, estate).id
    terms = tables.terms(session, estate_id, building)
    if not terms and not tables.has_building(session, estate_id, building):
        raise NotFound("There is no such building on this estate.")
    in_office = rules.holder(terms, today)
    return Steward(
        estate=estate,
        building=building,
        steward=in_office.staff if in_office else None,
        items=[_term(term) for term in terms],
        next_cursor=None,
    )


def list_stewardships(session: Session, caller: Caller, estate: str) -> Page[Stewardship]:
    """All terms on an estate, by building and day."""
    caller.require(Permission.READ_ESTATES)
    rows = tables.of_estate(session, portfolio.find_estate(session, caller, estate).id)
    return Page(items=[_stewardship_view(row) for row in rows], next_cursor=None)


def require_staff(session: Session, caller: Caller, estate_id: int, code: str, loc: str) -> None:
    """Invalid unless the code is of somebody who works on the estate, or is who is signed in."""
    if code != caller.sub and not tables.is_staff(session, code, estate_id):
        raise Invalid("Nobody of this code works on the estate.", [{"loc": loc, "msg": "a code of the staff register"}])


def take_over(session: Session, estate_id: int, now: datetime) -> None:
    """The lists of stewards follow the appointments whose day has come; the estate's exclusive lock is held."""
    today = business_date(now)
    tell_staff(session, tables.follow(session, tables.due(session, estate_id, today), today), now)


def estates_of(session: Session, codes: Collection[str], today: date) -> set[int]:
    """The estates of these people, and those on which they answer for a building; they are appointed on no others."""
    return tables.estates_held(session, codes, today)


def give_buildings(
    session: Session, code: str, estate_id: int, buildings: Collection[str], by: str, now: datetime
) -> set[str]:
    """Let a steward answer for exactly these buildings from today, as a file says (A3, A4); whose list changed.

    The first steward ever named for a building answers for its past too. The caller holds the estates of `estates_of`.
    """
    today = business_date(now)
    places = {(estate_id, building) for building in buildings}
    given_up = tables.held_by(session, code, today) - places
    staff_codes = {code}
    for estate, building in sorted(places | given_up):
        before = tables.terms(session, estate, building)
        if (estate, building) in places:
            after = rules.appoint(before, code, today if before else BEGINNING, by, now)
        else:
            after = rules.dismiss(before, code, today)
        if after != before:
            tables.write_terms(session, estate, building, after, today)
            staff_codes |= {term.staff for term in before}
    tables.strike(session, staff_codes - {code}, estate_id, buildings)
    return tables.follow(session, staff_codes, today)


def _check(session: Session, estate_id: int, building: str, staff: str, from_date: date, today: date) -> None:
    if not tables.has_building(session, estate_id, building):
        raise NotFound("There is no such building on this estate.")
    errors = []
    if not BEGINNING < from_date <= latest_day(today):
        errors.append({"loc": "from_date", "msg": f"after {BEGINNING} and less than {YEARS_AHEAD} years ahead"})
    if not tables.is_steward(session, staff, estate_id):
        errors.append({"loc": "staff", "msg": "not a steward of this estate"})
    if errors:
        raise Invalid("The appointment is not valid.", errors)


def _term(term: Term) -> StewardTerm:
    return StewardTerm(
        staff=term.staff,
        from_date=_since(term.first),
        to_date=term.last,
        set_by=term.set_by,
        set_at=term.set_at,
    )


def _stewardship_view(row: NamedTerm) -> Stewardship:
    return Stewardship(
        building=row.building,
        staff=row.staff_code,
        name=row.name,
        from_date=_since(row.from_date),
        to_date=row.to_date,
    )


def _since(first: date) -> date | None:
    """None: from the beginning."""
    return None if first == BEGINNING else first
