"""Work orders as the tests of the service open them, act on them and finish them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from services.common.contracts.answers.work_orders import OrderAction, WorkOrder, WorkOrderRecord
from services.common.contracts.events import StaffEntry, StaffRegistered
from services.common.database import transaction
from services.common.domain.access import Caller
from services.workorders.directory import handlers as directory
from services.workorders.orders import handlers
from services.workorders.orders.handlers import Act
from services.workorders.orders.rules import NewOrder
from services.workorders.orders.tables import Filter
from services.workorders.tables import REGISTER
from tests.support.quality import OWNER, STEWARD, ids_on_all_pages, tell_homes

NOW = datetime(2026, 11, 2, 1, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
T1 = Caller(sub="T1", roles=frozenset({"technician"}), estates=frozenset({"E1"}))
T2 = Caller(sub="T2", roles=frozenset({"technician"}), estates=frozenset({"E1"}))


def tell_directory(session: Session, at: datetime = NOW) -> None:
    tell_homes(session, REGISTER, "E1", "E2", "E3", at=at)
    staff = [
        StaffEntry(staff="T1", name="n", role="technician", estate="E1", skills=["plumbing"], buildings=["B1"]),
        StaffEntry(staff="T2", name="n", role="technician", estate="E1", skills=["Plumbing", "lift"]),
        StaffEntry(staff="T9", name="n", role="technician", estate="E2", skills=["plumbing"]),
        StaffEntry(staff="S1", name="n", role="steward", estate="E1", buildings=["B1"]),
    ]
    directory.keep_staff(session, StaffRegistered(staff=staff), at)


def prepared(engine: Engine) -> Engine:
    """The database with homes and staff in it."""
    with transaction(engine) as session:
        tell_directory(session)
    return engine


def asked(**changes: Any) -> NewOrder:
    plain = NewOrder(uuid4(), "E1", "plumbing", "normal", "tap drips", None, "H1", "kitchen")
    return replace(plain, **changes)


def create(session: Session, caller: Caller = STEWARD, at: datetime = NOW, **changes: Any) -> WorkOrderRecord:
    return handlers.create_order(session, caller, asked(**changes), at)


def act(
    session: Session, order: WorkOrder | UUID, action: OrderAction, caller: Caller, at: datetime = NOW, **more: Any
) -> WorkOrderRecord:
    order_id = order if isinstance(order, UUID) else order["id"]
    wanted = Act(order_id, more.pop("request_id", None) or uuid4(), action, **more)
    return handlers.act_on_order(session, caller, wanted, at)


def finish(session: Session, order: WorkOrder, technician: Caller = T1, at: datetime = NOW) -> WorkOrderRecord:
    act(session, order, "dispatch", STEWARD, at, technician=technician.sub)
    act(session, order, "accept", technician, at)
    act(session, order, "arrive", technician, at)
    act(session, order, "complete", technician, at)
    return act(session, order, "confirm", OWNER, at)


def listed(session: Session, caller: Caller, at: datetime = NOW, **more: Any) -> list[Any]:
    return ids_on_all_pages(lambda cursor: handlers.list_orders(session, caller, Filter(**more), at, 2, cursor))
