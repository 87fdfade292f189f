"""The clocks of orders on a real PostgreSQL (G2, J2): alarms once, what is late, figures, metrics."""

from collections.abc import Callable
from uuid import uuid4

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import Engine, update
from sqlalchemy.orm import Session

from services.common.contracts.errors import Forbidden, NotFound
from services.common.contracts.events import WorkOrderSlaAlarm
from services.common.database import transaction
from services.workorders.orders import rules, tables
from services.workorders.sla import handlers as sla
from services.workorders.tables import work_order
from tests.support.orders import HOUR, NOW, T1, act, create, finish, listed, prepared
from tests.support.outbox import events
from tests.support.quality import GROUP, MANAGER, OWNER, STEWARD


@pytest.fixture
def engine(database: Callable[[str], Engine]) -> Engine:
    return prepared(database("workorders"))


def alarms(session: Session) -> list[tuple[str, str, str]]:
    return [(event.stage, event.level, event.role) for event in events(session, WorkOrderSlaAlarm)]


def test_alarms_are_raised_once_along_the_chain(session: Session) -> None:
    order = create(session)
    assert sla.raise_due_alarms(session, NOW + 19 * HOUR) == 0
    assert sla.raise_due_alarms(session, NOW + 20 * HOUR) == 1
    assert sla.raise_due_alarms(session, NOW + 20 * HOUR) == 0
    sla.raise_due_alarms(session, NOW + 36 * HOUR)
    assert alarms(session) == [
        ("respond", "warning", "estate_manager"),
        ("respond", "breach", "estate_manager"),
        ("respond", "breach", "group_admin"),
    ]
    act(session, order, "dispatch", STEWARD, NOW + 36 * HOUR, technician="T1")
    act(session, order, "accept", T1, NOW + 37 * HOUR)
    act(session, order, "pause", T1, NOW + 38 * HOUR, note="waiting for parts")
    assert sla.raise_due_alarms(session, NOW + 500 * HOUR) == 0, "a paused clock raises nothing"
    act(session, order, "resume", T1, NOW + 500 * HOUR)
    assert sla.raise_due_alarms(session, NOW + 501 * HOUR) == 1, "80 % of 48 h are used 24 minutes later"
    act(session, order, "cancel", STEWARD, NOW + 502 * HOUR)
    assert sla.raise_due_alarms(session, NOW + 9999 * HOUR) == 0
    assert len(alarms(session)) == 4


def test_two_replicas_raise_an_alarm_once(engine: Engine) -> None:
    with transaction(engine) as session:
        create(session)
    with Session(engine) as one, Session(engine) as other:
        assert sla.raise_due_alarms(one, NOW + 20 * HOUR) == 1
        assert sla.raise_due_alarms(other, NOW + 20 * HOUR) == 0
        one.rollback()
        assert sla.raise_due_alarms(other, NOW + 20 * HOUR) == 1, "what a dead replica held is not lost"
        other.commit()
        assert sla.raise_due_alarms(one, NOW + 20 * HOUR) == 0


def test_overdue_in_lists_bodies_and_figures_agree(session: Session) -> None:
    orders = [create(session, at=NOW + hours * HOUR, household="H2") for hours in (0, 1, 30, 60, 70)]
    act(session, orders[1], "dispatch", STEWARD, NOW + 2 * HOUR, technician="T1")
    act(session, orders[1], "accept", T1, NOW + 3 * HOUR)
    act(session, orders[1], "pause", T1, NOW + 4 * HOUR)
    act(session, orders[4], "cancel", STEWARD, NOW + 71 * HOUR)
    for hours in (0, 23, 25, 48, 55, 80, 120):
        at = NOW + hours * HOUR
        kept = [found for order in orders if (found := tables.find(session, order["id"]))]
        late = {o.id for o in kept if rules.late_since(o, "respond", at) or rules.late_since(o, "resolve", at)}
        assert set(listed(session, GROUP, at, overdue=True)) == late
        assert set(listed(session, GROUP, at, overdue=False)) == {order.id for order in kept} - late
        overdue = sla.estate_figures(session, GROUP, "E1", at)["overdue"]
        assert overdue["respond"] == sum(rules.late_since(order, "respond", at) for order in kept)
        assert overdue["resolve"] == sum(rules.late_since(order, "resolve", at) for order in kept)
        gauge = {(stage, estate): late_now for _, stage, estate, late_now in sla.overdue_rows(session, at)}
        assert gauge["resolve", "E1"] == overdue["resolve"]
        assert gauge["resolve", "E3"] == 0


def test_figures(session: Session) -> None:
    assert sla.estate_figures(session, GROUP, "E1", NOW)["within_limit"] == {"respond": None, "resolve": None}
    finish(session, create(session), at=NOW + HOUR)
    finish(session, create(session), at=NOW + 30 * HOUR)
    create(session)
    figures = sla.group_figures(session, GROUP, NOW + 30 * HOUR)
    assert (figures["open"], figures["within_limit"]) == (1, {"respond": 0.5, "resolve": 1.0})
    assert [one["estate"] for one in figures["estates"]] == ["E1", "E2", "E3"]
    assert [one["estate"] for one in sla.group_figures(session, MANAGER, NOW)["estates"]] == ["E1"]
    for refused in (OWNER, STEWARD):
        with pytest.raises(Forbidden):
            sla.group_figures(session, refused, NOW)
    with pytest.raises(NotFound):
        sla.estate_figures(session, GROUP, "E404", NOW)


def outcomes(stage: str) -> float:
    labels = {"kind": "work_order", "stage": stage, "estate": "E1", "outcome": "met"}
    return REGISTRY.get_sample_value("estateloop_sla_outcomes_total", labels) or 0.0


def seconds(name: str, category: str) -> float:
    labels = {"kind": "work_order", "estate": "E1", "category": category}
    return REGISTRY.get_sample_value(f"estateloop_{name}_seconds_sum", labels) or 0.0


def test_an_outcome_is_counted_once_and_only_when_it_commits(session: Session) -> None:
    before, took = outcomes("respond"), seconds("response", "plumbing")
    order = create(session)
    act(session, order, "dispatch", STEWARD, technician="T1")
    session.commit()
    act(session, order, "accept", T1, NOW + HOUR)
    session.rollback()
    assert outcomes("respond") == before
    request = uuid4()
    for _ in range(2):
        act(session, order, "accept", T1, NOW + HOUR, request_id=request)
        session.commit()
    assert outcomes("respond") == before + 1
    assert seconds("response", "plumbing") == took + 3600


def test_a_category_nobody_knows_makes_no_new_series(session: Session) -> None:
    """An order of the time when anything could be a category."""
    before = seconds("response", "other")
    order = create(session)
    session.execute(update(work_order).where(work_order.c.id == order["id"]).values(category="my own words"))
    act(session, order, "dispatch", STEWARD, technician="T1")
    act(session, order, "accept", T1, NOW + HOUR)
    session.commit()
    assert seconds("response", "other") == before + 3600
    assert seconds("response", "my own words") == 0
