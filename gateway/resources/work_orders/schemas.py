"""Requests for work orders and their steps (G)."""

from typing import Annotated

from pydantic import AliasChoices, BaseModel, Field

from gateway.resources.base import example
from services.common.contracts.answers.work_orders import Priority
from services.common.fields import Code, Name, Note, Text


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


class CategoryRequest(BaseModel):
    """A category of work with its names and other words for it."""

    code: Annotated[Code, Field(max_length=40)]
    zh: Name
    en: Name
    synonyms: Annotated[list[Name], Field(max_length=200)] = []
    skill: Code | None = None
    holds_dunning: bool = True
    emergency: bool = False


class CategoriesRequest(BaseModel):
    """All categories of work, in the order in which they are shown; `other` must be among them."""

    model_config = example(
        items=[
            {"code": "lift", "zh": "电梯", "en": "Lift", "synonyms": ["elevator", "扶梯"], "skill": "lift"},
            {"code": "lift_entrapment", "zh": "电梯困人", "en": "Lift entrapment", "skill": "lift", "emergency": True},
            {"code": "other", "zh": "其他", "en": "Other"},
        ]
    )
    items: Annotated[list[CategoryRequest], Field(min_length=1, max_length=200)]


class WorkOrderActionRequest(BaseModel):
    """A step of an order; `technician` when dispatching by hand (G3). Other words for the same are understood."""

    model_config = example(note="On my way", technician="T004")
    note: Note | None = Field(default=None, validation_alias=AliasChoices("note", "text", "reason"))
    technician: Code | None = Field(default=None, validation_alias=AliasChoices("technician", "staff"))
