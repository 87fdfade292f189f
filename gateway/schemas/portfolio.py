"""Imports, estates, buildings, units, households, tariffs."""

from datetime import date
from typing import Any, Literal

from pydantic import BaseModel, Field

from gateway.schemas.base import shown

ImportKind = Literal["estates", "units", "staff", "tariffs", "opening_balances", "meter_readings"]


class ImportResult(BaseModel):
    """What an import did; a second import of the same file changes nothing."""

    model_config = shown(kind="units", rows=151, created=150, updated=1, unchanged=0)
    kind: ImportKind
    rows: int
    created: int
    updated: int
    unchanged: int


BELOW = {
    "buildings": 14,
    "units": 1210,
    "households": 1187,
    "area_m2": 104512.5,
    "occupied": 1100,
    "vacant": 80,
    "unsold": 30,
}


class Below(BaseModel):
    """What is below a level of the portfolio (A1)."""

    model_config = shown(estates=2, **BELOW)
    buildings: int
    units: int
    households: int
    area_m2: float
    occupied: int
    vacant: int
    unsold: int


class Region(Below):
    """A region."""

    model_config = shown(region="华南", estates=2, **BELOW)
    region: str
    estates: int


class Regions(BaseModel):
    """The group as a whole and its regions."""

    model_config = shown(
        group={"estates": 2, **BELOW}, items=[{"region": "华南", "estates": 2, **BELOW}], next_cursor=None
    )
    group: Below
    items: list[Region]


class Estate(BaseModel):
    """An estate (项目)."""

    model_config = shown(
        estate="GZ01",
        name="滨江花园",
        region="华南",
        city="广州",
        property_type="residential",
        service_grade="A",
        charging_mode="lump_sum",
        opened_on="2016-05-01",
        late_fee_clause="合同第12条",
        buildings=6,
        units=604,
        households=590,
        area_m2=52256.0,
        occupied=560,
        vacant=34,
        unsold=10,
    )
    estate: str | None = Field(default=None, description="Its code")
    name: str
    region: str
    city: str
    property_type: str
    service_grade: str
    charging_mode: str
    opened_on: date | None = None
    late_fee_clause: str | None = Field(default=None, description="null: no late fee on this estate (C1)")


class Building(BaseModel):
    """A building and its responsible steward (A4)."""

    model_config = shown(building="1", units=64, steward="S001")
    building: str


class Buildings(BaseModel):
    """All buildings of an estate."""

    items: list[Building]


class Unit(BaseModel):
    """A unit."""

    model_config = shown(
        unit="GZ01/1-0101",
        building="1",
        area_m2=113.62,
        usage="residential",
        status="occupied",
        household="GZ01-1-0101",
    )
    unit: str
    building: str
    area_m2: float
    usage: str
    status: str
    household: str


class Household(BaseModel):
    """A household with its owner; name and phone are masked for roles that must not see them (I3)."""

    model_config = shown(
        household="GZ01-1-0101",
        estate="GZ01",
        owner_name="王小明",
        owner_phone="13800000001",
        segment="senior",
        preferences={"channel": "phone", "time": "evening"},
        legacy_dispute={"liable": "developer", "since": "2024-05-01", "note": "Leaking roof since hand-over"},
        language="zh-CN",
        credit_fen=0,
        arrears_cause="unknown",
        units=[{"unit": "GZ01/1-0101", "building": "1", "area_m2": 113.62}],
    )
    household: str
    estate: str
    units: list[dict[str, Any]] = []


class Tariff(BaseModel):
    """One version of a fee (B1); a bill uses it only after it was published (公示)."""

    model_config = shown(
        id=17,
        estate="GZ01",
        fee_item="property_fee",
        method="per_area",
        usage="residential",
        unit_price_yuan="2.8000",
        effective_from="2026-01-01",
        effective_to=None,
        vacancy_ratio=0.7,
        basis="政府指导价",
        composition=[{"name": "人工", "yuan": "1.9"}, {"name": "绿化", "yuan": "0.9"}],
        tiers=[],
        grade_factors={"A": "1.1", "*": "1"},
        published_at=None,
    )
    id: int
    estate: str
    fee_item: str
    method: str
    usage: str | None = None
    unit_price_yuan: str | None = None
    effective_from: date
    effective_to: date | None = None


class Tariffs(BaseModel):
    """The tariffs of an estate."""

    items: list[Tariff]


class Published(BaseModel):
    """Which tariffs were published now."""

    model_config = shown(estate="GZ01", published=3)
