"""Requests for work orders and their steps (G)."""

from typing import Annotated

from pydantic import AliasChoices, BaseModel, Field

from gateway.resources.base import example
from services.common.contracts.answers.work_orders import Priority
from services.common.fields import Code, Note, Text


class WorkOrderRequest(BaseModel):
    """A request for work (报修)."""

    model_config = example(
        estate="GZ01",
        building="1",
        household="GZ01-1-0101",
        category="plumbing",
        priority="normal",
        description="Tap in the kitchen drips",
        place="kitchen",
    )
    estate: Code
    category: Code
    priority: Priority | None = Field(default=None, description="normal when left out")
    description: Text
    building: Code | None = None
    household: Code | None = None
    place: Annotated[Note, Field(max_length=200)] | None = None


class WorkOrderActionRequest(BaseModel):
    """A step of an order; `technician` when dispatching by hand (G3). Other words for the same are understood."""

    model_config = example(note="On my way", technician="T004")
    note: Note | None = Field(default=None, validation_alias=AliasChoices("note", "text", "reason"))
    technician: Code | None = Field(default=None, validation_alias=AliasChoices("technician", "staff"))
