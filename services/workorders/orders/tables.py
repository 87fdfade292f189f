"""STORE of orders: named queries. Lists are cut by (created_at, id), newest first."""

from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import ColumnElement, RowMapping, Select, and_, case, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from services.common.contracts.answers.sla import Stage
from services.common.contracts.answers.work_orders import OrderAction, OrderStatus
from services.common.domain.access import Scope
from services.common.narrowing import among, below, equals
from services.common.once import insert_once
from services.workorders.orders.rules import Order
from services.workorders.tables import order_category, work_order, work_order_event

COLUMNS = [work_order.c[field.name] for field in fields(Order)]


@dataclass(frozen=True)
class Transition:
    """One line of an order's history: what was done, by whom, and what was asked for."""

    request_id: UUID
    action: Literal["create"] | OrderAction
    from_status: OrderStatus | None
    to_status: OrderStatus
    by: str
    at: datetime
    note: str | None = None
    asked_technician: str | None = None
    technician: str | None = None
    reason: str | None = None


@dataclass(frozen=True)
class Filter:
    """What was asked for; None: whatever there is."""

    estate: str | None = None
    household: str | None = None
    status: str | None = None
    overdue: bool | None = None


def add(session: Session, order: Order) -> bool:
    """Insert a new order; False when the id is taken already (the same request came before)."""
    return insert_once(session, work_order, asdict(order))


def find(session: Session, order_id: UUID) -> Order | None:
    """The order as it is."""
    return _order_of(session.execute(select(*COLUMNS).where(work_order.c.id == order_id)).mappings().first())


def lock(session: Session, order_id: UUID) -> Order | None:
    """The order, locked until the transaction ends: one transition at a time."""
    query = select(*COLUMNS).where(work_order.c.id == order_id).with_for_update()
    return _order_of(session.execute(query).mappings().first())


def _order_of(row: RowMapping | None) -> Order | None:
    return None if row is None else Order(**row)


def save(session: Session, order: Order) -> None:
    """Write the order back."""
    session.execute(update(work_order).where(work_order.c.id == order.id).values(**asdict(order)))


def add_transition(session: Session, order_id: UUID, transition: Transition) -> None:
    """Append to the history."""
    session.execute(insert(work_order_event).values(order_id=order_id, **asdict(transition)))


def transition_of(session: Session, order_id: UUID, request_id: UUID) -> Transition | None:
    """What this request did before, if it did."""
    query = _transitions().where(work_order_event.c.order_id == order_id, work_order_event.c.request_id == request_id)
    row = session.execute(query).first()
    return None if row is None else Transition(**row._asdict())


def history(session: Session, order_id: UUID) -> list[Transition]:
    """Every transition, oldest first."""
    query = _transitions().where(work_order_event.c.order_id == order_id).order_by(work_order_event.c.id)
    return [Transition(**row._asdict()) for row in session.execute(query)]


def _transitions() -> Select[Any]:
    return select(*(work_order_event.c[field.name] for field in fields(Transition)))


def holds_dunning(session: Session, category: str) -> bool:
    """The category's policy (D3); a category without a row is about our service until somebody says otherwise."""
    row = session.execute(select(order_category.c.holds_dunning).where(order_category.c.code == category)).first()
    return True if row is None else bool(row.holds_dunning)


def category_label(session: Session, category: str) -> str:
    """The category as a metric's label: free text must not make new series."""
    row = session.execute(select(order_category.c.code).where(order_category.c.code == category)).first()
    return category if row else "other"


def late(stage: Stage, now: datetime) -> ColumnElement[bool]:
    """The SQL of `rules.late_since`; a test holds the two equal."""
    if stage == "respond":
        return and_(
            work_order.c.closed_at.is_(None), work_order.c.responded_at.is_(None), work_order.c.respond_by < now
        )
    reference = case((work_order.c.status == "paused", work_order.c.status_since), else_=now)
    return and_(
        work_order.c.closed_at.is_(None), work_order.c.resolved_at.is_(None), work_order.c.resolve_by < reference
    )


def listed(
    session: Session, scope: Scope, cut: Filter, now: datetime, limit: int, after: tuple[datetime, UUID] | None
) -> list[Order]:
    """Up to `limit` orders within `scope` after the key `(created_at, id)`, newest first."""
    query = select(*COLUMNS).where(
        among(work_order.c.estate, scope.estates),
        equals(work_order.c.household, scope.household),
        equals(work_order.c.status, cut.status),
        equals(or_(late("respond", now), late("resolve", now)), cut.overdue),
        below((work_order.c.created_at, work_order.c.id), after),
    )
    newest_first = query.order_by(work_order.c.created_at.desc(), work_order.c.id.desc()).limit(limit)
    return [Order(**row._asdict()) for row in session.execute(newest_first)]
