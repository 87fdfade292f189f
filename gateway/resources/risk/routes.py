"""Arrears risk for stewards (D7)."""

from typing import Annotated

from fastapi import Query
from starlette.responses import Response

from gateway.front.guard import Services
from gateway.front.routing import Routes
from gateway.resources.base import BuildingFilter, IdPath
from gateway.resources.paging import Paging
from gateway.resources.risk.schemas import TrainingRequest
from services.common.contracts.answers.base import Created
from services.common.contracts.answers.risk import Risk, RiskModel, Training
from services.common.domain.permissions import Permission
from services.common.fields import Code

routes = Routes("Collections")
EstateQuery = Annotated[Code, Query(description="Code of an estate", examples=["GZ01"])]


@routes.get("/v1/risk", answer=Risk, permission=Permission.READ_RISK, personal=True)
async def list_risk(estate: EstateQuery, call: Services, page: Paging, building: BuildingFilter = None) -> Response:
    """Who is likely to be late next, with reasons, by household and building (D7)."""
    return await call("billing", "list_risk", estate=estate, building=building, **page)


@routes.get("/v1/risk/model", answer=RiskModel, permission=Permission.READ_RISK)
async def get_risk_model(call: Services) -> Response:
    """The card of the model: data, test, calibration, weights (D7)."""
    return await call("billing", "get_risk_model")


@routes.post("/v1/risk/trainings", answer=Created, status=202, permission=Permission.TRAIN_RISK_MODEL)
async def request_risk_training(body: TrainingRequest, call: Services) -> Response:
    """Ask for a new model, learned from the group's own history (D7)."""
    return await call("billing", "request_risk_training", http=202, request_id=call.request_id, **body.model_dump())


@routes.get("/v1/risk/trainings/{training_id}", answer=Training, permission=Permission.READ_RISK_TRAINING)
async def get_risk_training(training_id: IdPath, call: Services) -> Response:
    """How a training stands."""
    return await call("billing", "get_risk_training", training_id=training_id)
