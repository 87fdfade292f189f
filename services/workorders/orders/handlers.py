"""STORY of orders: create, move on, show (G1-G4). The doors commit."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from services.common.contracts.answers.base import Page
from services.common.contracts.answers.work_orders import OrderAction, WorkOrder, WorkOrderRecord
from services.common.contracts.base import Event
from services.common.contracts.errors import Invalid, NotFound
from services.common.contracts.events import WorkOrderFinished, WorkOrderOpened, WorkOrderReopened
from services.common.domain.access import Caller
from services.common.domain.calendar import WorkingCalendar
from services.common.domain.permissions import Permission
from services.common.messaging import record
from services.common.once import another_request, same_request
from services.common.paging import page, position
from services.common.sla.metrics import Stop, count_on_commit
from services.workorders.categories.rules import category_of
from services.workorders.categories.tables import categories
from services.workorders.directory.tables import is_technician, works_on
from services.workorders.dispatch.handlers import technician_for
from services.workorders.orders import rules, tables, views
from services.workorders.orders.rules import NewOrder, Order
from services.workorders.orders.tables import Filter, Transition
from services.workorders.settings import settings
from services.workorders.sla import rules as sla_rules
from services.workorders.sla import tables as sla_tables
from services.workorders.tables import REGISTER

CALENDAR = WorkingCalendar()


@dataclass(frozen=True)
class Act:
    """A transition somebody asks for; the same `request_id` again does nothing more."""

    order_id: UUID
    request_id: UUID
    action: OrderAction
    note: str | None = None
    technician: str | None = None


def create_order(session: Session, caller: Caller, new: NewOrder, now: datetime) -> WorkOrderRecord:
    """Open an order (G1) and answer it. Arrears of the household play no part (G4).

    Its category is the one that the word means, in either language. Invalid, with the list, when it means none.
    """
    caller.require(Permission.OPEN_WORK_ORDER)
    new = replace(new, household=caller.own_household(new.household, new.estate))
    building = REGISTER.building_of(session, new.estate, new.household, new.building)
    category = category_of(categories(session), new.category)
    new = replace(new, category=category.code)
    priority = category.priority_of(new.priority)
    policy = sla_rules.policy_for(sla_tables.policies(session), new.estate, category.code, priority)
    order = rules.open_order(new, building, policy, now, CALENDAR)
    if tables.add(session, order):
        _announce(session, caller, order, now)
    else:
        order = _existing(tables.find(session, order.id))
        if not new.is_same_as(order):
            raise another_request("work order")
    return views.whole(session, caller, order, now)


def _announce(session: Session, caller: Caller, order: Order, now: datetime) -> None:
    tables.add_transition(session, order.id, Transition(order.id, "create", None, order.status, caller.sub, now))
    _replan(session, order)
    event = WorkOrderOpened(
        work_order_id=order.id,
        estate=order.estate,
        building=order.building,
        household=order.household,
        category=order.category,
        priority=order.priority,
        holds_dunning=_holds(session, order),
        opened_at=now,
    )
    record(session, event, aggregate=str(order.id), at=now)


def act_on_order(session: Session, caller: Caller, request: Act, now: datetime) -> WorkOrderRecord:
    """One transition (G1): Forbidden, Conflict naming the state, NotFound."""
    caller.require(rules.NEEDS[request.action])
    order = _existing(tables.lock(session, request.order_id))
    _require_scope(caller, order)
    is_registered = is_technician(session, caller.sub)
    rules.require_own(caller, order, on_register=is_registered)
    if not _done_before(session, request):
        order = _move(session, caller, order, request, now, taker=caller.sub if is_registered else None)
    return views.whole(session, caller, order, now)


def _done_before(session: Session, request: Act) -> bool:
    earlier = tables.transition_of(session, request.order_id, request.request_id)
    if earlier is not None:
        step = {"action": request.action, "note": request.note, "asked_technician": request.technician}
        same_request("step of this order", earlier, step)
    return earlier is not None


def _move(session: Session, caller: Caller, order: Order, request: Act, now: datetime, *, taker: str | None) -> Order:
    rules.next_status(order, request.action)
    _require_staff(session, caller, order, request.technician)
    if request.action == "reopen":
        rules.require_reopenable(order, now, timedelta(days=settings().reopen_days))
    technician, reason = _technician(session, order, request, taker)
    after = rules.act(order, request.action, now, technician, CALENDAR)
    tables.save(session, after)
    step = Transition(
        request_id=request.request_id,
        action=request.action,
        from_status=order.status,
        to_status=after.status,
        by=caller.sub,
        at=now,
        note=request.note,
        asked_technician=request.technician,
        technician=after.technician,
        reason=reason,
    )
    tables.add_transition(session, order.id, step)
    _replan(session, after)
    _tell(session, after, request.action, now)
    _count(session, order, after, now)
    return after


def _require_staff(session: Session, caller: Caller, order: Order, technician: str | None) -> None:
    if technician not in (None, caller.sub, order.technician) and not works_on(session, technician, order.estate):
        raise Invalid(
            "Nobody of this code works on the estate.", [{"loc": "technician", "msg": "a code of the staff register"}]
        )


def _technician(session: Session, order: Order, request: Act, taker: str | None) -> tuple[str | None, str | None]:
    """Who has the order after the step, and why; an order dispatched to nobody goes to the `taker` who accepts it.

    Invalid when somebody is named who does not work on the estate.
    """
    if request.action != "dispatch":
        rules.require_technician(order, request.technician)
        return order.technician or request.technician or taker, None
    rules.require_handover(order, request.technician)
    choice = technician_for(session, order, request.technician)
    return choice.technician, choice.reason


def _replan(session: Session, order: Order) -> None:
    stages, chain = rules.running_clocks(order), sla_tables.chain(session)
    sla_tables.ALARMS.replan(session, order.id, sla_rules.planned_alarms(order.round, stages, chain, CALENDAR))


def _tell(session: Session, order: Order, action: OrderAction, now: datetime) -> None:
    event = _event(session, order, action, now)
    if event is not None:
        record(session, event, aggregate=str(order.id), at=now)


def _event(session: Session, order: Order, action: OrderAction, now: datetime) -> Event | None:
    if action == "reopen":
        return WorkOrderReopened(
            work_order_id=order.id,
            estate=order.estate,
            household=order.household,
            holds_dunning=_holds(session, order),
            reopened_at=now,
        )
    if order.status not in rules.FINAL:
        return None
    return WorkOrderFinished(
        work_order_id=order.id,
        estate=order.estate,
        building=order.building,
        household=order.household,
        category=order.category,
        outcome="confirmed" if order.status == "confirmed" else "cancelled",
        technician=order.technician,
        finished_at=now,
    )


def _holds(session: Session, order: Order) -> bool:
    return order.household is not None and tables.holds_dunning(session, order.category)


def _count(session: Session, before: Order, after: Order, now: datetime) -> None:
    """A clock that stopped in this transition is counted when it commits (J2)."""
    category = tables.category_label(session, after.category)
    if after.respond_outcome and not before.respond_outcome:
        took = before.response.used_at(now, CALENDAR)
        count_on_commit(session, Stop(rules.KIND, "respond", after.estate, category, after.respond_outcome, took))
    if after.resolve_outcome and not before.resolve_outcome:
        took = before.resolution.used_at(now, CALENDAR)
        count_on_commit(session, Stop(rules.KIND, "resolve", after.estate, category, after.resolve_outcome, took))


def get_order(session: Session, caller: Caller, order_id: UUID, now: datetime) -> WorkOrderRecord:
    """The order with its history; NotFound, Forbidden outside the caller's scope."""
    caller.require(Permission.READ_WORK_ORDERS)
    order = _existing(tables.find(session, order_id))
    _require_scope(caller, order)
    return views.whole(session, caller, order, now)


def _existing(order: Order | None) -> Order:
    if order is None:
        raise NotFound("There is no such work order.")
    return order


def _require_scope(caller: Caller, order: Order) -> None:
    if not caller.is_owner:
        caller.require_estate(order.estate)
    elif order.household is None:
        raise NotFound("There is no such work order.")
    else:
        caller.require_household(order.household, order.estate)


def list_orders(
    session: Session,
    caller: Caller,
    cut: Filter,
    now: datetime,
    limit: int,
    cursor: str | None,
) -> Page[WorkOrder]:
    """Orders in the caller's scope, newest first; an owner sees those of the own household."""
    caller.require(Permission.READ_WORK_ORDERS)
    scope = caller.scope(cut.estate, cut.household)
    rows = tables.listed(session, scope, cut, now, limit + 1, position(cursor, datetime.fromisoformat, UUID))
    items, next_cursor = page(rows, limit, lambda order: [order.created_at.isoformat(), str(order.id)])
    return Page(items=views.items(session, items, now), next_cursor=next_cursor)
