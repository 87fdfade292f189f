"""Ratings over HTTP (H3)."""

from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field

from gateway.resources.base import example, shown
from services.common.fields import Note


class Survey(BaseModel):
    """An invitation to rate a finished order (H3)."""

    model_config = shown(
        id="0a6c2f7e-1d43-4b8e-9a52-7c1f8f3b6d10",
        work_order="5b1f9a54-6f57-4f0b-8a4e-3f2f6f0d9c11",
        household="GZ01-1-0101",
        estate="GZ01",
        status="open",
    )
    id: UUID


class Surveys(BaseModel):
    """Invitations."""

    items: list[Survey]
    next_cursor: str | None = None


class SurveyAnswerRequest(BaseModel):
    """One answer per invitation."""

    model_config = example(score=5, text="Quick and friendly")
    score: Annotated[int, Field(strict=True, ge=1, le=5)]
    text: Note | None = None


class SurveyResult(BaseModel):
    """Figures of a survey."""

    model_config = shown(id="0a6c2f7e-1d43-4b8e-9a52-7c1f8f3b6d10", invited=1, answered=1, csat=1.0, average=5.0)
