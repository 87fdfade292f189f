"""Regions, estates, buildings, units and households over HTTP (A)."""

from datetime import date
from typing import Any

from pydantic import BaseModel, Field

from gateway.resources.base import shown

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
