"""VOCABULARY of policies: which there are, what each may say, and how one is changed by two people (ADR 23).

The values of a policy are the same in a request, in the history and in what holds today.
"""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import ConfigDict, Field, StringConstraints, with_config
from typing_extensions import TypedDict

from services.common.contracts.answers.dunning import StepChannel, StepKind
from services.common.contracts.answers.notifications import MessageCategory, MessageChannel
from services.common.contracts.answers.portfolio import Cause
from services.common.fields import FEN, INT64, Code

PolicyName = Literal[
    "late_fee_rate",
    "late_fee_terms",
    "allocation",
    "plan",
    "tracks",
    "closure",
    "closure_stages",
    "contact",
    "dunning",
    "payment",
]
ChangeStatus = Literal["pending", "approved", "rejected", "withdrawn"]
PolicySource = Literal["group", "estate"]

ClockTime = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
TimeSpan = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-4]):[0-5][0-9]-([01][0-9]|2[0-4]):[0-5][0-9]$")]
DailyRateText = Annotated[str, StringConstraints(pattern=r"^0(\.[0-9]{1,8})?$")]


def _whole(first: int, last: int, description: str | None = None) -> object:
    return Field(strict=True, ge=first, le=last, description=description, json_schema_extra=INT64)


LadderDay = Annotated[int, _whole(-365, 3650, "After the due date")]
Days = Annotated[int, _whole(1, 3650)]
SomeDays = Annotated[int, _whole(0, 365)]
Count = Annotated[int, _whole(1, 100)]
Position = Annotated[int, _whole(1, 50)]
_exact = with_config(ConfigDict(extra="forbid"))


@_exact
class LateFeeRate(TypedDict):
    """What a day overdue costs (C1); from its day on, the days before keep theirs."""

    daily: Annotated[DailyRateText, Field(description="Of the principal, as decimal text", examples=["0.0003"])]


@_exact
class LateFeeTerms(TypedDict):
    """Cap and grace of bills that fall due on its day or later (C1); others keep theirs."""

    capped: Annotated[bool, Field(strict=True, description="At the principal")]
    grace_days: SomeDays
    grace_mode: Literal["from_due", "after_grace"]


@_exact
class AllocationOrder(TypedDict):
    """What money of its day or later pays first within a bill (B9)."""

    order: Literal["principal_first", "late_fee_first"]


@_exact
class PlanTerms(TypedDict):
    """When an instalment plan signed from its day on is broken, and what everybody may agree on (C3)."""

    late_days: Annotated[int, _whole(0, 365, "An instalment that is more days late breaks the plan")]
    revives: Annotated[bool, Field(strict=True, description="Catching up mends it")]
    backdate_days: Annotated[int, _whole(0, 365, "How many days ago it may be signed, but by finance")]
    longest_months: Annotated[int, _whole(1, 120, "After the signing its last instalment is due, but by finance")]


@_exact
class TrackStep(TypedDict):
    """What stands for households of a cause instead of a rung (D2); `code` null: nothing; null elsewhere: as it has."""

    cause: Cause
    replaces: Annotated[Code, Field(description="Code of a rung of the group's ladder")]
    code: Code | None
    earliest_day: LadderDay | None
    latest_day: LadderDay | None
    kind: StepKind | None
    channels: Annotated[list[StepChannel], Field(max_length=10)] | None
    template: Code | None
    requires: Annotated[list[Code], Field(max_length=20)] | None
    deadline_days: Days | None
    gap_days: Days | None


@_exact
class CauseTracks(TypedDict):
    """The tracks of all causes (D2), of the group."""

    tracks: Annotated[list[TrackStep], Field(max_length=200)]


@_exact
class ClosureTerms(TypedDict):
    """Who is enrolled in the closure programme, and when an owner may be met (D6)."""

    overdue_days: Annotated[int, _whole(1, 3650, "A bill that is more days overdue enrols its household")]
    opens: ClockTime
    closes: Annotated[ClockTime, Field(description="Exclusive")]
    cap_count: Annotated[Count, Field(description="At most so many appointments …")]
    cap_days: Annotated[Days, Field(description="… within so many days")]


