"""Work orders and the steps of their life (G1)."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Body, Query
from starlette.responses import Response

from gateway.front.catching_up import when_known
from gateway.front.guard import Call, Services
from gateway.front.routing import Routes
from gateway.resources.base import EstateFilter, HouseholdFilter, IdPath
from gateway.resources.paging import Paging
from gateway.resources.work_orders.schemas import CategoriesRequest, WorkOrderActionRequest, WorkOrderRequest
from services.common.contracts.answers.base import Page
from services.common.contracts.answers.work_orders import OrderStatus, WorkOrder, WorkOrderCategory, WorkOrderRecord
from services.common.domain.permissions import Permission

routes = Routes("Work orders")
StatusFilter = Annotated[OrderStatus | None, Query(description="Only those in this status", examples=["created"])]
Overdue = Annotated[bool | None, Query(description="Only those past a limit, or only those within", examples=[True])]
Step = Annotated[WorkOrderActionRequest | None, Body()]


@routes.post("/v1/work-orders", answer=WorkOrderRecord, status=201, permission=Permission.OPEN_WORK_ORDER)
async def create_work_order(body: WorkOrderRequest, call: Services) -> Response:
    """Ask for work (报修); the limits to respond and resolve begin to run (G2)."""
    fields = body.model_dump(mode="json")
    return await when_known(call, "workorders", "create_order", http=201, request_id=call.request_id, **fields)


@routes.get("/v1/work-orders", answer=Page[WorkOrder], permission=Permission.READ_WORK_ORDERS, personal=True)
async def list_work_orders(
    call: Services,
    page: Paging,
    estate: EstateFilter = None,
    household: HouseholdFilter = None,
    status: StatusFilter = None,
    overdue: Overdue = None,
) -> Response:
    """Orders in the caller's scope; an owner sees the own."""
    cut: dict[str, Any] = {"estate": estate, "household": household, "status": status, "overdue": overdue}
    return await call("workorders", "list_orders", **cut, **page)


@routes.get("/v1/work-order-categories", answer=Page[WorkOrderCategory], permission=Permission.READ_WORK_ORDERS)
async def list_work_order_categories(call: Services) -> Response:
    """What work may be asked for, with the words that mean it (G1)."""
    return await call("workorders", "list_categories")


@routes.put(
    "/v1/work-order-categories",
    answer=Page[WorkOrderCategory],
    permission=Permission.SET_WORK_ORDER_CATEGORIES,
)
async def set_work_order_categories(body: CategoriesRequest, call: Services) -> Response:
    """Replace the group's list; orders of a category that is left out keep it (G1)."""
    return await call("workorders", "set_categories", **body.model_dump(mode="json"))


@routes.get("/v1/work-orders/{order_id}", answer=WorkOrderRecord, permission=Permission.READ_WORK_ORDERS, personal=True)
async def get_work_order(order_id: IdPath, call: Services) -> Response:
    """One order with its history, its limits and the arrears banner (G4)."""
    return await call("workorders", "get_order", order_id=order_id)


@routes.post("/v1/work-orders/{order_id}/dispatch", answer=WorkOrderRecord, permission=Permission.DISPATCH_WORK_ORDER)
async def dispatch_work_order(order_id: IdPath, call: Services, body: Step = None) -> Response:
    """Send a technician (派工); without `technician` the best one is chosen (G3)."""
    return await _act(call, order_id, "dispatch", body)


@routes.post("/v1/work-orders/{order_id}/accept", answer=WorkOrderRecord, permission=Permission.CARRY_OUT_WORK_ORDER)
async def accept_work_order(order_id: IdPath, call: Services, body: Step = None) -> Response:
    """The technician takes the order (接单)."""
    return await _act(call, order_id, "accept", body)


@routes.post("/v1/work-orders/{order_id}/arrive", answer=WorkOrderRecord, permission=Permission.CARRY_OUT_WORK_ORDER)
async def arrive_work_order(order_id: IdPath, call: Services, body: Step = None) -> Response:
    """The technician is at the place (到场)."""
    return await _act(call, order_id, "arrive", body)


@routes.post("/v1/work-orders/{order_id}/complete", answer=WorkOrderRecord, permission=Permission.CARRY_OUT_WORK_ORDER)
async def complete_work_order(order_id: IdPath, call: Services, body: Step = None) -> Response:
    """The work is done (完工)."""
    return await _act(call, order_id, "complete", body)


@routes.post("/v1/work-orders/{order_id}/confirm", answer=WorkOrderRecord, permission=Permission.CONFIRM_WORK_ORDER)
async def confirm_work_order(order_id: IdPath, call: Services, body: Step = None) -> Response:
    """The owner confirms (确认)."""
    return await _act(call, order_id, "confirm", body)


@routes.post("/v1/work-orders/{order_id}/reopen", answer=WorkOrderRecord, permission=Permission.CONFIRM_WORK_ORDER)
async def reopen_work_order(order_id: IdPath, call: Services, body: Step = None) -> Response:
    """The owner sends it back (返工)."""
    return await _act(call, order_id, "reopen", body)


@routes.post("/v1/work-orders/{order_id}/pause", answer=WorkOrderRecord, permission=Permission.CARRY_OUT_WORK_ORDER)
async def pause_work_order(order_id: IdPath, call: Services, body: Step = None) -> Response:
    """The clock stops while owner or parts are awaited (G2)."""
    return await _act(call, order_id, "pause", body)


@routes.post("/v1/work-orders/{order_id}/resume", answer=WorkOrderRecord, permission=Permission.CARRY_OUT_WORK_ORDER)
async def resume_work_order(order_id: IdPath, call: Services, body: Step = None) -> Response:
    """The clock runs again."""
    return await _act(call, order_id, "resume", body)


@routes.post("/v1/work-orders/{order_id}/cancel", answer=WorkOrderRecord, permission=Permission.CONFIRM_WORK_ORDER)
async def cancel_work_order(order_id: IdPath, call: Services, body: Step = None) -> Response:
    """The order is not wanted any more."""
    return await _act(call, order_id, "cancel", body)


async def _act(call: Call, order_id: UUID, action: str, body: WorkOrderActionRequest | None) -> Response:
    step: dict[str, Any] = {"order_id": order_id, "action": action, "request_id": call.request_id}
    return await call("workorders", "act_on_order", **step, **(body.model_dump(mode="json") if body else {}))
