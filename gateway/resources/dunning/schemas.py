"""Arrears, the ladder, sweeps, cases, disputes and plans of households (D1, D2, D3, D5, D8)."""

from typing import Annotated

from pydantic import BaseModel, Field

from gateway.resources.base import example
from services.common.contracts.answers.dunning import DisputeOutcome, StepKind
from services.common.fields import INT64, Code, Day, Estates, Note, PositiveFen, Text

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
Days = Annotated[int, Field(strict=True, ge=-365, le=36500, json_schema_extra=INT64)]
Count = Annotated[int, Field(strict=True, ge=1, le=365, json_schema_extra=INT64)]


class ArrearsCauseRequest(BaseModel):
    """Why the household does not pay (D2); each cause has its own track."""

    model_config = example(cause="dissatisfied", note="Lift noise, promised to be fixed by Friday")
    cause: Code
    note: Note | None = None


class LadderStep(BaseModel):
    """A step of the ladder (D1): when, how, by which words, and what it requires (`no_hold`, `after:<code>`)."""

    model_config = example(**_STEP)
    code: Code
    earliest_day: Days = Field(description="Days after the due date, negative before it")
    latest_day: Days | None = Field(default=None, description="null: for ever")
    kind: StepKind
    channels: Annotated[list[Code], Field(max_length=5)]
    template: Code = Field(description="One of a closed list; none cuts or threatens supply or access")
    requires: Annotated[list[Code], Field(max_length=20)] = []
    deadline_days: Count | None = None
    gap_days: Count = 1


class LadderRequest(BaseModel):
    """A whole ladder, of an estate or (without one) of the group; no steps: the estate uses the group's again."""

    model_config = example(estate="GZ01", steps=_LADDER)
    estate: Code | None = None
    steps: Annotated[list[LadderStep], Field(max_length=50)]


class SweepRequest(BaseModel):
    """Decide which steps of the ladder are due on a day (D1); repeating it decides nothing twice."""

    model_config = example(as_of="2026-11-20", estates=["GZ01"])
    as_of: Day
    estates: Estates | None = None


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


class PromiseRequest(BaseModel):
    """A promise to pay: the ladder waits until its day, once after each step."""

    model_config = example(promised_on="2026-11-28", amount_fen=30000, note="after salary day")
    promised_on: Day
    amount_fen: PositiveFen | None = Field(default=None, description="In fen; null: all that is claimed")
    note: Note | None = None


class DisputeRequest(BaseModel):
    """Why a bill is disputed."""

    model_config = example(reason="The lift was out of order the whole month")
    reason: Text


class SettleDisputeRequest(BaseModel):
    """How a dispute ended: upheld (wrong, to be voided), amended (put right, the rest stands), rejected, withdrawn."""

    model_config = example(outcome="rejected", note="Lift log shows two hours")
    outcome: DisputeOutcome
    note: Text


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