@_exact
class ClosureStage(TypedDict):
    """A stage; with `after_outcome` it stands beside the usual one of its position, for cases that ended so."""

    code: Code
    position: Position
    days: Annotated[Days, Field(description="How long a case may stay in it")]
    after_outcome: Literal["service_problem"] | None


@_exact
class ClosureStages(TypedDict):
    """The stages of the closure programme (D6)."""

    stages: Annotated[list[ClosureStage], Field(min_length=1, max_length=50)]


@_exact
class CategoryContact(TypedDict):
    """How a category of messages may reach people (F3)."""

    category: MessageCategory
    channels: Annotated[list[MessageChannel], Field(min_length=1, max_length=10, description="In this order")]
    window: Annotated[TimeSpan | None, Field(description="For sms and email, Asia/Shanghai; null: any time")]
    cap_count: Annotated[Count | None, Field(description="At most so many by sms and email …")]
    cap_days: Annotated[Days | None, Field(description="… within so many days; null: no cap")]


@_exact
class ContactRules(TypedDict):
    """How messages may reach people, by category (F3); of an estate only those that differ."""

    categories: Annotated[list[CategoryContact], Field(min_length=1, max_length=20)]


PolicyFen = Annotated[int, Field(strict=True, ge=0, le=10_000_000, json_schema_extra=FEN)]


@_exact
class DunningTerms(TypedDict):
    """From which claim on, and how fast, a household is urged (D1)."""

    small_amount_fen: Annotated[PolicyFen, Field(description="For so much or less nobody is urged")]
    gap_days: Annotated[int, _whole(1, 365, "Least days between two rungs")]
    promise_days: Annotated[int, _whole(0, 365, "How far ahead a promise to pay may lie")]
    promises_per_rung: Annotated[int, _whole(0, 100, "So many of them pause the ladder between two rungs")]


@_exact
class PaymentTerms(TypedDict):
    """What is let happen with payments (E2, E3)."""

    backdate_days: Annotated[int, _whole(0, 365, "By so many days the desk may date money back")]
    most_orders: Annotated[int, _whole(1, 100, "So many orders of a household may wait at a time")]
    transfer_days: Annotated[int, _whole(1, 365, "So long a transfer is waited for")]


PolicyValues = (
    LateFeeRate
    | LateFeeTerms
    | AllocationOrder
    | PlanTerms
    | CauseTracks
    | ClosureTerms
    | ClosureStages
    | ContactRules
    | DunningTerms
    | PaymentTerms
)


class PolicyChange(TypedDict):
    """A change of a policy: asked for by one person, granted by another, in force from a day on (ADR 23)."""

    id: UUID
    policy: PolicyName
    estate: Annotated[str | None, Field(description="null: the group's")]
    values: Annotated[PolicyValues | None, Field(description="null: the estate goes by the group's again")]
    effective_from: date
    reason: str
    status: ChangeStatus
    requested_by: str
    requested_at: datetime
    decided_by: Annotated[str | None, Field(description="Who granted, refused or withdrew it")]
    decided_at: datetime | None
    note: str | None
    applied_at: Annotated[datetime | None, Field(description="null: its day has not come")]


class PolicyStanding(TypedDict):
    """What holds today, and where it comes from."""

    policy: PolicyName
    estate: Annotated[str | None, Field(description="As asked for; null: the group")]
    source: Annotated[PolicySource, Field(description="group: the estate goes by the group's")]
    values: PolicyValues
    since: Annotated[date | None, Field(description="null: as the product came")]
    change_id: Annotated[UUID | None, Field(description="The change that brought it")]


class PolicyStandings(TypedDict):
    """Every policy of a service."""

    items: list[PolicyStanding]
    next_cursor: Annotated[str | None, Field(description="null: the list is short")]


class PolicyHistory(PolicyStanding):
    """A policy with all changes asked for, the newest first."""

    changes: list[PolicyChange]
