"""Work orders and the steps of their life (G1)."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Body, Query
from starlette.responses import Response

from gateway.front.catching_up import when_known
from gateway.front.guard import Services
from gateway.front.roles import EVERYONE, REPORT, SERVE, SERVE_OR_OWNER, WORK
from gateway.front.routing import Routes
from gateway.resources.base import EstateFilter, HouseholdFilter, IdPath, Page
from gateway.resources.paging import Paging
from gateway.resources.work_orders.schemas import WorkOrder, WorkOrderActionRequest, WorkOrderRequest
from services.common.fields import Code

routes = Routes("Work orders")
OrderStatus = Annotated[Code | None, Query(description="created, dispatched, accepted, …", examples=["created"])]
Overdue = Annotated[bool | None, Query(description="Only those past a limit, or only those within", examples=[True])]
ACTIONS = {
    "dispatch": (SERVE, "Send a technician (派工); without `technician` the best one is chosen (G3)."),
    "accept": (WORK, "The technician takes the order (接单)."),
    "arrive": (WORK, "The technician is at the place (到场)."),
    "complete": (WORK, "The work is done (完工)."),
    "confirm": (SERVE_OR_OWNER, "The owner confirms (确认)."),
    "reopen": (SERVE_OR_OWNER, "The owner sends it back (返工)."),
    "pause": (WORK, "The clock stops while owner or parts are awaited (G2)."),
    "resume": (WORK, "The clock runs again."),
    "cancel": (SERVE_OR_OWNER, "The order is not wanted any more."),
}


@routes.post("/v1/work-orders", answer=WorkOrder, status=201, roles=REPORT)
async def create_work_order(body: WorkOrderRequest, call: Services) -> Response:
    """Ask for work (报修); the limits to respond and resolve begin to run (G2)."""
    asked = body.model_dump(mode="json")
    return await when_known(call, "workorders", "create_order", http=201, request_id=call.request_id, **asked)


@routes.get("/v1/work-orders", answer=Page[WorkOrder], roles=EVERYONE, personal=True)
async def list_work_orders(
    call: Services,
    page: Paging,
    estate: EstateFilter = None,
    household: HouseholdFilter = None,
    status: OrderStatus = None,
    overdue: Overdue = None,
) -> Response:
    """Orders in the caller's scope; an owner sees the own."""
    cut: dict[str, Any] = {"estate": estate, "household": household, "status": status, "overdue": overdue}
    return await call("workorders", "list_orders", **cut, **page)


@routes.get("/v1/work-orders/{order_id}", answer=WorkOrder, roles=EVERYONE, personal=True)
async def get_work_order(order_id: IdPath, call: Services) -> Response:
    """One order with its history, its limits and the arrears banner (G4)."""
    return await call("workorders", "get_order", order_id=order_id)


def _step(action: str, summary: str) -> Callable[..., Any]:
    async def step(
        order_id: IdPath, call: Services, body: Annotated[WorkOrderActionRequest | None, Body()] = None
    ) -> Response:
        said = body.model_dump(mode="json") if body else {}
        return await call(
            "workorders", "act_on_order", order_id=order_id, action=action, request_id=call.request_id, **said
        )

    step.__name__, step.__doc__ = f"{action}_work_order", summary
    return step


for _action, (_roles, _summary) in ACTIONS.items():
    routes.post(f"/v1/work-orders/{{order_id}}/{_action}", answer=WorkOrder, roles=_roles)(_step(_action, _summary))
