"""CSV imports (A3)."""

import codecs

from starlette.requests import Request
from starlette.responses import Response

from gateway.guard import Gate, Services
from gateway.roles import OFFICE
from gateway.routing import Routes
from gateway.schemas.portfolio import ImportKind, ImportResult
from services.common.contracts.errors import Invalid

routes = Routes("Portfolio")


@routes.post("/v1/imports/{kind}", answer=ImportResult, roles=OFFICE, media_types=("text/csv",), large=True)
async def import_csv(kind: ImportKind, request: Request, call: Services) -> Response:
    """Import one CSV file whole or not at all; a second import of the same file changes nothing (A3)."""
    gate: Gate = request.app.state.gate
    return await call(
        "billing",
        "import_csv",
        kind=kind,
        content=decoded(call.body),
        request_id=call.request_id,
        timeout=gate.settings.rpc_import_timeout_seconds,
    )


def decoded(body: bytes) -> str:
    """UTF-8, with or without a byte order mark, else GB18030 as Chinese spreadsheets write it. Raises Invalid."""
    if not body:
        raise Invalid("The file is empty.", [{"line": 1, "column": None, "msg": "the header line is missing"}])
    for encoding in ("utf-8-sig",) if body.startswith(codecs.BOM_UTF8) else ("utf-8", "gb18030"):
        try:
            text = body.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\x00" not in text:
            return text
    raise Invalid(
        "The file is neither UTF-8 nor GB18030 text.", [{"line": 1, "column": None, "msg": "unreadable text"}]
    )
