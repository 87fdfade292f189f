"""LAW of what an event makes us say: to whom, about what, by which template, over which channels (F1, F4).

Every function is event → drafts. `cause` names the reason once and for all: one message per (recipient, cause).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import ROUND_DOWN, Decimal
from uuid import NAMESPACE_URL, UUID, uuid5

from services.common.contracts.answers.notifications import MessageCategory, RecipientKind
from services.common.contracts.events import (
    CollectionBelowPlan,
    ComplaintAnswered,
    ComplaintSlaAlarm,
    DunningItem,
    DunningStepsDue,
    LimitationItem,
    LimitationWarned,
    PaymentAllocated,
    PaymentReallocated,
    RatingInvited,
    WorkOrderSlaAlarm,
)
from services.common.domain.calendar import SHANGHAI, business_date
from services.common.domain.money import yuan
from services.notifications.templates.rules import (
    BELOW_PLAN,
    COMPLAINT,
    LIMITATION_TASK,
    RATING,
    RECEIPT,
    RECEIPT_CORRECTED,
    SLA,
    Facts,
    term,
    terms,
)

NAMESPACE = uuid5(NAMESPACE_URL, "https://estateloop.invalid/messages")
MANAGER = "estate_manager"
HOUSEHOLD: RecipientKind = "household"
STAFF: RecipientKind = "staff"
DUNNING: MessageCategory = "dunning"
REVISION = "revision"

StaffOf = Callable[[str, str], Sequence[str]]
"""(estate, role) → staff codes of that role on that estate, sorted; empty when none is known."""


@dataclass(frozen=True)
class Draft:
    """A message before it is queued. `channels` are those the event asks for, tried before the policy's own."""

    recipient: str
    recipient_kind: RecipientKind
    cause: str
    category: MessageCategory
    template: str
    estate: str
    business_on: date
    variables: Facts
    channels: tuple[str, ...] = ()
    building: str | None = None
    household: str | None = None
    assignee: str | None = None

    @property
    def id(self) -> UUID:
        """The same for the same recipient and cause, even after a restored backup: providers de-duplicate by it."""
        return uuid5(NAMESPACE, f"{self.recipient}\n{self.cause}")


def urge(event: DunningStepsDue, staff_of: StaffOf) -> list[Draft]:
    """One draft per step of the ladder that is due (D1)."""
    return [_task(event, item, staff_of) if item.kind == "task" else _urging(event, item) for item in event.items]


def warn_of_limitation(event: LimitationWarned, staff_of: StaffOf) -> list[Draft]:
    """One task per bill whose claim expires (D4): the manager's, because a steward cannot start proceedings."""
    manager = next(iter(staff_of(event.estate, MANAGER)), None)
    return [_limitation_task(event, item, manager) for item in event.items]


def _limitation_task(event: LimitationWarned, item: LimitationItem, manager: str | None) -> Draft:
    return Draft(
        recipient=manager or role_box(event.estate, MANAGER),
        recipient_kind=STAFF,
        cause=item.cause,
        category="task",
        template=LIMITATION_TASK,
        estate=event.estate,
        business_on=event.as_of,
        variables={
            "household": item.household,
            "bill": str(item.bill_id),
            "amount_yuan": yuan(item.outstanding_fen),
            "due_date": item.due_date.isoformat(),
            "expires_on": item.expires_on.isoformat(),
            "days_left": str(item.days_left),
            "steward": item.steward,
        },
        channels=("staff_task",),
        building=item.building,
        household=item.household,
        assignee=manager,
    )


