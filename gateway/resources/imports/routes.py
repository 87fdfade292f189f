"""CSV imports (A3)."""

import codecs
import re

from starlette.requests import Request
from starlette.responses import Response

from gateway.front.guard import Gate, Services
from gateway.front.routing import Routes
from services.common.contracts.answers.imports import ImportKind, ImportResult
from services.common.contracts.errors import Invalid
from services.common.domain.permissions import Permission

routes = Routes("Portfolio")
UNKNOWN = "\ufffd"
HAN = re.compile("[\u4e00-\u9fff]")


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
        content=decoded(call.body),
        request_id=call.request_id,
        timeout=gate.settings.rpc_import_timeout_seconds,
    )


def decoded(body: bytes) -> str:
    """UTF-8, with or without a byte order mark, else GB18030 as Chinese spreadsheets write it. Raises Invalid.

    A UTF-8 file that is damaged in places is not read as GB18030, which would make another name of every one: what
    cannot be read becomes U+FFFD, for the import to name line and column.
    """
    if not body:
        raise _unreadable("The file is empty.", "the header line is missing")
    text = body.decode("utf-8", errors="replace")
    if UNKNOWN in text and not body.startswith(codecs.BOM_UTF8) and text.count(UNKNOWN) > len(HAN.findall(text)):
        text = _gb18030(body)
    header = text.partition("\n")[0]
    if "\x00" in header or UNKNOWN in header:
        raise _unreadable("The file is neither UTF-8 nor GB18030 text.", "unreadable text")
    return text.removeprefix("\ufeff")


def _gb18030(body: bytes) -> str:
    try:
        return body.decode("gb18030")
    except UnicodeDecodeError:
        raise _unreadable("The file is neither UTF-8 nor GB18030 text.", "unreadable text") from None


def _unreadable(detail: str, msg: str) -> Invalid:
    return Invalid(detail, [{"line": 1, "column": "", "msg": msg}])
