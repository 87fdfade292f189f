"""LAW of the limits (G2): which policy row applies, and when each step of the escalation chain is due."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from services.common.contracts.answers.sla import Stage
from services.common.contracts.errors import Conflict
from services.common.domain.calendar import WorkingCalendar
from services.common.sla.rules import Clock, Running

ANY = "*"
Level = Literal["warning", "breach"]


@dataclass(frozen=True)
class Policy:
    """A row of the SLA policy; '*' matches everything."""

    estate: str
    category: str
    priority: str
    clock: Clock
    respond_minutes: int
    resolve_minutes: int


@dataclass(frozen=True)
class Escalation:
    """A step of the chain: at `percent` of the limit `role` is told, as a warning or as a breach."""

    step: int
    percent: int
    level: Level
    role: str


@dataclass(frozen=True)
class RunningStage:
    """A stage (respond, resolve) still to be done, its clock and the instant promised."""

    stage: Stage
    clock: Running
    due_at: datetime


@dataclass(frozen=True)
class Alarm:
    """When a step of the chain is due for one stage of one order."""

    round: int
    stage: Stage
    step: int
    level: Level
    role: str
    due_at: datetime
    alarm_at: datetime


def policy_for(policies: Sequence[Policy], estate: str, category: str, priority: str) -> Policy:
    """The row that fits best: by category and priority first, then by estate; of equals the stricter one.

    The estate comes second so that an estate's general limit never weakens the one for an emergency.
    """
    fitting = [
        policy
        for policy in policies
        if policy.estate in (ANY, estate) and policy.category in (ANY, category) and policy.priority in (ANY, priority)
    ]
    if not fitting:
        raise Conflict("There is no SLA policy for this order: the policy table lacks its general row.")
    return min(fitting, key=_closeness)


def _closeness(policy: Policy) -> tuple[int, bool, int]:
    criteria = (policy.category != ANY) + (policy.priority != ANY)
    return (-criteria, policy.estate == ANY, policy.respond_minutes)


def planned_alarms(
    round_: int, stages: Sequence[RunningStage], chain: Sequence[Escalation], calendar: WorkingCalendar
) -> list[Alarm]:
    """Every step of the chain for the clocks that run; none for one that pauses."""
    return [
        Alarm(round_, stage.stage, step.step, step.level, step.role, stage.due_at, at)
        for stage in stages
        for step in chain
        if (at := stage.clock.reaches(step.percent, calendar)) is not None
    ]
