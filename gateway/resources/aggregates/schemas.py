"""Answers put together from several services; `degraded` names those that did not answer (I2)."""

from typing import Any

from pydantic import BaseModel, Field

from gateway.resources.base import shown

Degraded = Field(description="Services that did not answer in time; their parts are null", examples=[["feedback"]])


class Overview(BaseModel):
    """The household at a glance (I1)."""

    model_config = shown(
        household="GZ01-1-0101",
        owner={"household": "GZ01-1-0101", "estate": "GZ01", "owner_name": "王小明"},
        statement={"principal_fen": 31814, "late_fee_fen": 48, "credit_fen": 0, "total_due_fen": 31862, "bills": []},
        payments=[],
        dunning={"steps": [], "holds": [], "next_step": None},
        work_orders=[],
        complaints=None,
        messages=[],
        degraded=["feedback"],
    )
    household: str
    owner: dict[str, Any] | None
    statement: dict[str, Any] | None
    payments: list[Any] | None
    dunning: dict[str, Any] | None
    work_orders: list[Any] | None
    complaints: list[Any] | None
    messages: list[Any] | None
    degraded: list[str] = Degraded


class GroupDashboard(BaseModel):
    """The group's figures."""

    model_config = shown(
        collection={"rate": 0.91},
        payments={"settled_today_fen": 120000},
        work_orders={"open": 12},
        complaints=None,
        degraded=["feedback"],
    )
    collection: Any
    payments: Any
    work_orders: Any
    complaints: Any
    degraded: list[str] = Degraded


class EstateDashboard(GroupDashboard):
    """One estate's figures."""

    model_config = shown(
        estate="GZ01",
        collection={"rate": 0.91},
        payments={"settled_today_fen": 120000},
        work_orders={"open": 12},
        complaints={"open": 3},
        degraded=[],
    )
    estate: str
