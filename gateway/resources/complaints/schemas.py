"""Complaints over HTTP (H1, H2)."""

from typing import Literal
from uuid import UUID

from pydantic import BaseModel, Field

from gateway.resources.base import example, shown
from services.common.fields import Code, Text


class ComplaintRequest(BaseModel):
    """A complaint is registered before it is handled (H1)."""

    model_config = example(
        estate="GZ01",
        household="GZ01-1-0101",
        building="1",
        category="service",
        level="normal",
        text="The corridor was not cleaned for a week",
        channel="phone",
    )
    estate: Code
    category: Literal["service", "fee", "facility", "management"]
    text: Text
    channel: Code
    level: Code | None = Field(default=None, description="normal, serious, major or a word of your own; else normal")
    household: Code | None = None
    building: Code | None = None


class ComplaintActionRequest(BaseModel):
    """What was said to the complainant, and by whom."""

    model_config = example(text="Cleaned today, supervisor will check daily", by="S001")
    text: Text | None = None
    by: Code | None = Field(default=None, description="Code of the member of staff; else who is signed in")


class Complaint(BaseModel):
    """A complaint with all its clocks (H2)."""

    model_config = shown(
        id="0a6c2f7e-1d43-4b8e-9a52-7c1f8f3b6d10",
        estate="GZ01",
        household="GZ01-1-0101",
        category="service",
        level="normal",
        status="registered",
        text="The corridor was not cleaned for a week",
        channel="phone",
        opened_at="2026-11-20T02:00:00+00:00",
        clocks={"target": {"respond_by": "2026-11-21T02:00:00+00:00", "resolve_by": "2026-11-23T02:00:00+00:00"}},
    )
    id: UUID
    status: str
