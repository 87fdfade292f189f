"""A change of policy as it is asked for, and answers put together from the services that keep policies (ADR 23)."""

from typing import Annotated, Literal

from fastapi import Body
from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from gateway.resources.base import Degraded, example
from services.common.contracts.answers.base import Cursor
from services.common.contracts.answers.policies import (
    AllocationOrder,
    CauseTracks,
    ClosureStages,
    ClosureTerms,
    ContactRules,
    DunningTerms,
    LateFeeRate,
    LateFeeTerms,
    PaymentTerms,
    PlanTerms,
    PolicyChange,
    PolicyStanding,
)
from services.common.fields import Code, Day, Note, Reason

PLAN = {"late_days": 20, "revives": False, "backdate_days": 3, "longest_months": 12}
WHEN = {"estate": "GZ01", "effective_from": "2027-01-01", "reason": "Resolution 2026-11 of the owners' committee"}


class _Change(BaseModel):
    """Of an estate, or of the group where it is left out; `values` null: the estate goes by the group's again."""

    model_config = example()
    estate: Code | None = None
    effective_from: Annotated[Day, Field(description="Today or later, late fee and allocation tomorrow or later")]
    reason: Reason


class LateFeeRateChange(_Change):
    """Another daily rate (C1)."""

    model_config = example(policy="late_fee_rate", values={"daily": "0.0002"}, **WHEN)
    policy: Literal["late_fee_rate"]
    values: LateFeeRate | None


class LateFeeTermsChange(_Change):
    """Another cap and grace, for bills due from the day on (C1)."""

    model_config = example(
        policy="late_fee_terms", values={"capped": True, "grace_days": 10, "grace_mode": "from_due"}, **WHEN
    )
    policy: Literal["late_fee_terms"]
    values: LateFeeTerms | None


class AllocationChange(_Change):
    """Another order within a bill, for money of the day or later (B9)."""

    model_config = example(policy="allocation", values={"order": "late_fee_first"}, **WHEN)
    policy: Literal["allocation"]
    values: AllocationOrder | None


class PlanChange(_Change):
    """Another end of plans signed from the day on (C3)."""

    model_config = example(policy="plan", values=PLAN, **WHEN)
    policy: Literal["plan"]
    values: PlanTerms | None


class TracksChange(_Change):
    """Other tracks of causes; the group's (D2)."""

    model_config = example(policy="tracks", values={"tracks": []}, **WHEN | {"estate": None})
    policy: Literal["tracks"]
    values: CauseTracks | None


class ClosureChange(_Change):
    """Another threshold, window or cap of the closure programme (D6)."""

    model_config = example(
        policy="closure",
        values={"overdue_days": 365, "opens": "09:00", "closes": "20:00", "cap_count": 2, "cap_days": 7},
        **WHEN,
    )
    policy: Literal["closure"]
    values: ClosureTerms | None


class ClosureStagesChange(_Change):
    """Other stages of the closure programme (D6)."""

    model_config = example(
        policy="closure_stages",
        values={"stages": [{"code": "steward", "position": 1, "days": 14, "after_outcome": None}]},
        **WHEN,
    )
    policy: Literal["closure_stages"]
    values: ClosureStages | None


_DUNNING = {"category": "dunning", "channels": ["sms"], "window": "09:00-20:00", "cap_count": 2, "cap_days": 7}


class ContactChange(_Change):
    """Another contact window, cap or order of channels (F3)."""

    model_config = example(policy="contact", values={"categories": [_DUNNING]}, **WHEN)
    policy: Literal["contact"]
    values: ContactRules | None


class DunningChange(_Change):
    """Another small amount, gap or promise (D1)."""

    model_config = example(
        policy="dunning",
        values={"small_amount_fen": 500, "gap_days": 7, "promise_days": 30, "promises_per_rung": 1},
        **WHEN,
    )
    policy: Literal["dunning"]
    values: DunningTerms | None


class PaymentChange(_Change):
    """Other limits of the desk and of what waits for money (E2, E3)."""

    model_config = example(policy="payment", values={"backdate_days": 3, "most_orders": 3, "transfer_days": 30}, **WHEN)
    policy: Literal["payment"]
    values: PaymentTerms | None


PolicyChangeRequest = Annotated[
    LateFeeRateChange
    | LateFeeTermsChange
    | AllocationChange
    | PlanChange
    | TracksChange
    | ClosureChange
    | ClosureStagesChange
    | ContactChange
    | DunningChange
    | PaymentChange,
    Body(discriminator="policy"),
]


class Decision(BaseModel):
    """With a note, if there is something to say."""

    model_config = example(note="As the committee resolved")
    note: Note | None = None


class Policies(TypedDict):
    """Every policy of every service as it holds today."""

    items: list[PolicyStanding]
    next_cursor: Cursor
    degraded: Degraded


class PolicyChanges(TypedDict):
    """Changes asked for, service by service, in each the newest first."""

    items: list[PolicyChange]
    next_cursor: Cursor
    degraded: Degraded
