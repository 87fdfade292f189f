"""Requests for complaints and their steps (H1, H2)."""

from pydantic import BaseModel, Field

from gateway.resources.base import example
from services.common.contracts.answers.complaints import ComplaintCategory
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
    category: ComplaintCategory
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