def receipt(event: PaymentAllocated | PaymentReallocated, revision: int = 0, *, corrects: bool = False) -> Draft:
    """What arrived, and what it was used for. Transactional: no window, no cap (F3).

    `corrects`: it says otherwise than what the household was told of the payment before.
    """
    principal = sum(part.principal_fen for part in event.allocations)
    late_fee = sum(part.late_fee_fen for part in event.allocations)
    return _to_household(
        event.household,
        f"{receipt_cause(event.payment_id)}:{revision}" if corrects else receipt_cause(event.payment_id),
        "receipt",
        RECEIPT_CORRECTED if corrects else RECEIPT,
        event.estate,
        event.business_date,
        {
            "paid_yuan": yuan(event.amount_fen),
            "principal_yuan": yuan(principal),
            "late_fee_yuan": yuan(late_fee),
            "credit_yuan": yuan(event.credit_fen),
            "business_date": event.business_date.isoformat(),
            "payment": str(event.payment_id),
            REVISION: str(revision),
        },
    )


def receipt_cause(payment_id: UUID) -> str:
    """Why a receipt is sent; corrections of it have causes that begin with this."""
    return f"receipt:{payment_id}"


def revision_of(facts: Facts) -> int:
    """Which word of billing about a payment its receipt was made of."""
    revision = facts.get(REVISION)
    return int(revision) if isinstance(revision, str) else 0


def says_the_same(facts: Facts, other: Facts) -> bool:
    """Whether two receipts of a payment read the same."""
    return {**facts, REVISION: None} == {**other, REVISION: None}


def answer(event: ComplaintAnswered, now: datetime) -> list[Draft]:
    """Tell the complainant; an anonymous complaint has nobody to tell (H1)."""
    if event.household is None:
        return []
    cause = f"complaint:{event.complaint_id}:{event.stage}"
    facts: Facts = {"reference": _short(event.complaint_id)}
    return [
        _to_household(
            event.household, cause, "complaint", COMPLAINT[event.stage], event.estate, business_date(now), facts
        )
    ]


def invite(event: RatingInvited, now: datetime) -> Draft:
    """Ask for the rating of a finished order (H3)."""
    facts: Facts = {"reference": _short(event.work_order_id), "survey": str(event.survey_id)}
    cause = f"rating:{event.survey_id}"
    return _to_household(event.household, cause, "survey", RATING, event.estate, business_date(now), facts)


def alarm_of_order(event: WorkOrderSlaAlarm, staff_of: StaffOf, now: datetime) -> list[Draft]:
    """Warn whoever answers for the order's clock (G2). Rework starts a new clock, and with it a new cause."""
    cause = f"sla:work_order:{event.work_order_id}:{event.stage}:wall:{event.level}:{_clock(event.due_at)}"
    facts: Facts = {
        "kind": term("work_order"),
        "reference": _short(event.work_order_id),
        "clock": term("target"),
    }
    return _alarm(event, cause, facts, staff_of(event.estate, event.role), now)


def alarm_of_complaint(event: ComplaintSlaAlarm, staff_of: StaffOf, now: datetime) -> list[Draft]:
    """Warn whoever answers for the complaint's clock (H2). A reopened complaint has new clocks: new causes."""
    cause = f"sla:complaint:{event.complaint_id}:{event.stage}:{event.clock}:{event.level}:{_clock(event.due_at)}"
    facts: Facts = {
        "kind": term("complaint"),
        "reference": _short(event.complaint_id),
        "clock": term(event.clock),
    }
    return _alarm(event, cause, facts, staff_of(event.estate, event.role), now)


def alarm_of_collection(event: CollectionBelowPlan, staff_of: StaffOf) -> list[Draft]:
    """A task for each manager of an estate that fell behind its collection plan (J3)."""
    facts: Facts = {
        "period": event.period,
        "day": event.day.isoformat(),
        "planned_percent": _percent(event.planned_rate),
        "percent": _percent(Decimal(event.collected_fen) / event.billed_fen),
        "missing_yuan": yuan(event.missing_fen),
    }
    cause = f"below_plan:{event.estate}:{event.period}:{event.day}"
    return [
        Draft(recipient, STAFF, cause, "task", BELOW_PLAN, event.estate, event.day, facts, assignee=recipient)
        for recipient in staff_of(event.estate, MANAGER) or [role_box(event.estate, MANAGER)]
    ]


