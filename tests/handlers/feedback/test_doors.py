"""The doors of feedback on a real PostgreSQL: what is committed, what a repeated delivery does, what a scrape shows."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Engine

from services.common.contracts.errors import Invalid
from services.common.contracts.events import (
    ComplaintSlaAlarm,
    EstateEntry,
    EstatesRegistered,
    HouseholdEntry,
    HouseholdsRegistered,
    StaffEntry,
    StaffRegistered,
    WorkOrderFinished,
)
from services.common.database import transaction
from services.feedback.service import FeedbackService
from tests.support.doors import Ahead, deliver_twice
from tests.support.outbox import events

GROUP = {"sub": "g", "roles": ["group_admin"], "estates": ["*"]}
OWNER = {"sub": "o", "roles": ["owner"], "household": "H1"}


class Later(Ahead, FeedbackService):
    """The service with a clock that can be put forward."""


@pytest.fixture
def service(database: Callable[[str], Engine]) -> Later:
    made = Later()
    made.engine = database("feedback")
    deliver_twice(
        made.on_estates_registered, EstatesRegistered(estates=[EstateEntry(estate="E1", name="n", region="r")])
    )
    home = HouseholdEntry(household="H1", unit="u", building="B1")
    deliver_twice(made.on_households_registered, HouseholdsRegistered(estate="E1", households=[home]))
    steward = StaffEntry(staff="S1", name="n", role="steward", estate="E1", buildings=["B1"])
    deliver_twice(made.on_staff_registered, StaffRegistered(staff=[steward]))
    return made


def create(service: Later) -> Any:
    return service.create_complaint(
        caller=OWNER, request_id=str(uuid4()), estate="E1", category="service", text="nobody came", channel="app"
    )


def test_a_complaint_goes_all_the_way_through_the_doors(service: Later) -> None:
    complaint = create(service)
    assert (complaint["accountable"], complaint["household"]) == ("S1", "H1")
    for action in ("respond", "resolve", "close"):
        complaint = service.act_on_complaint(
            caller=GROUP, complaint_id=complaint["id"], action=action, request_id=str(uuid4()), text="done", by="S1"
        )
    assert complaint["status"] == "closed"
    assert service.get_complaint(caller=OWNER, complaint_id=complaint["id"]) == complaint
    assert [one["id"] for one in service.list_complaints(caller=OWNER)["items"]] == [complaint["id"]]


def test_an_unknown_action_is_invalid_and_names_the_known_ones(service: Later) -> None:
    complaint = create(service)
    with pytest.raises(Invalid) as refused:
        service.act_on_complaint(caller=GROUP, complaint_id=complaint["id"], action="forget", request_id=str(uuid4()))
    assert "respond" in refused.value.errors[0]["msg"]


def test_a_finished_order_told_twice_is_rated_once(service: Later) -> None:
    order = uuid4()
    told = WorkOrderFinished(
        work_order_id=order, estate="E1", building="B1", household="H1", category="plumbing", outcome="confirmed",
        technician="T1", finished_at=datetime.now(UTC),
    )  # fmt: skip
    deliver_twice(service.on_work_order_finished, told)
    (survey,) = service.list_surveys(caller=OWNER, work_order=str(order))["items"]
    service.answer_survey(caller=OWNER, survey_id=survey["id"], score=4, request_id=str(uuid4()))
    assert service.survey_result(caller=GROUP, survey_id=survey["id"])["csat"] == 1.0


def test_the_timers_and_the_scrape(service: Later) -> None:
    create(service)
    service.ahead = timedelta(hours=25)
    for _ in range(2):
        service.raise_sla_alarms()
    with transaction(service.engine) as session:
        told = [event for event in events(session, ComplaintSlaAlarm) if event.clock == "target"]
    assert [event.level for event in told] == ["warning", "escalation"]
    gauges = {family.name: family.samples for family in service.collect_metrics()}
    late = {(s.labels["kind"], s.labels["stage"]): s.value for s in gauges["estateloop_sla_overdue"]}
    assert late["complaint", "respond"] == 1
    assert late["complaint", "resolve"] == 0
    service.announce_year(caller=GROUP, year=2040, holidays=["2040-01-02"], makeup_days=[])
    service.recompute_provisional()
