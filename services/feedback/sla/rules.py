"""LAW of both clocks (H2): what is promised for which complaint, and when each step of the escalation chain is due."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

from services.common.contracts.answers.complaints import ComplaintClock
from services.common.contracts.answers.sla import Stage
from services.common.contracts.errors import Conflict
from services.common.domain.calendar import WorkingCalendar
from services.common.sla.rules import Commitment, Limit, commitment

ANY = "*"
Level = Literal["warning", "escalation", "breach"]
TARGET: Literal["target"] = "target"
COMMITMENT: Literal["commitment"] = "commitment"
STAGES: tuple[Stage, ...] = get_args(Stage)
CLOCKS: tuple[ComplaintClock, ...] = get_args(ComplaintClock)


@dataclass(frozen=True)
class Policy:
    """A row of the policy; '*' matches everything. Targets in wall-clock minutes, commitments in working days."""

    estate: str
    category: str
    level: str
    respond_minutes: int
    resolve_minutes: int
    respond_days: int
    resolve_days: int


@dataclass(frozen=True)
class Escalation:
    """A step of the chain: at `percent` of the clock's limit `role` is told; a commitment has its end only (100)."""

    step: int
    clock: ComplaintClock
    percent: int
    level: Level
    role: str


@dataclass(frozen=True)
class Promises:
    """What is due when. Targets are instants; commitments last until the end of a working day."""

    respond_target_by: datetime
    resolve_target_by: datetime
    respond: Commitment
    resolve: Commitment

    @property
    def provisional_year(self) -> int | None:
        """The year that must be announced before the commitments are certain."""
        return self.respond.unannounced_year or self.resolve.unannounced_year


@dataclass(frozen=True)
class Alarm:
    """When a step of the chain is due for one stage of one complaint."""

    round: int
    stage: Stage
    step: int
    clock: ComplaintClock
    level: Level
    role: str
    due_at: datetime
    alarm_at: datetime


def policy_for(policies: Sequence[Policy], estate: str, category: str, level: str) -> Policy:
    """The row that fits best: by category and level first, then by estate; of equals the stricter one."""
    fitting = [
        policy
        for policy in policies
        if policy.estate in (ANY, estate) and policy.category in (ANY, category) and policy.level in (ANY, level)
    ]
    if not fitting:
        raise Conflict("There is no policy for this complaint: the policy table lacks its general row.")
    return min(fitting, key=_closeness)


def _closeness(policy: Policy) -> tuple[int, bool, int]:
    criteria = (policy.category != ANY) + (policy.level != ANY)
    return (-criteria, policy.estate == ANY, policy.respond_minutes)


def promises(policy: Policy, received_at: datetime, calendar: WorkingCalendar) -> Promises:
    """What a complaint received (or received again) at this instant is promised."""
    return Promises(
        respond_target_by=Limit(policy.respond_minutes).ends(received_at, calendar),
        resolve_target_by=Limit(policy.resolve_minutes).ends(received_at, calendar),
        respond=commitment(received_at, policy.respond_days, calendar),
        resolve=commitment(received_at, policy.resolve_days, calendar),
    )


def alarm_at(step: Escalation, received_at: datetime, minutes: int, kept_until: datetime) -> datetime:
    """A commitment alarms when it is broken; a target at its share of the time."""
    if step.clock == COMMITMENT:
        return kept_until
    return received_at + Limit(minutes).share(step.percent)
