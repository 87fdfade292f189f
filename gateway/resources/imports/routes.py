"""CSV imports (A3)."""

from starlette.requests import Request
from starlette.responses import Response

from gateway.front.guard import Gate, Services
from gateway.front.routing import Routes
from services.common.contracts.answers.imports import ImportKind, ImportResult
from services.common.domain.permissions import Permission
from services.common.sheets.encoding import decode_text

routes = Routes("Portfolio")


@routes.post(
    "/v1/imports/{kind}", answer=ImportResult, permission=Permission.IMPORT_FILES, media_types=("text/csv",), large=True
)
async def import_csv(kind: ImportKind, request: Request, call: Services) -> Response:
    """Import one CSV file whole or not at all; a second import of the same file changes nothing (A3)."""
    gate: Gate = request.app.state.gate
    return await call(
        "billing",
        "import_csv",
        kind=kind,
        content=decode_text(call.body),
        request_id=call.request_id,
        timeout=gate.settings.rpc_import_timeout_seconds,
    )
