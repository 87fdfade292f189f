"""Ratings of finished orders (H3)."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query
from starlette.responses import Response

from gateway.front.guard import Services
from gateway.front.routing import Routes
from gateway.resources.base import EstateFilter, HouseholdFilter, IdPath
from gateway.resources.paging import Paging
from gateway.resources.surveys.schemas import SurveyAnswerRequest
from services.common.contracts.answers.base import Page
from services.common.contracts.answers.surveys import Survey, SurveyResult
from services.common.domain.permissions import Permission

routes = Routes("Surveys")
OrderFilter = Annotated[
    UUID | None, Query(description="Id of a work order", examples=["5b1f9a54-6f57-4f0b-8a4e-3f2f6f0d9c11"])
]


@routes.get("/v1/surveys", answer=Page[Survey], permission=Permission.READ_SURVEYS, personal=True)
async def list_surveys(
    call: Services,
    page: Paging,
    household: HouseholdFilter = None,
    work_order: OrderFilter = None,
    estate: EstateFilter = None,
) -> Response:
    """Invitations to rate, and their answers."""
    cut: dict[str, Any] = {"household": household, "work_order": work_order, "estate": estate}
    return await call("feedback", "list_surveys", **cut, **page)


@routes.get("/v1/surveys/{survey_id}", answer=Survey, permission=Permission.READ_SURVEYS, personal=True)
async def get_survey(survey_id: IdPath, call: Services) -> Response:
    """One invitation."""
    return await call("feedback", "get_survey", survey_id=survey_id)


@routes.post("/v1/surveys/{survey_id}/answers", answer=Survey, status=201, permission=Permission.ANSWER_SURVEY)
async def answer_survey(survey_id: IdPath, body: SurveyAnswerRequest, call: Services) -> Response:
    """Rate; one answer per invitation (H3)."""
    fields = body.model_dump(mode="json")
    return await call("feedback", "answer_survey", http=201, survey_id=survey_id, request_id=call.request_id, **fields)


@routes.get("/v1/surveys/{survey_id}/result", answer=SurveyResult, permission=Permission.READ_SURVEY_RESULT)
async def survey_result(survey_id: IdPath, call: Services) -> Response:
    """Satisfaction, response rate and how sure they are."""
    return await call("feedback", "survey_result", survey_id=survey_id)
