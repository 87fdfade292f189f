"""STORE of the portfolio: named queries over estates, units, households and stewardships (A1, A4)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TypeVar

from sqlalchemy import Select, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from services.billing.tables import estate, household, unit
from services.common.contracts.answers.portfolio import Cause, ChargingMode, Language, UnitStatus, Usage
from services.common.contracts.errors import Conflict, Invalid, NotFound
from services.common.domain.access import Caller
from services.common.locks import Lock, try_to_hold
from services.common.rows import row_of

Columns = TypeVar("Columns", bound=tuple[object, ...])


@dataclass(frozen=True)
class Estate:
    """An estate of the register."""

    id: int
    code: str
    name: str
    region: str
    city: str
    property_type: str
    service_grade: str
    charging_mode: ChargingMode
    opened_on: date | None
    late_fee_clause: str | None


@dataclass(frozen=True)
class Household:
    """A household of the register, with the code of its estate."""

    id: int
    estate_id: int
    estate: str
    code: str
    owner_name: str
    owner_phone: str
    email: str | None
    segment: str | None
    language: Language
    credit_fen: int
    arrears_cause: Cause


@dataclass(frozen=True)
class HeldUnit:
    """A unit, who pays for it today, and how it stands."""

    id: int
    estate_id: int
    household_id: int
    code: str
    status: UnitStatus


@dataclass(frozen=True)
class Unit(HeldUnit):
    """All of a unit, with the code of its household."""

    household: str
    building: str
    area_m2: Decimal
    usage: Usage
    floor: str | None
    move_in_date: date | None
    grade: str | None


UNITS = select(unit, household.c.code.label("household")).join(household, household.c.id == unit.c.household_id)
_HOUSEHOLDS = select(household, estate.c.code.label("estate")).join(estate)


def estates_in_scope(session: Session, caller: Caller, codes: Sequence[str] | None) -> dict[str, int]:
    """Ids of the named estates, or of all in the caller's scope; Invalid (unknown), Forbidden."""
    query = select(estate.c.code, estate.c.id).order_by(estate.c.code)
    scope = caller.estate_filter() if codes is None else codes
    ids = {row.code: row.id for row in session.execute(among(query, scope))}
    for code in codes or []:
        caller.require_estate(code)
    unknown = [code for code in codes or [] if code not in ids]
    if unknown:
        raise Invalid("Some estates are unknown.", [{"loc": "estates", "msg": f"unknown estate {c}"} for c in unknown])
    return ids


def among(query: Select[Columns], codes: Sequence[str] | frozenset[str] | None) -> Select[Columns]:
    """Only the estates named; None: all."""
    return query if codes is None else query.where(estate.c.code.in_(codes))


def find_estate(session: Session, caller: Caller, code: str) -> Estate:
    """An estate in the caller's scope; Forbidden outside of it, NotFound."""
    caller.require_estate(code)
    row = session.execute(select(estate).where(estate.c.code == code)).first()
    if row is None:
        raise NotFound(f"There is no estate {code}.")
    return row_of(Estate, row)


def find_household(session: Session, caller: Caller, code: str) -> Household:
    """A household the caller may see; NotFound, Forbidden."""
    household_row = household_named(session, code)
    caller.require_household(code, household_row.estate if household_row else "")
    if household_row is None:
        raise NotFound(f"There is no household {code}.")
    return household_row


def find_unit(session: Session, estate_id: int, code: str) -> Unit:
    """A unit of an estate; NotFound."""
    row = session.execute(UNITS.where(unit.c.estate_id == estate_id, unit.c.code == code)).first()
    if row is None:
        raise NotFound("There is no such unit on this estate.")
    return row_of(Unit, row)


def lock_household(session: Session, household_id: int) -> None:
    """Two who change a household's file follow one another."""
    session.execute(select(household.c.id).where(household.c.id == household_id).with_for_update())


def household_named(session: Session, code: str) -> Household | None:
    """A household by its code, wherever it is."""
    return row_of(Household, session.execute(_HOUSEHOLDS.where(household.c.code == code)).first())


def add_household(session: Session, estate_id: int, code: str, name: str, phone: str) -> int:
    """A household that is new; Conflict when another transaction has just made one of this code."""
    row = {"estate_id": estate_id, "code": code, "owner_name": name, "owner_phone": phone}
    household_id = session.scalar(insert(household).values(row).on_conflict_do_nothing().returning(household.c.id))
    if household_id is None:
        raise Conflict("This household was made just now by somebody else; ask again.")
    return int(household_id)


def try_lock_estate(session: Session, estate_id: int) -> bool:
    """The estate's exclusive lock until the transaction ends, if nobody else holds any."""
    return try_to_hold(session, Lock.ESTATE, estate_id)


_ESTATES_DUE = text("""
SELECT u.estate_id FROM unit_payer p JOIN unit u ON u.id = p.unit_id WHERE p.pending AND p.from_date <= :today
UNION SELECT u.estate_id FROM unit_status s JOIN unit u ON u.id = s.unit_id WHERE s.pending AND s.from_date <= :today
UNION SELECT estate_id FROM stewardship WHERE pending AND from_date <= :today ORDER BY 1
""")


def estates_due(session: Session, today: date) -> list[int]:
    """Estates on which somebody takes over by `today` and it was not seen to yet."""
    return list(session.scalars(_ESTATES_DUE, {"today": today}))
