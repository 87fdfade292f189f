"""Arrears, the ladder, sweeps, cases, disputes and plans of households (D1, D2, D3, D5, D8)."""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from gateway.resources.base import example, shown
from services.common.fields import Code, Day, Estates, Note, Text

_ID = "0a6c2f7e-1d43-4b8e-9a52-7c1f8f3b6d10"
_STEP = {
    "code": "demand_letter",
    "earliest_day": 16,
    "latest_day": 44,
    "kind": "message",
    "channels": ["letter", "email"],
    "template": "dunning.demand_letter",
    "requires": ["no_hold"],
    "deadline_days": 15,
    "gap_days": 7,
}
_LADDER = [
    {
        "code": "overdue_notice",
        "earliest_day": 1,
        "latest_day": 15,
        "kind": "message",
        "channels": ["sms", "email"],
        "template": "dunning.overdue_notice",
        "requires": ["no_hold"],
    },
    _STEP,
]
Days = Annotated[int, Field(strict=True, ge=-365, le=36500)]


class ArrearsCauseRequest(BaseModel):
    """Why the household does not pay (D2); each cause has its own track."""

    model_config = example(cause="dissatisfied", note="Lift noise, promised to be fixed by Friday")
    cause: Code
    note: Note | None = None


class ArrearsCause(BaseModel):
    """The cause now on record."""

    model_config = shown(household="GZ01-1-0101", cause="dissatisfied")


class Arrears(BaseModel):
    """One household in arrears (D5)."""

    model_config = shown(
        household="GZ01-1-0101",
        estate="GZ01",
        building="1",
        overdue_fen=31814,
        disputed_fen=0,
        late_fee_fen=48,
        oldest_due_date="2026-11-15",
        overdue_days=5,
        bucket="1-15",
        cause="unknown",
        steward="S001",
    )
    household: str


class ArrearsSummary(BaseModel):
    """Overdue principal and households by one thing (D5)."""

    model_config = shown(
        group_by="bucket",
        overdue_fen=31814,
        items=[{"key": "1-15", "households": 1, "bills": 1, "overdue_fen": 31814, "disputed_fen": 0}],
    )
    items: list[Any]


class LadderStep(BaseModel):
    """A step of the ladder (D1): when, how, by which words, and what it requires (`no_hold`, `after:<code>`)."""

    model_config = example(**_STEP)
    code: Code
    earliest_day: Days = Field(description="Days after the due date, negative before it")
    latest_day: Days | None = Field(default=None, description="null: for ever")
    kind: Literal["message", "task"]
    channels: Annotated[list[Code], Field(max_length=5)]
    template: Code = Field(description="One of a closed list; none cuts or threatens supply or access")
    requires: Annotated[list[Code], Field(max_length=20)] = []
    deadline_days: Annotated[int, Field(strict=True, ge=1, le=365)] | None = None
    gap_days: Annotated[int, Field(strict=True, ge=1, le=365)] = 1


class LadderRequest(BaseModel):
    """A whole ladder, of an estate or (without one) of the group; no steps: the estate uses the group's again."""

    model_config = example(estate="GZ01", steps=_LADDER)
    estate: Code | None = None
    steps: Annotated[list[LadderStep], Field(max_length=50)]


class Ladder(BaseModel):
    """The ladder that applies, and what stands instead of its steps by cause of arrears."""

    model_config = shown(
        estate="GZ01",
        inherited=False,
        steps=[_STEP],
        tracks=[{"cause": "hardship", "replaces": "demand_letter", "code": "plan_offer", "kind": "task"}],
    )
    steps: list[Any]
    tracks: list[Any]


class SweepRequest(BaseModel):
    """Decide which steps of the ladder are due on a day (D1); repeating it decides nothing twice."""

    model_config = example(as_of="2026-11-20", estates=["GZ01"])
    as_of: Day
    estates: Estates | None = None


class Sweep(BaseModel):
    """A sweep and how far it is."""

    model_config = shown(
        id=_ID, as_of="2026-11-20", status="done", estates_total=3, estates_done=3, actions=118, held=4
    )
    id: UUID
    status: str


