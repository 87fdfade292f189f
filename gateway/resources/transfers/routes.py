"""Units that change hands, or their status (A1)."""

from functools import partial

from starlette.responses import Response

from gateway.front.guard import Services
from gateway.front.routing import Routes
from gateway.resources.base import EstatePath, IdPath
from gateway.resources.files.routes import UNIT, UnitPath
from gateway.resources.transfers.schemas import StatusRequest, TransferRequest, UndoRequest
from services.common.contracts.answers.statuses import ChangedStatus, UnitStatuses
from services.common.contracts.answers.transfers import Payers, Transfer
from services.common.domain.permissions import Permission

routes = Routes("Portfolio")


@routes.post(f"{UNIT}/transfers", answer=Transfer, status=201, permission=Permission.TRANSFER_UNIT)
async def transfer_unit(estate: EstatePath, unit: UnitPath, body: TransferRequest, call: Services) -> Response:
    """A unit passes to another payer from a day on, past or future; the month is split by its days (A1)."""
    fields = body.model_dump(mode="json")
    where = {"estate": estate, "unit": unit}
    return await call("billing", "transfer_unit", http=201, request_id=call.request_id, **where, **fields)


@routes.post(f"{UNIT}/transfers/{{transfer_id}}/undo", answer=Transfer, permission=Permission.TRANSFER_UNIT)
async def undo_transfer(
    estate: EstatePath, unit: UnitPath, transfer_id: IdPath, body: UndoRequest, call: Services
) -> Response:
    """The transfer recorded last never was; to correct it, record the right one afterwards."""
    ask = partial(call, "billing", "undo_transfer", estate=estate, unit=unit)
    return await ask(transfer_id=transfer_id, reason=body.reason)


@routes.get(f"{UNIT}/payers", answer=Payers, permission=Permission.READ_UNITS, personal=True)
async def list_payers(estate: EstatePath, unit: UnitPath, call: Services) -> Response:
    """Who paid, pays and will pay for a unit, day by day, and what was recorded (A1)."""
    return await call("billing", "list_payers", estate=estate, unit=unit)


@routes.put(f"{UNIT}/status", answer=ChangedStatus, permission=Permission.SET_UNIT_STATUS)
async def set_unit_status(estate: EstatePath, unit: UnitPath, body: StatusRequest, call: Services) -> Response:
    """A unit is occupied, vacant or unsold from a day on; days before it are billed as they were (A1, B3)."""
    fields = body.model_dump(mode="json")
    return await call("billing", "set_unit_status", estate=estate, unit=unit, **fields)


@routes.get(f"{UNIT}/status", answer=UnitStatuses, permission=Permission.READ_UNITS)
async def list_unit_statuses(estate: EstatePath, unit: UnitPath, call: Services) -> Response:
    """The status a unit had, has and will have, day by day (A1)."""
    return await call("billing", "list_unit_statuses", estate=estate, unit=unit)
