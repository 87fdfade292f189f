"""VOCABULARY of ratings: an invitation with its answer, and what many of them say together (H3)."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field
from typing_extensions import TypedDict

from services.common.fields import Whole

SurveyKind = Literal["order"]


class Survey(TypedDict):
    """An invitation to rate a finished order (回访), and its answer."""

    id: UUID
    kind: SurveyKind
    work_order: UUID
    estate: str
    building: str | None
    household: str
    category: str
    technician: str | None
    status: Literal["invited", "answered"]
    invited_at: datetime
    answered_at: datetime | None
    answered_by: Annotated[str | None, Field(description="Who was signed in")]
    score: Annotated[Whole | None, Field(description="1 (bad) to 5 (very good)")]
    text: str | None


class SurveyTally(TypedDict):
    """Figures of invitations; shares are null while nothing was counted."""

    responses: Whole
    invited: Whole
    response_rate: float | None
    csat: Annotated[float | None, Field(description="Share of answers that are 4 or 5")]
    average: Annotated[float | None, Field(description="1 to 5")]


class SurveyResult(SurveyTally):
    """Figures of one survey."""

    id: UUID
