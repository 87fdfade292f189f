"""VIEWS: what callers see of an order, exactly as the contract's bodies have it."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from services.common.contracts.answers.work_orders import OrderStep, WorkOrder, WorkOrderRecord
from services.common.domain.access import Caller
from services.common.domain.calendar import WorkingCalendar, business_date
from services.common.domain.money import yuan
from services.workorders.directory.tables import arrears
from services.workorders.orders import rules, tables
from services.workorders.orders.rules import Order
from services.workorders.orders.tables import Transition

CALENDAR = WorkingCalendar()


def whole(session: Session, caller: Caller, order: Order, now: datetime) -> WorkOrderRecord:
    """The order with its history; why a technician was chosen is for staff."""
    history = [_step(step, step.reason if not caller.is_owner else None) for step in tables.history(session, order.id)]
    return {**items(session, [order], now)[0], "history": history}


def items(session: Session, orders: Sequence[Order], now: datetime) -> list[WorkOrder]:
    """Orders as a list shows them: everything but the history."""
    households = sorted({order.household for order in orders if order.household is not None})
    overdue_fen = arrears(session, households, business_date(now))
    return [_item(order, overdue_fen.get(order.household or "", 0), now) for order in orders]


def _item(order: Order, arrears_fen: int, now: datetime) -> WorkOrder:
    is_paused = order.status == "paused"
    return WorkOrder(
        id=order.id,
        estate=order.estate,
        building=order.building,
        household=order.household,
        category=order.category,
        priority=order.priority,
        description=order.description,
        place=order.place,
        status=order.status,
        technician=order.technician,
        created_at=order.created_at,
        respond_by=order.respond_by,
        resolve_by=rules.resolve_by_if_resumed(order, now, CALENDAR) if is_paused else order.resolve_by,
        responded_at=order.responded_at,
        resolved_at=order.resolved_at,
        respond_overdue=rules.late_since(order, "respond", now),
        resolve_overdue=rules.late_since(order, "resolve", now),
        respond_outcome=order.respond_outcome,
        resolve_outcome=order.resolve_outcome,
        round=order.round,
        arrears_fen=arrears_fen,
        arrears_note=_note(arrears_fen),
    )


def _note(arrears_fen: int) -> str | None:
    """For the person at the door (G4). Service is never delayed or refused over it."""
    if not arrears_fen:
        return None
    amount = f"¥{yuan(arrears_fen)}"
    return f"欠费逾期 {amount}，仅供参考，不影响服务 / {amount} overdue, for information: service goes on as always"


def _step(step: Transition, reason: str | None) -> OrderStep:
    return OrderStep(
        action=step.action,
        from_status=step.from_status,
        to_status=step.to_status,
        by=step.by,
        at=step.at,
        technician=step.technician,
        note="; ".join(part for part in (step.note, reason) if part) or None,
    )
