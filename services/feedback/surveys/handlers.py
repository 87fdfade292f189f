"""STORY of ratings: a confirmed order is rated once by its household (H3)."""

from dataclasses import asdict
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from services.common.contracts.answers import surveys as answers
from services.common.contracts.answers.base import Page
from services.common.contracts.errors import NotFound
from services.common.contracts.events import RatingInvited, WorkOrderFinished
from services.common.domain.access import Caller
from services.common.domain.permissions import Permission
from services.common.messaging import record
from services.common.once import same_request
from services.common.paging import page, position
from services.feedback.surveys import rules, tables
from services.feedback.surveys.rules import Answer, Survey
from services.feedback.surveys.tables import Filter


def invite_rating(session: Session, order: WorkOrderFinished, survey_id: UUID, now: datetime) -> None:
    """Ask the household of a confirmed order what it thinks (回访); a cancelled or public order is not rated."""
    if order.outcome != "confirmed" or order.household is None:
        return
    new = Survey(
        id=survey_id,
        kind="order",
        work_order_id=order.work_order_id,
        estate=order.estate,
        building=order.building,
        household=order.household,
        category=order.category,
        technician=order.technician,
        invited_at=now,
    )
    if tables.invite(session, new):
        event = RatingInvited(
            survey_id=new.id, work_order_id=new.work_order_id, estate=new.estate, household=new.household
        )
        record(session, event, aggregate=str(new.id), at=now)


def answer_survey(session: Session, caller: Caller, survey_id: UUID, answer: Answer, now: datetime) -> answers.Survey:
    """The household's answer, or what it told a steward on the phone; a second one is a Conflict."""
    caller.require(Permission.ANSWER_SURVEY)
    survey = _existing(tables.lock(session, survey_id))
    _require_scope(caller, survey)
    if survey.request_id == answer.request_id:
        return _view(same_request("answer", survey, asdict(answer)))
    after = rules.answer(survey, answer, caller.sub, now)
    tables.save(session, after)
    return _view(after)


def get_survey(session: Session, caller: Caller, survey_id: UUID) -> answers.Survey:
    """The invitation and its answer; NotFound, Forbidden outside the caller's scope."""
    caller.require(Permission.READ_SURVEYS)
    survey = _existing(tables.find(session, survey_id))
    _require_scope(caller, survey)
    return _view(survey)


def survey_result(session: Session, caller: Caller, survey_id: UUID) -> answers.SurveyResult:
    """Figures of one survey."""
    caller.require(Permission.READ_SURVEY_RESULT)
    survey = _existing(tables.find(session, survey_id))
    _require_scope(caller, survey)
    return {"id": survey.id, **rules.tally_of(survey).as_result()}


def list_surveys(session: Session, caller: Caller, cut: Filter, limit: int, cursor: str | None) -> Page[answers.Survey]:
    """Surveys in the caller's scope, newest first; an owner sees those of the own household."""
    caller.require(Permission.READ_SURVEYS)
    scope = caller.scope(cut.estate, cut.household)
    rows = tables.listed(session, scope, cut, limit + 1, position(cursor, datetime.fromisoformat, UUID))
    items, next_cursor = page(rows, limit, lambda one: [one.invited_at.isoformat(), str(one.id)])
    return Page(items=[_view(survey) for survey in items], next_cursor=next_cursor)


def _existing(survey: Survey | None) -> Survey:
    if survey is None:
        raise NotFound("There is no such survey.")
    return survey


def _require_scope(caller: Caller, survey: Survey) -> None:
    caller.require_household(survey.household, survey.estate)


def _view(survey: Survey) -> answers.Survey:
    return answers.Survey(
        id=survey.id,
        kind=survey.kind,
        work_order=survey.work_order_id,
        estate=survey.estate,
        building=survey.building,
        household=survey.household,
        category=survey.category,
        technician=survey.technician,
        status="answered" if survey.answered_at else "invited",
        invited_at=survey.invited_at,
        answered_at=survey.answered_at,
        answered_by=survey.answered_by,
        score=survey.score,
        text=survey.text,
    )