def _percent(share: Decimal) -> str:
    """0.91234 → "91.23"; rounded down, so that what is below a plan never reads like the plan."""
    return str((share * 100).quantize(Decimal("0.01"), ROUND_DOWN))


def _clock(due_at: datetime) -> str:
    """One clock among those of the same thing: the minute at which it runs out, UTC."""
    return f"{due_at.astimezone(UTC):%Y%m%dT%H%MZ}"


def chain(channels: Iterable[str], policy: Iterable[str]) -> list[str]:
    """The channels to try in order: the event's, then the policy's, none twice (F3)."""
    return list(dict.fromkeys([*channels, *policy]))


def _urging(event: DunningStepsDue, item: DunningItem) -> Draft:
    return Draft(
        recipient=item.household,
        recipient_kind=HOUSEHOLD,
        cause=item.cause,
        category=DUNNING,
        template=item.template,
        estate=event.estate,
        business_on=event.as_of,
        variables=dunning_facts(item),
        channels=tuple(item.channels),
        building=item.building,
        household=item.household,
        assignee=item.steward,
    )


def _task(event: DunningStepsDue, item: DunningItem, staff_of: StaffOf) -> Draft:
    """A task is the steward's; without one the manager's; without staff it waits under the estate's manager role."""
    staff = item.steward or next(iter(staff_of(event.estate, MANAGER)), None)
    return Draft(
        recipient=staff or role_box(event.estate, MANAGER),
        recipient_kind=STAFF,
        cause=item.cause,
        category="task",
        template=item.template,
        estate=event.estate,
        business_on=event.as_of,
        variables=dunning_facts(item),
        channels=("staff_task",),
        building=item.building,
        household=item.household,
        assignee=staff,
    )


def dunning_facts(item: DunningItem) -> Facts:
    """What a dunning template may use, beside the names the directory knows."""
    return {
        "building": item.building,
        "household": item.household,
        "amount_yuan": yuan(item.overdue_fen),
        "late_fee_yuan": yuan(item.late_fee_fen),
        "credit_yuan": yuan(item.credit_fen),
        "total_yuan": yuan(item.overdue_fen + item.late_fee_fen - item.credit_fen),
        "fee_items": terms(item.fee_items) if item.fee_items else None,
        "units": ", ".join(item.units) or None,
        "overdue_days": str(item.overdue_days),
        "due_date": item.due_date.isoformat(),
        "deadline": item.deadline.isoformat() if item.deadline else None,
        "steward": item.steward,
    }


def role_box(estate: str, role: str) -> str:
    """The recipient that stands for a role nobody is known to hold yet; staff of the estate see its tasks."""
    return f"{estate}:{role}"


def _to_household(
    household: str,
    cause: str,
    category: MessageCategory,
    template: str,
    estate: str,
    day: date,
    facts: Facts,
) -> Draft:
    return Draft(household, HOUSEHOLD, cause, category, template, estate, day, facts, household=household)


def _alarm(
    event: WorkOrderSlaAlarm | ComplaintSlaAlarm,
    cause: str,
    facts: Facts,
    staff: Sequence[str],
    now: datetime,
) -> list[Draft]:
    """One draft per person who holds the role; a warning is a task, anything later also rings."""
    category: MessageCategory = "sla_warning" if event.level == "warning" else "sla_breach"
    variables = facts | {
        "category": event.category,
        "stage": term(event.stage),
        "role": term(event.role),
        "due_at": event.due_at.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M"),
    }
    return [
        Draft(
            recipient,
            STAFF,
            cause,
            category,
            SLA[event.level],
            event.estate,
            business_date(now),
            variables,
            assignee=recipient,
        )
        for recipient in staff or [role_box(event.estate, event.role)]
    ]


def _short(thing: UUID) -> str:
    """Enough of an id to talk about it."""
    return str(thing)[:8]
