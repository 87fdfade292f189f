"""LAW of work orders (G1, G2): which transition follows which, by whom, and what it does to the clocks."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import get_args
from uuid import UUID

from services.common.contracts.answers.sla import Outcome, Stage
from services.common.contracts.answers.work_orders import OrderAction, OrderStatus, Priority
from services.common.contracts.errors import Conflict, Forbidden
from services.common.domain.access import Caller
from services.common.domain.calendar import WorkingCalendar
from services.common.domain.permissions import Permission, Role
from services.common.sla.rules import WHOLE, Clock, Limit, Running, outcome
from services.workorders.sla.rules import Policy, RunningStage

KIND = "work_order"
STATUSES: tuple[OrderStatus, ...] = get_args(OrderStatus)
FINAL: tuple[OrderStatus, ...] = ("confirmed", "cancelled")
STOPPABLE: tuple[OrderStatus, ...] = ("created", "dispatched", "accepted", "arrived", "paused")
BEFORE_PAUSE = None  # back to where it was paused

# 报修→派工→接单→到场→完工→确认/返工. A second dispatch hands the order over to another technician.
TRANSITIONS: Mapping[OrderAction, Mapping[OrderStatus, OrderStatus | None]] = {
    "dispatch": {"created": "dispatched", "dispatched": "dispatched", "accepted": "dispatched"},
    "accept": {"dispatched": "accepted"},
    "arrive": {"accepted": "arrived"},
    "pause": {"accepted": "paused", "arrived": "paused"},
    "resume": {"paused": BEFORE_PAUSE},
    "complete": {"arrived": "completed"},
    "confirm": {"completed": "confirmed"},
    "reopen": {"completed": "dispatched", "confirmed": "dispatched"},
    "cancel": dict.fromkeys(STOPPABLE, "cancelled"),
}
NEEDS: Mapping[OrderAction, Permission] = {
    "dispatch": Permission.DISPATCH_WORK_ORDER,
    **dict.fromkeys(("accept", "arrive", "pause", "resume", "complete"), Permission.CARRY_OUT_WORK_ORDER),
    **dict.fromkeys(("confirm", "reopen", "cancel"), Permission.CONFIRM_WORK_ORDER),
}


@dataclass(frozen=True)
class Order:
    """One order. `resolve_by` stands still while paused; `round` counts how often it was sent back, from 1."""

    id: UUID
    estate: str
    building: str | None
    household: str | None
    category: str
    priority: Priority
    description: str
    place: str | None
    status: OrderStatus
    status_since: datetime
    paused_from: OrderStatus | None
    technician: str | None
    round: int
    created_at: datetime
    clock: Clock
    respond_minutes: int
    resolve_minutes: int
    respond_by: datetime
    resolve_by: datetime
    resolve_since: datetime | None
    resolve_used: timedelta
    responded_at: datetime | None
    resolved_at: datetime | None
    closed_at: datetime | None
    respond_outcome: Outcome | None
    resolve_outcome: Outcome | None

    @property
    def response(self) -> Running:
        """The clock of the first response; it never pauses."""
        return Running(Limit(self.respond_minutes, self.clock), self.created_at)

    @property
    def resolution(self) -> Running:
        """The clock of the result; it pauses while we wait for the owner or for parts."""
        return Running(Limit(self.resolve_minutes, self.clock), self.resolve_since, self.resolve_used)


@dataclass(frozen=True)
class NewOrder:
    """What is asked for; `request_id` becomes the order's id, so that the same call again makes no second one."""

    request_id: UUID
    estate: str
    category: str
    priority: Priority
    description: str
    building: str | None
    household: str | None
    place: str | None

    def is_same_as(self, order: Order) -> bool:
        """Whether `order` came from this very request; a building may have been filled in from the household."""
        content = (self.estate, self.category, self.priority, self.description, self.household, self.place)
        standing = (order.estate, order.category, order.priority, order.description, order.household, order.place)
        return content == standing and self.building in (None, order.building)


def open_order(new: NewOrder, building: str | None, policy: Policy, now: datetime, calendar: WorkingCalendar) -> Order:
    """A new order with both clocks running from now."""
    return Order(
        id=new.request_id,
        estate=new.estate,
        building=building,
        household=new.household,
        category=new.category,
        priority=new.priority,
        description=new.description,
        place=new.place,
        status="created",
        status_since=now,
        paused_from=None,
        technician=None,
        round=1,
        created_at=now,
        clock=policy.clock,
        respond_minutes=policy.respond_minutes,
        resolve_minutes=policy.resolve_minutes,
        respond_by=Limit(policy.respond_minutes, policy.clock).ends(now, calendar),
        resolve_by=Limit(policy.resolve_minutes, policy.clock).ends(now, calendar),
        resolve_since=now,
        resolve_used=timedelta(),
        responded_at=None,
        resolved_at=None,
        closed_at=None,
        respond_outcome=None,
        resolve_outcome=None,
    )


def next_status(order: Order, action: OrderAction) -> OrderStatus:
    """Where `action` leads; Conflict naming the state and what it allows."""
    if order.status not in TRANSITIONS[action]:
        possible = [name for name, steps in TRANSITIONS.items() if order.status in steps]
        can = ", ".join(possible) if possible else "nothing more"
        raise Conflict(f"The order is {order.status}: {action} is not possible now; allowed: {can}.")
    return TRANSITIONS[action][order.status] or order.paused_from or order.status


