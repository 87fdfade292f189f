"""Answers to invitations to rate (H3)."""

from typing import Annotated

from pydantic import BaseModel, Field

from gateway.resources.base import example
from services.common.fields import INT64, Note


class SurveyAnswerRequest(BaseModel):
    """One answer per invitation."""

    model_config = example(score=5, text="Quick and friendly")
    score: Annotated[int, Field(strict=True, ge=1, le=5, json_schema_extra=INT64)]
    text: Note | None = None
