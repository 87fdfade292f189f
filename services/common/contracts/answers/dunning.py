"""VOCABULARY of dunning: arrears, ladder, sweeps, cases, disputes and plans of households (D1, D2, D3, D5, D8)."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field
from typing_extensions import TypedDict

from services.common.contracts.answers.base import Cursor
from services.common.contracts.answers.files import Liable
from services.common.contracts.answers.portfolio import Cause
from services.common.fields import Fen, Whole

Bucket = Literal["1-15", "16-30", "31-60", "61-365", "365+"]
ArrearsBy = Literal["bucket", "amount", "cause", "building", "steward"]
EfficiencyBy = Literal["step", "steward"]
StepKind = Literal["message", "task"]
StepChannel = Literal["sms", "email", "letter", "staff_task"]
Template = Literal[
    "dunning.reminder",
    "dunning.overdue_notice",
    "dunning.visit_task",
    "dunning.demand_letter",
    "dunning.formal_notice",
    "dunning.legal_file_task",
    "dunning.plan_offer_task",
    "dunning.problem_task",
    "dunning.vacancy_task",
    "dunning.settlement_task",
]
HoldSourceKind = Literal["complaint", "work_order", "payment", "plan", "waiver", "problem", "void", "promise"]
HoldReason = Literal[
    "open_complaint",
    "open_work_order",
    "payment_in_flight",
    "performing_plan",
    "pending_waiver",
    "promised_fix",
    "pending_void",
    "promise",
]
ContactKind = Literal["phone", "visit", "message", "letter", "other"]
ContactOutcome = Literal["reached", "not_reached", "promised", "refused", "disputed", "wrong_number", "other"]
PromiseStatus = Literal["open", "kept", "broken"]
SweepStatus = Literal["pending", "running", "done"]
DisputeOutcome = Literal["upheld", "amended", "rejected", "withdrawn"]
CauseFact = Literal[
    "legacy_dispute_on_file",
    "dispute_from_before",
    "all_units_vacant",
    "service_issues",
    "segment",
    "part_payments",
    "never_paid",
    "demands",
    "pays_when_reminded",
]

_Ages = TypedDict("_Ages", {"1-15": Fen, "16-30": Fen, "31-60": Fen, "61-365": Fen, "365+": Fen})
_Span = TypedDict("_Span", {"from": date, "to": date})


class OverdueByAge(_Ages):
    """Overdue principal by days overdue (D5)."""


class Arrears(TypedDict):
    """One household in arrears (D5)."""

    household: str
    estate: str
    building: Annotated[str, Field(description="Of its oldest overdue bill")]
    steward: str | None
    cause: Annotated[Cause | None, Field(description="For who reads dunning; else null")]
    overdue_fen: Fen
    disputed_fen: Annotated[Fen, Field(description="What of it is in dispute, in fen")]
    late_fee_fen: Fen
    credit_fen: Annotated[Fen, Field(description="Of the household, whatever it is kept for")]
    claim_fen: Annotated[Fen, Field(description="What is overdue and its late fee, less the credit")]
    bills: Whole
    oldest_due_date: date
    overdue_days: Whole
    bucket: Annotated[Bucket, Field(description="Of its oldest bill")]
    buckets: Annotated[OverdueByAge, Field(description="Each bill by its own age")]


class ArrearsGroup(TypedDict):
    """What households owe that are alike in one thing."""

    key: Annotated[str | None, Field(description="null: nobody answers for the building")]
    estate: Annotated[str | None, Field(description="Of a building; null where other things are grouped by")]
    households: Whole
    bills: Whole
    overdue_fen: Fen
    disputed_fen: Fen
    buckets: OverdueByAge


class ArrearsSummary(TypedDict):
    """Overdue principal and households by one thing (D5)."""

    group_by: ArrearsBy
    items: list[ArrearsGroup]
    next_cursor: Cursor
    overdue_fen: Fen


class ArrearsCause(TypedDict):
    """The cause now on record (D2)."""

    household: str
    cause: Cause
    note: Annotated[str | None, Field(description="Kept with the contacts")]


class LadderRung(TypedDict):
    """A step of the ladder: when, how, by which words, and what it requires (D1)."""

    code: str
    earliest_day: Annotated[Whole, Field(description="Days after the due date, negative before it")]
    latest_day: Annotated[Whole | None, Field(description="null: for ever")]
    kind: StepKind
    channels: list[StepChannel]
    template: Template
    requires: Annotated[list[str], Field(description="no_hold, or after:<code of an earlier step>")]
    deadline_days: Whole | None
    gap_days: Whole


class LadderTrack(TypedDict):
    """What stands instead of a step for households of a cause; null is as the step has it (D2)."""

    cause: Cause
    replaces: str
    code: Annotated[str | None, Field(description="null: the step is left out")]
    earliest_day: Whole | None
    latest_day: Whole | None
    kind: StepKind | None
    channels: list[StepChannel] | None
    template: Template | None
    requires: list[str] | None
    deadline_days: Whole | None
    gap_days: Whole | None


class Ladder(TypedDict):
    """The ladder that applies, and what stands instead of its steps by cause of arrears (D1, D2)."""

    estate: Annotated[str | None, Field(description="null: the group's")]
    inherited: Annotated[bool, Field(description="The estate uses the group's")]
    steps: list[LadderRung]
    tracks: list[LadderTrack]


class Sweep(TypedDict):
    """A sweep and how far it is (D1)."""

    id: UUID
    as_of: date
    status: SweepStatus
    estates_total: Whole
    estates_done: Whole
    actions: Whole
    held: Annotated[Whole, Field(description="Households whose step waits for a hold")]
    created_at: datetime
    finished_at: datetime | None


class TakenStep(TypedDict):
    """A step that was taken for a household."""

    step: str
    as_of: date
    due_date: date
    overdue_days: Whole
    overdue_fen: Fen
    late_fee_fen: Fen
    deadline: date | None
    bill_id: Annotated[Whole, Field(description="The oldest open bill of that day")]
    kind: Annotated[StepKind | None, Field(description="null: the ladder has no such step any more")]
    template: Template | None
    answered: Annotated[bool | None, Field(description="Of a task; null for a message")]


class Hold(TypedDict):
    """A time in which escalation was, or is, held (D3)."""

    reason: HoldReason
    since: datetime
    released_at: Annotated[datetime | None, Field(description="null: it stands")]
    until: Annotated[date | None, Field(description="The last day it stands, whatever else happens")]
    source: HoldSourceKind
    source_id: UUID


class NextStep(TypedDict):
    """What the next sweep will do, and from which day on."""

    step: str
    earliest_on: date
    promised_on: Annotated[date | None, Field(description="The day payment was promised for")]


class Contact(TypedDict):
    """A talk with the owner, as it was recorded (D1, D2)."""

    id: UUID
    household: str
    step: Annotated[str | None, Field(description="The step whose task it answers")]
    kind: Literal["phone", "visit", "message", "letter", "other", "assessment"]
    answer: Annotated[str, Field(description="What the owner said")]
    note: str | None
    promised_on: date | None
    cause: Cause | None
    outcome: ContactOutcome | None
    contacted_at: datetime
    contacted_by: str


class Dispute(TypedDict):
    """A dispute; meanwhile the bill stays owed and its late fee accrues, but no notice urges for it (D1, D3)."""

    id: UUID
    bill_id: Whole
    household: str
    status: Literal["open", "settled"]
    reason: str
    opened_at: datetime
    opened_by: Annotated[str | None, Field(description="For staff")]
    settled_at: datetime | None
    settled_by: Annotated[str | None, Field(description="For staff")]
    outcome: DisputeOutcome | None
    note: str | None


class HouseholdPlan(TypedDict):
    """A plan of a household (一户一策, D2); the one before is kept."""

    id: UUID
    household: str
    cause: Cause
    problem: Annotated[str | None, Field(description="What we promised to put right")]
    deadline: date | None
    responsible: str
    next_action: str
    note: str | None
    made_at: datetime
    made_by: str
    current: bool
    superseded_at: datetime | None
    fixed_at: datetime | None
    fixed_by: str | None
    fixed_note: str | None


class PaymentPromise(TypedDict):
    """A promise to pay, for which the ladder waits; the ledger says what became of it (D1, D3)."""

    id: UUID
    household: str
    promised_on: Annotated[date, Field(description="The last day on which no step is taken")]
    amount_fen: Annotated[Fen, Field(description="What was promised; all that was claimed when no sum was named")]
    paid_fen: Annotated[Fen, Field(description="What came from the day of the promise to the day promised")]
    status: PromiseStatus
    step: Annotated[str | None, Field(description="The last step before it; null: there was none")]
    note: str | None
    made_on: date
    recorded_at: datetime
    recorded_by: str


class CauseReason(TypedDict):
    """A fact that speaks for a cause, with its figures; null where the fact has none of the kind."""

    fact: CauseFact
    count: Whole | None
    bills: Whole | None
    days: Whole | None
    overdue_days: Whole | None
    segment: str | None
    liable: Liable | None


class SuggestedCause(TypedDict):
    """Which cause the facts suggest; people set it (D2)."""

    cause: Cause
    reasons: list[CauseReason]


class StaffNotes(TypedDict):
    """What staff keep about a household; an owner sees nothing of it."""

    contacts: list[Contact]
    cause_note: Annotated[str | None, Field(description="What was noted last when the cause was set")]
    promise: Contact | None
    promises: list[PaymentPromise]
    plan: HouseholdPlan | None
    plans: list[HouseholdPlan]
    suggested_cause: SuggestedCause | None


class DunningCase(StaffNotes):
    """What was said to a household and what holds the next step back (D1, D2, D3)."""

    household: str
    estate: str
    cause: Annotated[Cause | None, Field(description="For staff")]
    held: bool
    steps: Annotated[list[TakenStep], Field(description="An owner sees what was said to the household, no tasks")]
    holds: list[Hold]
    next_step: NextStep | None
    disputes: list[Dispute]


class DunningCaseSummary(TypedDict):
    """A household on the ladder with its last step."""

    household: str
    estate: str
    building: str
    step: str
    as_of: date
    due_date: date
    overdue_days: Whole
    overdue_fen: Fen
    cause: Cause
    held: bool
    answered: Annotated[bool | None, Field(description="Of a task; null for a message")]


class StepResult(TypedDict):
    """What a step, or a steward's steps, brought in; shares are of households."""

    key: Annotated[str | None, Field(description="null: nobody answers for the building")]
    taken: Whole
    households: Whole
    contacts: Whole
    paid_within_7: Whole
    paid_within_30: Whole
    recovered_7_fen: Fen
    recovered_30_fen: Fen
    share_7: float | None
    share_30: float | None


class Efficiency(_Span):
    """What each step, or each steward, brought in (D8)."""

    group_by: EfficiencyBy
    items: list[StepResult]
    next_cursor: Cursor