def require_own(caller: Caller, order: Order, *, on_register: bool) -> None:
    """Forbidden for another technician's order.

    A technician who is on the register acts on the own orders only; a shared sign-in of the workshop, which is not on
    the register, acts for whom the order was dispatched to.
    """
    only_technician = caller.roles <= {Role.TECHNICIAN}
    if only_technician and on_register and order.technician not in (None, caller.sub):
        raise Forbidden("This order was dispatched to another technician.")


def act(order: Order, action: OrderAction, at: datetime, technician: str | None, calendar: WorkingCalendar) -> Order:
    """The order after a lawful `action`; `technician` is the one a dispatch chose, or who accepts what nobody has."""
    after = replace(order, status=next_status(order, action), status_since=at, paused_from=None)
    return _EFFECTS[action](after, order, at, technician, calendar)


def require_reopenable(order: Order, at: datetime, within: timedelta) -> None:
    """Conflict when the time in which the owner may send it back (返工) is over."""
    if at - order.status_since > within:
        raise Conflict(f"The order is {order.status} for more than {within.days} days: please open a new one.")


def require_handover(order: Order, technician: str | None) -> None:
    """A dispatched order goes to another technician only when that one is named; so two who dispatch at once differ."""
    if order.status != "created" and technician in (None, order.technician):
        holder = order.technician or "nobody"
        raise Conflict(f"The order is {order.status}, with {holder}: name another technician to hand it over.")


def require_technician(order: Order, technician: str | None) -> None:
    """Conflict when somebody acts for another technician than the one the order was dispatched to, if it was to one."""
    if technician is not None and order.technician not in (None, technician):
        raise Conflict(f"The order is {order.status}, with {order.technician}: {technician} has it not.")


_Effect = Callable[[Order, Order, datetime, str | None, WorkingCalendar], Order]


def _dispatch(after: Order, _before: Order, _at: datetime, technician: str | None, _days: WorkingCalendar) -> Order:
    return replace(after, technician=technician)


def _accept(after: Order, before: Order, at: datetime, technician: str | None, days: WorkingCalendar) -> Order:
    return _respond(replace(after, technician=technician), before, at, technician, days)


def _respond(after: Order, _before: Order, at: datetime, _technician: str | None, _days: WorkingCalendar) -> Order:
    if after.responded_at is not None:
        return after
    return replace(after, responded_at=at, respond_outcome=outcome(at, after.respond_by))


def _complete(after: Order, _before: Order, at: datetime, _technician: str | None, days: WorkingCalendar) -> Order:
    resolution = replace(after, resolved_at=at, resolve_outcome=outcome(at, after.resolve_by))
    return _with_clock(resolution, after.resolution.paused(at, days))


def _pause(after: Order, before: Order, at: datetime, _technician: str | None, days: WorkingCalendar) -> Order:
    return _with_clock(replace(after, paused_from=before.status), after.resolution.paused(at, days))


def _resume(after: Order, _before: Order, at: datetime, _technician: str | None, days: WorkingCalendar) -> Order:
    clock = after.resolution.resumed(at)
    due = resolve_by_if_resumed(after, at, days)
    return replace(_with_clock(after, clock), resolve_by=due)


def _reopen(after: Order, before: Order, at: datetime, _technician: str | None, days: WorkingCalendar) -> Order:
    clock = Running(after.resolution.limit, at)
    due = clock.limit.ends(at, days)
    again = replace(after, round=before.round + 1, resolve_by=due, resolved_at=None, resolve_outcome=None)
    return replace(_with_clock(again, clock), closed_at=None)


def _close(after: Order, _before: Order, at: datetime, _technician: str | None, days: WorkingCalendar) -> Order:
    return replace(_with_clock(after, after.resolution.paused(at, days)), closed_at=at)


_EFFECTS: Mapping[OrderAction, _Effect] = {
    "dispatch": _dispatch,
    "accept": _accept,
    "arrive": _respond,
    "pause": _pause,
    "resume": _resume,
    "complete": _complete,
    "confirm": _close,
    "reopen": _reopen,
    "cancel": _close,
}


def _with_clock(order: Order, clock: Running) -> Order:
    return replace(order, resolve_since=clock.since, resolve_used=clock.used)


def resolve_by_if_resumed(order: Order, at: datetime, calendar: WorkingCalendar) -> datetime:
    """While paused: the limit if work went on at `at`. What was late before the pause stays as late as it was."""
    clock = order.resolution
    late = clock.used >= clock.limit.share(WHOLE)
    due = None if late else clock.resumed(at).reaches(WHOLE, calendar)
    return due or order.resolve_by


def late_since(order: Order, stage: Stage, now: datetime) -> bool:
    """Whether a stage that is still to be done is late; a paused clock does not become late."""
    if order.status in FINAL:
        return False
    if stage == "respond":
        return order.responded_at is None and order.respond_by < now
    reference = order.status_since if order.status == "paused" else now
    return order.resolved_at is None and order.resolve_by < reference


def running_clocks(order: Order) -> list[RunningStage]:
    """The stages that still have to be done, each with its clock; none when the order ended."""
    if order.status in FINAL:
        return []
    respond = RunningStage("respond", order.response, order.respond_by)
    resolve = RunningStage("resolve", order.resolution, order.resolve_by)
    return [respond] * (order.responded_at is None) + [resolve] * (order.resolved_at is None)
