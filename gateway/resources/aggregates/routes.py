"""Answers put together from several services: one slow or dead service degrades its part, not the answer (I2)."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from gateway.front.guard import Call, Gate, Services, answer
from gateway.front.routing import Routes
from gateway.link.rpc import RemoteFailure
from gateway.resources.aggregates.schemas import EstateDashboard, GroupDashboard, Overview
from gateway.resources.base import EstatePath, HouseholdPath
from services.common.contracts.errors import Forbidden, NotFound, PublicError, Unavailable
from services.common.domain.permissions import Permission

routes = Routes("Aggregates")
WHOLLY = (NotFound, Forbidden)
MOST_OF_A_LIST = 20  # of each list in an overview


@dataclass(frozen=True)
class Part:
    """One part: whom to ask. `decides`: which of its errors are the whole's. `items`: only the list is shown."""

    service: str
    method: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    decides: tuple[type[PublicError], ...] = ()
    items: bool = False


@routes.get("/v1/households/{household}/overview", answer=Overview, permission=Permission.READ_STATEMENT, personal=True)
async def get_overview(household: HouseholdPath, request: Request, call: Services) -> Response:
    """The household at a glance: owner, statement, payments, dunning, orders, complaints, messages (I1)."""
    whose = {"household": household}
    page_of_household = {**whose, "limit": MOST_OF_A_LIST}
    parts = {
        "owner": Part("billing", "get_household", whose, WHOLLY),
        "statement": Part("billing", "get_statement", whose, WHOLLY),
        "payments": Part("payments", "list_payments", page_of_household, items=True),
        "dunning": Part("billing", "get_dunning_case", whose),
        "work_orders": Part("workorders", "list_orders", page_of_household, items=True),
        "complaints": Part("feedback", "list_complaints", page_of_household, items=True),
        "messages": Part("notifications", "list_notifications", page_of_household, items=True),
    }
    return answer({**whose, **await gather(call, parts, patience(request))})


@routes.get("/v1/dashboards/group", answer=GroupDashboard, permission=Permission.READ_GROUP_FIGURES)
async def get_group_dashboard(request: Request, call: Services) -> Response:
    """Collection, payments, orders and complaints over the caller's estates."""
    return answer(await gather(call, _figures("group_figures", {}), patience(request)))


@routes.get("/v1/dashboards/estates/{estate}", answer=EstateDashboard, permission=Permission.READ_FIGURES)
async def get_estate_dashboard(estate: EstatePath, request: Request, call: Services) -> Response:
    """The same for one estate."""
    where = {"estate": estate}
    return answer({**where, **await gather(call, _figures("estate_figures", where), patience(request))})


def _figures(method: str, arguments: Mapping[str, Any]) -> dict[str, Part]:
    return {
        "collection": Part("billing", method, arguments, WHOLLY),
        "payments": Part("payments", method, arguments),
        "work_orders": Part("workorders", method, arguments),
        "complaints": Part("feedback", method, arguments),
    }


def patience(request: Request) -> float:
    """How long a part may take."""
    gate: Gate = request.app.state.gate
    return gate.settings.rpc_part_timeout_seconds


async def gather(call: Call, parts: Mapping[str, Part], seconds: float) -> dict[str, Any]:
    """All parts at once: `{name: part or None, …, "degraded": [services that did not answer]}`.

    Where several parts decide, a refusal comes first, whichever answered first: the same question, the same answer.
    """
    calls = (_ask(call, part, seconds) for part in parts.values())
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    errors = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    if errors:
        raise min(errors, key=lambda error: not isinstance(error, Forbidden))
    answers = [outcome for outcome in outcomes if not isinstance(outcome, BaseException)]
    silent_services = {
        part.service for part, (_, has_answered) in zip(parts.values(), answers, strict=True) if not has_answered
    }
    return {
        **{name: value for name, (value, _) in zip(parts, answers, strict=True)},
        "degraded": sorted(silent_services),
    }


async def _ask(call: Call, part: Part, seconds: float) -> tuple[Any, bool]:
    """(the part, whether the service answered); a refusal is an answer and leaves the part empty.

    A service that has not heard of the household yet has nothing to list.
    """
    try:
        value = await call.ask(part.service, part.method, timeout=seconds, **part.arguments)
    except (Unavailable, RemoteFailure):
        return None, False
    except (NotFound, Forbidden) as error:
        if isinstance(error, part.decides):
            raise
        return ([] if part.items and isinstance(error, NotFound) else None), True
    return (value["items"] if part.items else value), True
