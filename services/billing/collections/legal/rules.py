"""LAW of legal action (D4): when a suit may be filed, which actions there are, and that no debtor is put on show.

The kinds of `LegalKind` are all there are: none cuts power, water, heat, gas, access or lift (民法典第944条), and none
can be added by data.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import get_args

from services.common.contracts.answers.legal import Condition, ConditionName, FileStatus, LegalKind

KINDS: tuple[LegalKind, ...] = get_args(LegalKind)
PROCEEDINGS: tuple[str, ...] = ("mediation", "suit", "arbitration")

OVERDUE: ConditionName = "overdue_long_enough"
DELIVERED: ConditionName = "demand_delivered"
DEADLINE: ConditionName = "deadline_passed"
NO_COMPLAINT: ConditionName = "no_open_complaint"
NO_PLAN: ConditionName = "no_performing_plan"
URGED: ConditionName = "committee_urged"
GATE = (OVERDUE, DELIVERED, DEADLINE, NO_COMPLAINT, NO_PLAN, URGED)
# What must hold before a file of a kind is opened, and again before it is filed. An amicable way is always open.
REQUIRES: dict[LegalKind, tuple[ConditionName, ...]] = {
    "lawyers_letter": (NO_COMPLAINT, NO_PLAN),
    "mediation": (),
    "suit": GATE,
    "arbitration": GATE,
}
_NEXT: dict[FileStatus, frozenset[FileStatus]] = {
    "opened": frozenset({"filed", "settled", "withdrawn"}),
    "filed": frozenset({"settled", "withdrawn", "judgment"}),
    "settled": frozenset(),
    "withdrawn": frozenset(),
    "judgment": frozenset(),
}
# Templates whose delivery is a demand for payment: it opens the gate's second condition and restarts limitation.
DEMANDS = frozenset({"dunning.demand_letter", "dunning.formal_notice"})
# The template under which a delivered lawyer's letter is kept.
LAWYERS_LETTER = "legal.lawyers_letter"


@dataclass(frozen=True)
class LegalPolicy:
    """`suit_days`: more days overdue than this. `demand_days`: the time a demand gives that names no deadline."""

    suit_days: int = 60
    demand_days: int = 15
    publication: bool = False


@dataclass(frozen=True)
class Demand:
    """A delivered demand for payment. It covers the bills that were overdue on the day it speaks of."""

    stated_on: date
    delivered_on: date
    deadline: date | None = None

    def covers(self, due: date) -> bool:
        """Whether a bill due then was overdue when it was written."""
        return due < self.stated_on

    def answer_by(self, policy: LegalPolicy) -> date:
        """The last day the debtor had; never a day on which the demand was not there yet."""
        if self.deadline is None:
            return self.delivered_on + timedelta(days=policy.demand_days)
        return max(self.deadline, self.delivered_on)


@dataclass(frozen=True)
class GateFacts:
    """What is known of a household on a day; `oldest_due` is of its oldest open bill that is not disputed.

    `is_claimed`: what its undisputed bills claim, less its credit, is worth urging for.
    """

    as_of: date
    oldest_due: date | None
    is_claimed: bool
    demands: Sequence[Demand] = ()
    complaints_since: Sequence[date] = ()
    plans_since: Sequence[date] = ()
    urgings: Sequence[date] = ()
    policy: LegalPolicy = field(default_factory=LegalPolicy)


def suit_gate(facts: GateFacts) -> list[Condition]:
    """All six conditions, in the order of the product page; the gate is open when all are met (D4)."""
    return [_overdue(facts), _delivered(facts), _deadline(facts), *_holds(facts), _urged(facts)]


def unmet(conditions: Iterable[Condition], kind: LegalKind) -> list[Condition]:
    """What stands against an action of this kind."""
    return [condition for condition in conditions if condition.name in REQUIRES[kind] and not condition.met]


def may_follow(now: FileStatus, then: FileStatus) -> bool:
    """Whether a file in status `now` may get status `then`."""
    return then in _NEXT[now]


def is_final(status: FileStatus) -> bool:
    """Whether nothing comes after it."""
    return not _NEXT[status]


def publication_conditions(policy: LegalPolicy, consent_since: date | None) -> list[Condition]:
    """Putting a debtor on show needs a policy that is off by default AND the debtor's own recorded consent (PIPL)."""
    off = "" if policy.publication else "publication of debtors is switched off"
    missing = "" if consent_since else "the household has not given separate consent"
    return [
        Condition("publication_switched_on", policy.publication, None, off),
        Condition("separate_consent", consent_since is not None, consent_since, missing),
    ]


def _overdue(facts: GateFacts) -> Condition:
    if facts.oldest_due is None:
        return Condition(OVERDUE, met=False, since=None, why="no bill is open and undisputed")
    if not facts.is_claimed:
        return Condition(OVERDUE, met=False, since=None, why="less the credit too little is owed to urge for it")
    first = facts.oldest_due + timedelta(days=facts.policy.suit_days + 1)
    if facts.as_of < first:
        days = max(0, (facts.as_of - facts.oldest_due).days)
        why = f"{days} days overdue, more than {facts.policy.suit_days} are needed: on {first}"
        return Condition(OVERDUE, met=False, since=None, why=why)
    return Condition(OVERDUE, met=True, since=first, why="")


def _known(facts: GateFacts) -> list[Demand]:
    """Demands delivered by that day which cover the oldest bill, by the day the time they give ends."""
    due = facts.oldest_due
    found = [d for d in facts.demands if due is not None and d.covers(due) and d.delivered_on <= facts.as_of]
    return sorted(found, key=lambda demand: (demand.answer_by(facts.policy), demand.delivered_on))


def _delivered(facts: GateFacts) -> Condition:
    demands = _known(facts)
    if not demands:
        return Condition(DELIVERED, met=False, since=None, why="no demand for the oldest bill is proven delivered")
    return Condition(DELIVERED, met=True, since=min(demand.delivered_on for demand in demands), why="")


def _deadline(facts: GateFacts) -> Condition:
    demands = _known(facts)
    if not demands:
        return Condition(DEADLINE, met=False, since=None, why="no deadline runs before a demand is delivered")
    last = demands[0].answer_by(facts.policy)
    if facts.as_of <= last:
        return Condition(DEADLINE, met=False, since=None, why=f"the demand gives time until {last}")
    return Condition(DEADLINE, met=True, since=last + timedelta(days=1), why="")


def _holds(facts: GateFacts) -> list[Condition]:
    kinds = ((NO_COMPLAINT, "a complaint", facts.complaints_since), (NO_PLAN, "an instalment plan", facts.plans_since))
    return [
        Condition(name, not since, None, f"{what} stands since {min(since)}" if since else "")
        for name, what, since in kinds
    ]


def _urged(facts: GateFacts) -> Condition:
    """The owners' committee must have urged for these arrears, not for others long ago."""
    due = facts.oldest_due
    days = [on for on in facts.urgings if due is not None and due < on <= facts.as_of]
    if not days:
        return Condition(URGED, met=False, since=None, why="no urging by the owners' committee is on record")
    return Condition(URGED, met=True, since=min(days), why="")


def named_by(cause: str, household: str) -> tuple[int | None, str]:
    """(bill id or None, step) that a dunning message's cause names: "dunning:<household>:<bill id>:<step>"."""
    parts = cause.removeprefix(f"dunning:{household}:").split(":")
    bill = parts[0] if len(parts) > 1 and parts[0].isdecimal() else None
    return (int(bill) if bill else None), parts[-1]
