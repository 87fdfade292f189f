"""Ratings on a real PostgreSQL (H3): invited once per confirmed order, answered once, counted right."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from services.common.contracts.errors import Conflict, Forbidden, NotFound
from services.common.contracts.events import RatingInvited, WorkOrderFinished
from services.common.database import transaction
from services.common.domain.access import Caller
from services.feedback.sla import handlers as sla
from services.feedback.surveys import handlers
from services.feedback.surveys.rules import Answer
from services.feedback.surveys.tables import Filter
from services.feedback.tables import REGISTER
from tests.support.databases import waits_for_a_lock
from tests.support.outbox import events
from tests.support.quality import GROUP, NEIGHBOUR, OWNER, STEWARD, outcome_of, tell_homes
from tests.support.waiting import until

NOW = datetime(2026, 11, 2, 1, 0, tzinfo=UTC)
AUDITOR = Caller(sub="A1", roles=frozenset({"auditor"}), estates=frozenset({"*"}))


@pytest.fixture
def engine(database: Callable[[str], Engine]) -> Engine:
    return database("feedback")


def finished(**changes: Any) -> WorkOrderFinished:
    told = {
        "work_order_id": uuid4(),
        "estate": "E1",
        "building": "B1",
        "household": "H1",
        "category": "plumbing",
        "outcome": "confirmed",
        "technician": "T1",
        "finished_at": NOW,
    }
    return WorkOrderFinished(**{**told, **changes})


def invite(session: Session, at: datetime = NOW, **changes: Any) -> UUID:
    survey_id = uuid4()
    handlers.invite_rating(session, finished(**changes), survey_id, at)
    return survey_id


def rate(session: Session, survey: UUID, score: int, caller: Caller = OWNER) -> dict[str, Any]:
    return handlers.answer_survey(session, caller, survey, Answer(uuid4(), score, None), NOW)


def test_a_confirmed_order_of_a_household_is_rated(session: Session) -> None:
    survey = invite(session)
    shown = handlers.get_survey(session, OWNER, survey)
    assert (shown["status"], shown["household"], shown["technician"]) == ("invited", "H1", "T1")
    assert [event.survey_id for event in events(session, RatingInvited)] == [survey]
    assert handlers.survey_result(session, STEWARD, survey) == {
        "id": survey,
        "responses": 0,
        "invited": 1,
        "response_rate": 0.0,
        "csat": None,
        "average": None,
    }


@pytest.mark.parametrize("changes", [{"outcome": "cancelled"}, {"household": None}])
def test_a_cancelled_or_public_order_is_not_rated(session: Session, changes: dict[str, Any]) -> None:
    invite(session, **changes)
    assert handlers.list_surveys(session, GROUP, Filter(), 50, None) == {"items": [], "next_cursor": None}
    assert events(session, RatingInvited) == []


def test_rework_confirmed_again_invites_again_only_after_an_answer(session: Session) -> None:
    order = uuid4()
    first = invite(session, work_order_id=order)
    invite(session, work_order_id=order)
    assert len(events(session, RatingInvited)) == 1, "the first invitation still waits"
    rate(session, first, 2)
    second = invite(session, NOW + timedelta(days=1), work_order_id=order)
    listed = handlers.list_surveys(session, GROUP, Filter(work_order=order), 50, None)["items"]
    assert [item["id"] for item in listed] == [second, first]


def test_one_answer_per_invitation(session: Session) -> None:
    survey, given = invite(session), Answer(uuid4(), 5, "fine")
    first = handlers.answer_survey(session, OWNER, survey, given, NOW)
    again = handlers.answer_survey(session, OWNER, survey, given, NOW + timedelta(hours=1))
    assert first == again
    with pytest.raises(Conflict, match="another answer"):
        handlers.answer_survey(session, OWNER, survey, replace(given, score=1), NOW)
    with pytest.raises(Conflict, match="one answer"):
        rate(session, survey, 1)
    assert handlers.survey_result(session, STEWARD, survey)["csat"] == 1.0
    with pytest.raises(Forbidden):
        handlers.survey_result(session, OWNER, survey)


def test_two_answers_at_once_keep_one(engine: Engine) -> None:
    with transaction(engine) as session:
        survey = invite(session)

    def vote_again() -> None:
        with transaction(engine) as own:
            rate(own, survey, 1)

    with ThreadPoolExecutor(1) as pool:
        with transaction(engine) as first:
            rate(first, survey, 5)
            second = pool.submit(outcome_of, vote_again)
            until(lambda: waits_for_a_lock(engine), "the second answer waits for the first")
        assert second.result(timeout=20) == "conflict"
    with transaction(engine) as session:
        assert handlers.get_survey(session, OWNER, survey)["score"] == 5


def test_scope(session: Session) -> None:
    survey = invite(session)
    for call in (handlers.get_survey, handlers.survey_result):
        with pytest.raises(Forbidden):
            call(session, NEIGHBOUR, survey)
        with pytest.raises(NotFound):
            call(session, GROUP, uuid4())
    for outsider in (NEIGHBOUR, AUDITOR):
        with pytest.raises(Forbidden):
            rate(session, survey, 5, outsider)
    assert rate(session, survey, 4, STEWARD)["answered_by"] == "S1"
    other = invite(session, household="H2", estate="E2")
    assert [item["id"] for item in handlers.list_surveys(session, OWNER, Filter(), 50, None)["items"]] == [survey]
    assert [item["id"] for item in handlers.list_surveys(session, STEWARD, Filter(), 50, None)["items"]] == [survey]
    pages = handlers.list_surveys(session, GROUP, Filter(), 1, None)
    rest = handlers.list_surveys(session, GROUP, Filter(), 1, pages["next_cursor"])
    assert {pages["items"][0]["id"], rest["items"][0]["id"]} == {survey, other}
    assert rest["next_cursor"] is None


def test_csat_in_the_figures(session: Session) -> None:
    tell_homes(session, REGISTER, "E1", "E2", at=NOW)
    for score in (5, 4, 3):
        rate(session, invite(session), score)
    invite(session)
    rate(session, invite(session, household="H2", estate="E2"), 1, NEIGHBOUR)
    figures = sla.estate_figures(session, GROUP, "E1", NOW)
    assert (figures["csat"], figures["survey"]["response_rate"], figures["survey"]["average"]) == (0.6667, 0.75, 4.0)
    group = sla.group_figures(session, GROUP, NOW)
    assert group["csat"] == 0.5
    assert [one["csat"] for one in group["estates"]] == [0.6667, 0.0]
