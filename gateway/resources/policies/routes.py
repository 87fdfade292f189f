"""Policies: what holds, where it comes from, and how it is changed by two people from a day on (ADR 23)."""

from typing import Annotated

from fastapi import Path, Query
from starlette.requests import Request
from starlette.responses import Response

from gateway.front.guard import Call, Services, answer
from gateway.front.routing import Routes
from gateway.resources.aggregates.routes import Part, gather, patience
from gateway.resources.base import EstateFilter, IdPath, ServiceName
from gateway.resources.joined import joined_page, part_patience
from gateway.resources.paging import Paging
from gateway.resources.policies.schemas import Decision, Policies, PolicyChangeRequest, PolicyChanges
from services.common.contracts.answers.policies import ChangeStatus, PolicyChange, PolicyHistory, PolicyName
from services.common.contracts.errors import Forbidden, NotFound
from services.common.domain.permissions import Permission

routes = Routes("Operation")
KEEPERS: tuple[ServiceName, ...] = ("billing", "notifications", "payments")
ELSEWHERE: dict[PolicyName, ServiceName] = {"contact": "notifications", "payment": "payments"}
PolicyPath = Annotated[PolicyName, Path(description="Name of a policy", examples=["late_fee_rate"])]
StatusFilter = Annotated[ChangeStatus | None, Query(description="Only those in this status", examples=["pending"])]


def keeper(policy: PolicyName) -> ServiceName:
    """The service that keeps a policy."""
    return ELSEWHERE.get(policy, "billing")


@routes.get("/v1/policies", answer=Policies, permission=Permission.READ_POLICIES)
async def list_policies(request: Request, call: Services, estate: EstateFilter = None) -> Response:
    """Every policy as it holds today for an estate, or the group, and where it comes from."""
    decides = (NotFound, Forbidden)
    whose = {"estate": estate}
    parts: dict[str, Part] = {name: Part(name, "list_policies", whose, decides, items=True) for name in KEEPERS}
    standings = await gather(call, parts, patience(request))
    items = [standing for name in KEEPERS for standing in standings[name] or []]
    return answer(Policies(items=items, next_cursor=None, degraded=standings["degraded"]))


@routes.get("/v1/policies/{policy}", answer=PolicyHistory, permission=Permission.READ_POLICIES)
async def get_policy(policy: PolicyPath, call: Services, estate: EstateFilter = None) -> Response:
    """One policy as it holds today, its history, and what waits."""
    return await call(keeper(policy), "get_policy", policy=policy, estate=estate)


@routes.post("/v1/policy-changes", answer=PolicyChange, status=201, permission=Permission.REQUEST_POLICY_CHANGE)
async def request_policy_change(body: PolicyChangeRequest, call: Services) -> Response:
    """Ask for a change from a day on; it waits for somebody else to grant it."""
    fields = body.model_dump(mode="json")
    return await call(keeper(body.policy), "request_policy_change", http=201, request_id=call.request_id, **fields)


@routes.get("/v1/policy-changes", answer=PolicyChanges, permission=Permission.READ_POLICIES)
async def list_policy_changes(
    request: Request, call: Services, page: Paging, status: StatusFilter = None, estate: EstateFilter = None
) -> Response:
    """Changes filters for: of the estates in scope and of the group."""
    filters = {"status": status, "estate": estate}
    changes = await joined_page(call, KEEPERS, "list_policy_changes", page, part_patience(request), **filters)
    items = [change for _, change in changes.items]
    return answer({"items": items, "next_cursor": changes.next_cursor, "degraded": changes.degraded})


@routes.post("/v1/policy-changes/{change_id}/approve", answer=PolicyChange, permission=Permission.APPROVE_POLICY_CHANGE)
async def approve_policy_change(change_id: IdPath, call: Services, body: Decision | None = None) -> Response:
    """Grant what somebody else filters for; it holds from its day on."""
    return await _decide(call, "approve_policy_change", change_id, body)


@routes.post("/v1/policy-changes/{change_id}/reject", answer=PolicyChange, permission=Permission.APPROVE_POLICY_CHANGE)
async def reject_policy_change(change_id: IdPath, call: Services, body: Decision | None = None) -> Response:
    """Refuse it."""
    return await _decide(call, "reject_policy_change", change_id, body)


@routes.post(
    "/v1/policy-changes/{change_id}/withdraw", answer=PolicyChange, permission=Permission.REQUEST_POLICY_CHANGE
)
async def withdraw_policy_change(change_id: IdPath, call: Services, body: Decision | None = None) -> Response:
    """Take the own request back, or call off what is granted before its day."""
    return await _decide(call, "withdraw_policy_change", change_id, body)


async def _decide(call: Call, door: str, change_id: IdPath, body: Decision | None) -> Response:
    """Of whichever service has the change."""
    note = body.note if body else None
    for service in KEEPERS[:-1]:
        try:
            return await call(service, door, change_id=change_id, note=note)
        except NotFound:
            continue
    return await call(KEEPERS[-1], door, change_id=change_id, note=note)
