"""What all resources share: what stands in paths and queries, and how a request carries its example."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Path, Query
from pydantic import ConfigDict, Field

from services.common.fields import INT64, LARGEST_BIGINT, LARGEST_INT, NO_CONTROL, Code, Day, Period


def _path(name: str, example: str, **rules: Any) -> Any:
    return Path(description=f"Code of the {name}", examples=[example], **rules)


EstatePath = Annotated[Code, _path("estate", "GZ01")]
HouseholdPath = Annotated[Code, _path("household", "GZ01-1-0101")]
BillPath = Annotated[int, Path(gt=0, le=LARGEST_BIGINT, examples=[48211], json_schema_extra=INT64)]
TariffPath = Annotated[int, Path(gt=0, le=LARGEST_INT, examples=[17], json_schema_extra=INT64)]
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
