"""Doors of workorders on a real PostgreSQL: what is committed, what a repeated delivery does, what a scrape shows."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Engine

from services.common.contracts.errors import Invalid
from services.common.contracts.events import (
    BillsIssued,
    EstateEntry,
    EstatesRegistered,
    HouseholdEntry,
    HouseholdsRegistered,
    IssuedBill,
    StaffEntry,
    StaffRegistered,
    WorkOrderSlaAlarm,
)
from services.common.database import transaction
from services.workorders.service import WorkOrdersService
from tests.support.doors import Ahead, deliver_twice
from tests.support.outbox import events

GROUP = {"sub": "g", "roles": ["group_admin"], "estates": ["*"]}


class Later(Ahead, WorkOrdersService):
    """The service with a clock that can be put forward."""


@pytest.fixture
def service(database: Callable[[str], Engine]) -> Later:
    made = Later()
    made.engine = database("workorders")
    deliver_twice(
        made.on_estates_registered, EstatesRegistered(estates=[EstateEntry(estate="E1", name="n", region="r")])
    )
    home = HouseholdEntry(household="H1", unit="u", building="B1")
    deliver_twice(made.on_households_registered, HouseholdsRegistered(estate="E1", households=[home]))
    crew = StaffEntry(staff="T1", name="n", role="technician", estate="E1", skills=["plumbing"])
    deliver_twice(made.on_staff_registered, StaffRegistered(staff=[crew]))
    return made


def create(service: Later) -> Any:
    return service.create_order(
        caller=GROUP, request_id=str(uuid4()), estate="E1", category="plumbing", description="drips", household="H1"
    )


def test_an_order_goes_all_the_way_through_the_doors(service: Later) -> None:
    order = create(service)
    for action in ("dispatch", "accept", "arrive", "complete", "confirm"):
        order = service.act_on_order(caller=GROUP, order_id=order["id"], action=action, request_id=str(uuid4()))
    assert order["status"] == "confirmed"
    assert service.get_order(caller=GROUP, order_id=order["id"]) == order
    assert [one["id"] for one in service.list_orders(caller=GROUP, status="confirmed")["items"]] == [order["id"]]


def test_an_unknown_action_is_invalid_and_names_the_known_ones(service: Later) -> None:
    order = create(service)
    with pytest.raises(Invalid) as refused:
        service.act_on_order(caller=GROUP, order_id=order["id"], action="explode", request_id=str(uuid4()))
    assert "dispatch" in refused.value.errors[0]["msg"]


def test_a_bill_told_twice_counts_once(service: Later) -> None:
    bill = IssuedBill(bill_id=1, household="H1", amount_fen=150, open_fen=100)
    told = BillsIssued(
        run_id=None, estate="E1", fee_item="p", period="2026-01", due_date=date(2026, 2, 15), bills=[bill]
    )
    deliver_twice(service.on_bills_issued, told)
    assert create(service)["arrears_fen"] == 100


def test_the_timer_raises_alarms_and_the_scrape_shows_what_is_late(service: Later) -> None:
    create(service)
    service.ahead = timedelta(hours=25)
    for _ in range(2):
        service.raise_sla_alarms()
    with transaction(service.engine) as session:
        assert [event.level for event in events(session, WorkOrderSlaAlarm)] == ["warning", "breach"]
    gauges = {family.name: family.samples for family in service.collect_metrics()}
    late = {sample.labels["stage"]: sample.value for sample in gauges["estateloop_sla_overdue"]}
    assert late == {"respond": 1, "resolve": 0}
