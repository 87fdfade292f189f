"""What requests share: codes, money, days, parameters, and how a model carries its example."""

import re
from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Path, Query
from pydantic import AwareDatetime, BeforeValidator, ConfigDict, Field, JsonValue, StringConstraints
from pydantic_core import PydanticCustomError

from services.common.contracts.answers.base import Created as Created
from services.common.contracts.answers.base import Page as Page

NO_CONTROL = r"^[^\x00-\x1f]+$"
NO_NUL = r"^[^\x00]*$"
LARGEST_ID = 2**63 - 1
INT64: dict[str, JsonValue] = {"format": "int64"}
PERIOD = r"^[0-9]{4}-(0[1-9]|1[0-2])$"
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
FIRST_DAY, LAST_DAY = "1900-01-01", "2999-12-31"

Code = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=NO_CONTROL)]
Note = Annotated[str, StringConstraints(max_length=2000, pattern=NO_NUL)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=4000, pattern=NO_NUL)]
Period = Annotated[str, StringConstraints(pattern=PERIOD)]


def _written_as_day(value: Any) -> Any:
    """A day is written YYYY-MM-DD, never as a number or an instant, and lies where the calendar's sums cannot fail."""
    if not (isinstance(value, str) and DAY.fullmatch(value)):
        raise PydanticCustomError("day", "Input should be a date YYYY-MM-DD")
    if not FIRST_DAY <= value <= LAST_DAY:
        raise PydanticCustomError("day", f"Input should be a date from {FIRST_DAY} to {LAST_DAY}")
    return value


def _written_as_instant(value: Any) -> Any:
    """An instant is written as RFC 3339 has it, on a day of ours."""
    if not (isinstance(value, str) and DAY.match(value) and value[10:11] in ("T", "t", " ")):
        raise PydanticCustomError("instant", "Input should be an instant of RFC 3339 with its offset")
    _written_as_day(value[:10])
    return value


Day = Annotated[date, BeforeValidator(_written_as_day)]
Instant = Annotated[AwareDatetime, BeforeValidator(_written_as_instant)]
Fen = Annotated[int, Field(strict=True, gt=0, le=10**12, description="Integer fen (分)", json_schema_extra=INT64)]
BillId = Annotated[int, Field(strict=True, gt=0, le=LARGEST_ID, json_schema_extra=INT64)]
BillIds = Annotated[list[BillId], Field(min_length=1, max_length=500)]
Estates = Annotated[list[Code], Field(min_length=1, max_length=2000)]


def _path(name: str, example: str, **rules: Any) -> Any:
    return Path(description=f"Code of the {name}", examples=[example], **rules)


EstatePath = Annotated[Code, _path("estate", "GZ01")]
HouseholdPath = Annotated[Code, _path("household", "GZ01-1-0101")]
BillPath = Annotated[int, Path(gt=0, le=LARGEST_ID, examples=[48211], json_schema_extra=INT64)]
TariffPath = Annotated[int, Path(gt=0, le=2**31 - 1, examples=[17], json_schema_extra=INT64)]
IdPath = Annotated[UUID, Path(examples=["0a6c2f7e-1d43-4b8e-9a52-7c1f8f3b6d10"])]

EstateFilter = Annotated[Code | None, Query(description="Code of an estate", examples=["GZ01"])]
BuildingFilter = Annotated[Code | None, Query(description="Code of a building", examples=["1"])]
HouseholdFilter = Annotated[Code | None, Query(description="Code of a household", examples=["GZ01-1-0101"])]
StewardFilter = Annotated[Code | None, Query(description="Code of a steward", examples=["S001"])]
StatusFilter = Annotated[Code | None, Query(description="Only those in this status", examples=["open"])]
CauseFilter = Annotated[Code | None, Query(description="Cause of the arrears (D2)", examples=["dissatisfied"])]
AsOf = Annotated[Day | None, Query(description="Business day; today when left out", examples=["2026-11-20"])]
PeriodFilter = Annotated[Period | None, Query(description="YYYY-MM", examples=["2026-10"])]

LimitQuery = Annotated[
    int,
    Query(
        alias="limit",
        ge=1,
        description="Items on a page; more than 500 count as 500",
        examples=[50],
        json_schema_extra=INT64,
    ),
]
CursorQuery = Annotated[
    str | None,
    Query(
        alias="cursor",
        max_length=2000,
        pattern=NO_CONTROL,
        description="next_cursor of the page before",
        examples=["WyI0MiJd"],
    ),
]

ServiceName = Literal["billing", "payments", "notifications", "workorders", "feedback"]
Degraded = Annotated[
    list[ServiceName], Field(description="Services that did not answer in time; their parts are missing")
]


def example(**fields: Any) -> ConfigDict:
    """The configuration of a request: unknown fields are refused; `fields` is the example in the documentation."""
    return ConfigDict(extra="forbid", json_schema_extra={"examples": [fields]})


def shown(**fields: Any) -> ConfigDict:
    """The configuration of an answer: services may add fields."""
    return ConfigDict(extra="allow", json_schema_extra={"examples": [fields]})
