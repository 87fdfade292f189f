"""LAW of ratings (H3): one answer per invitation; satisfied means 4 or 5 of 5."""

from dataclasses import asdict, dataclass, replace
from datetime import datetime
from uuid import UUID

from services.common.contracts.answers.surveys import SurveyKind, SurveyTally
from services.common.contracts.errors import Conflict

SATISFIED_SCORES = (4, 5)


@dataclass(frozen=True)
class Survey:
    """One invitation to rate a finished order, and its answer."""

    id: UUID
    kind: SurveyKind
    work_order_id: UUID
    estate: str
    building: str | None
    household: str
    category: str
    technician: str | None
    invited_at: datetime
    answered_at: datetime | None = None
    answered_by: str | None = None
    request_id: UUID | None = None
    score: int | None = None
    text: str | None = None


@dataclass(frozen=True)
class Answer:
    """What somebody thinks: `score` 1 (bad) to 5 (very good)."""

    request_id: UUID
    score: int
    text: str | None


@dataclass(frozen=True)
class Tally:
    """Counts over invitations; shares are None while nothing was counted."""

    invited: int = 0
    responses: int = 0
    satisfied: int = 0
    total: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            self.invited + other.invited,
            self.responses + other.responses,
            self.satisfied + other.satisfied,
            self.total + other.total,
        )

    @property
    def csat(self) -> float | None:
        """Share of answers that are 4 or 5."""
        return round(self.satisfied / self.responses, 4) if self.responses else None

    def as_result(self) -> SurveyTally:
        """Shares 0 to 1, average 1 to 5."""
        return SurveyTally(
            responses=self.responses,
            invited=self.invited,
            response_rate=round(self.responses / self.invited, 4) if self.invited else None,
            csat=self.csat,
            average=round(self.total / self.responses, 4) if self.responses else None,
        )


def tally_of(survey: Survey) -> Tally:
    """One invitation's part."""
    if survey.score is None:
        return Tally(invited=1)
    return Tally(1, 1, int(survey.score in SATISFIED_SCORES), survey.score)


def answer(survey: Survey, reply: Answer, by: str, at: datetime) -> Survey:
    """The survey with its answer; a second answer is a Conflict."""
    if survey.answered_at is not None:
        raise Conflict("This invitation was answered already: one answer per invitation.")
    return replace(survey, answered_at=at, answered_by=by, **asdict(reply))
