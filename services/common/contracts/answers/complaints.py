"""VOCABULARY of complaints: one with both its clocks and its history, and how the complaints of an estate stand (H)."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field
from typing_extensions import TypedDict

from services.common.contracts.answers.sla import Outcome, StageCounts, StageShares
from services.common.contracts.answers.surveys import SurveyTally
from services.common.fields import Whole

ComplaintCategory = Literal["service", "fee", "facility", "management"]
ComplaintStatus = Literal["registered", "responded", "resolved", "closed"]
ComplaintAction = Literal["respond", "resolve", "close", "reopen"]
ComplaintClock = Literal["target", "commitment"]


class ClockState(TypedDict):
    """How a stage stands by one clock."""

    outcome: Annotated[Outcome | None, Field(description="null: not done yet")]
    overdue: bool


class StageState(TypedDict):
    """How a stage stands by both clocks."""

    target: ClockState
    commitment: ClockState


class ComplaintClocks(TypedDict):
    """Both clocks of both stages (H2): targets run by the hour, commitments last to the end of a working day."""

    received_at: Annotated[datetime, Field(description="When the clocks of this round began")]
    respond_target_by: datetime
    resolve_target_by: datetime
    respond_commitment_by: datetime
    respond_commitment_on: date
    resolve_commitment_by: datetime
    resolve_commitment_on: date
    provisional: Annotated[bool, Field(description="A year it touches has no announced holidays yet: it may move")]
    respond: StageState
    resolve: StageState


class Complaint(TypedDict):
    """A complaint with all its clocks (H1, H2)."""

    id: UUID
    estate: str
    building: str | None
    household: Annotated[str | None, Field(description="null: nobody in particular complained")]
    category: ComplaintCategory
    level: Annotated[str, Field(description="normal, serious, major or a word of the group's own")]
    text: str
    channel: str
    status: ComplaintStatus
    accountable: Annotated[str | None, Field(description="Who received it first and answers for it (首问负责)")]
    handler: Annotated[str | None, Field(description="Who answered last")]
    round: Annotated[Whole, Field(description="1, and one more each time it was reopened")]
    created_at: datetime
    responded_at: datetime | None
    resolved_at: datetime | None
    closed_at: datetime | None
    clocks: ComplaintClocks


class ComplaintStep(TypedDict):
    """One line of a complaint's history."""

    action: Literal["register"] | ComplaintAction
    from_status: Annotated[ComplaintStatus | None, Field(description="null: it was registered")]
    to_status: ComplaintStatus
    by: str
    recorded_by: Annotated[str, Field(description="Who was signed in")]
    at: datetime
    text: str | None


class ComplaintRecord(Complaint):
    """A complaint with its history, oldest step first."""

    history: list[ComplaintStep]


class ClockCounts(TypedDict):
    """How many, by clock and stage."""

    target: StageCounts
    commitment: StageCounts


class ClockShares(TypedDict):
    """A share from 0 to 1, by clock and stage."""

    target: StageShares
    commitment: StageShares


class ComplaintFigures(TypedDict):
    """Open and late complaints, shares in time, handling rate and satisfaction (J2, H3)."""

    open: Whole
    overdue: ClockCounts
    within_limit: ClockShares
    handling_rate: Annotated[float | None, Field(description="Resolved of those received lately")]
    csat: Annotated[float | None, Field(description="Share of ratings that are 4 or 5")]
    survey: SurveyTally
    window_days: Annotated[Whole, Field(description="The days that shares, handling rate and ratings look back")]


class EstateComplaintFigures(ComplaintFigures):
    """The same for one estate."""

    estate: str


class GroupComplaintFigures(ComplaintFigures):
    """The same over all estates in the caller's scope, and one by one."""

    estates: list[EstateComplaintFigures]


class AnnouncedYear(TypedDict):
    """The working days of a year as taken over: how many days differ from an ordinary week (H2)."""

    year: Whole
    holidays: Whole
    makeup_days: Whole