class DunningCase(BaseModel):
    """What was said to a household and what holds the next step back (D1, D2, D3)."""

    model_config = shown(
        household="GZ01-1-0101",
        steps=[{"step": "overdue_notice", "as_of": "2026-11-16", "overdue_fen": 31814, "answered": None}],
        holds=[{"reason": "open_complaint", "since": "2026-11-18T02:00:00+00:00", "released_at": None, "until": None}],
        next_step={"step": "visit", "earliest_on": "2026-11-25", "promised_on": None},
        suggested_cause={"cause": "dissatisfied", "reasons": [{"fact": "service_issues", "count": 1}]},
        disputes=[],
        plan=None,
        promise=None,
    )
    household: str | None = None
    steps: list[Any] = []
    holds: list[Any] = []
    next_step: Any = None


class DunningCaseSummary(BaseModel):
    """A case in a list."""

    model_config = shown(
        household="GZ01-1-0101", estate="GZ01", step="visit", overdue_fen=31814, held=True, answered=False
    )
    household: str


class ContactRequest(BaseModel):
    """A talk with the owner, recorded (D1); with `step` it answers the task of that step."""

    model_config = example(
        step="visit",
        kind="phone",
        outcome="promised",
        answer="Will pay after salary day",
        promised_on="2026-11-28",
        cause="forgot",
        note="called at 18:30",
    )
    kind: Code
    answer: Text
    outcome: Code | None = Field(
        default=None, description="reached, not_reached, promised, refused, disputed, wrong_number, other"
    )
    step: Code | None = None
    note: Note | None = None
    promised_on: Day | None = None
    cause: Code | None = None


class Contact(BaseModel):
    """The contact as it was recorded."""

    model_config = shown(id=_ID, household="GZ01-1-0101", kind="phone", outcome="promised")


class DisputeRequest(BaseModel):
    """Why a bill is disputed."""

    model_config = example(reason="The lift was out of order the whole month")
    reason: Text


class SettleDisputeRequest(BaseModel):
    """How a dispute ended: upheld (wrong, to be voided), amended (put right, the rest stands), rejected, withdrawn."""

    model_config = example(outcome="rejected", note="Lift log shows two hours")
    outcome: Literal["upheld", "amended", "rejected", "withdrawn"]
    note: Text


class Dispute(BaseModel):
    """A dispute; meanwhile the bill stays owed and its late fee accrues, but no notice urges for it."""

    model_config = shown(
        id=_ID,
        bill_id="48211",
        household="GZ01-1-0101",
        status="open",
        reason="The lift was out of order",
        outcome=None,
    )
    id: UUID
    status: str


class HouseholdPlanRequest(BaseModel):
    """What is done about a household (一户一策, D2); a problem with a deadline holds escalation until it is fixed."""

    model_config = example(
        cause="dissatisfied",
        problem="Lift 2 is noisy",
        deadline="2026-12-05",
        responsible="S001",
        next_action="Bring the lift company in",
        note=None,
    )
    cause: Code
    responsible: Text
    next_action: Text
    problem: Text | None = None
    deadline: Day | None = None
    note: Note | None = None


class FixedRequest(BaseModel):
    """How the problem was put right."""

    model_config = example(note="Bearing replaced; the owner agrees")
    note: Text


class HouseholdPlan(BaseModel):
    """A plan of a household; the one before is kept."""

    model_config = shown(
        id=_ID, household="GZ01-1-0101", cause="dissatisfied", problem="Lift 2 is noisy", current=True, fixed_at=None
    )
    id: UUID


class Efficiency(BaseModel):
    """What each step, or each steward, brought in (D8)."""

    model_config = shown(
        **{"from": "2026-10-01", "to": "2026-10-31"},
        group_by="step",
        items=[{"key": "overdue_notice", "taken": 40, "paid_within_7": 18, "recovered_30_fen": 9120, "share_30": 0.6}],
    )
    items: list[Any]
