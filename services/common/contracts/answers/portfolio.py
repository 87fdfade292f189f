"""VOCABULARY of the portfolio: regions, estates, buildings, units, households (A1, A2, A4)."""

from datetime import date
from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import TypedDict

from services.common.contracts.answers.base import Cursor
from services.common.contracts.answers.files import HouseholdFile
from services.common.fields import Fen, Whole

ChargingMode = Literal["lump_sum", "remuneration"]
Usage = Literal["residential", "commercial", "office", "industrial", "parking"]
UnitStatus = Literal["occupied", "vacant", "unsold"]
PayerRole = Literal["owner", "tenant", "developer"]
Language = Literal["zh-CN", "en"]
# why a household does not pay (D2)
Cause = Literal["forgot", "dissatisfied", "hardship", "malicious", "legacy_dispute", "vacant", "unknown"]


class UnitSums(TypedDict):
    """Homes of a building or of all that is below a level of the portfolio (A1)."""

    units: Whole
    households: Whole
    area_m2: float
    occupied: Whole
    vacant: Whole
    unsold: Whole


class Below(UnitSums):
    """What is below a level of the portfolio (A1)."""

    buildings: Whole


class Group(Below):
    """The group as a whole, or what of it is in scope."""

    estates: Whole


class Region(Group):
    """A region."""

    region: str


class Regions(TypedDict):
    """The group as a whole and its regions."""

    group: Group
    items: list[Region]
    next_cursor: Cursor


class Estate(Below):
    """An estate (项目) with what is below it."""

    estate: Annotated[str, Field(description="Its code")]
    name: str
    region: str
    city: str
    property_type: str
    service_grade: str
    charging_mode: ChargingMode
    opened_on: date | None
    late_fee_clause: Annotated[str | None, Field(description="null: no late fee on this estate (C1)")]


class Building(UnitSums):
    """A building and the steward who answers for it today (首问负责, A4)."""

    building: str
    steward: Annotated[str | None, Field(description="null: nobody does")]


class Unit(TypedDict):
    """A unit and the household that pays for it today."""

    unit: Annotated[str, Field(description="{estate}/{code}")]
    estate: str
    building: str
    area_m2: float
    usage: Usage
    status: UnitStatus
    floor: str | None
    move_in_date: date | None
    grade: str | None
    household: str


class UnitDays(TypedDict):
    """Days on which a household pays for a unit that ever changed hands, both inclusive (A1)."""

    unit: str
    role: PayerRole
    from_date: Annotated[date | None, Field(description="null: from the beginning")]
    to_date: Annotated[date | None, Field(description="null: while it lasts")]


class OwnerContact(TypedDict):
    """Who owns a household and how to reach them; masked for roles that need not know it (I3)."""

    owner_name: str
    owner_phone: str
    email: str | None


class Household(OwnerContact, HouseholdFile):
    """A household with its owner, its file and its units (A2)."""

    household: str
    estate: str
    building: Annotated[str | None, Field(description="Of its first unit; null when it has none")]
    language: Language
    credit_fen: Fen
    arrears_cause: Annotated[Cause | None, Field(description="For who reads dunning; else null")]
    units: list[Unit]
    payer_days: Annotated[list[UnitDays], Field(description="Of units that ever changed hands; others are in `units`")]
