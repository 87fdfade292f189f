"""Problem documents (RFC 9457): every error the gateway answers with has this one shape."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import to_json
from starlette.exceptions import HTTPException

from services.common.contracts.errors import PUBLIC_ERRORS, PublicError, findings

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 2
_NAMES = {error.status: name for name, error in PUBLIC_ERRORS.items()}
_TITLES = {error.status: error.title for error in PUBLIC_ERRORS.values()}


class UnsupportedMediaType(PublicError):
    """The body is of a type the call does not take."""

    status = 415
    title = "Unsupported media type"


class Fault(BaseModel):
    """One bad input: `loc` as in `body.amount_fen`, or `line` and `column` of an imported file."""

    model_config = ConfigDict(extra="allow")

    loc: str | None = None
    line: int | None = None
    column: str | None = None
    msg: str


class Problem(BaseModel):
    """application/problem+json (RFC 9457)."""

    type: str = Field(examples=["urn:estateloop:problem:not-found"])
    title: str
    status: int
    detail: str
    errors: list[Fault] = []
    trace_id: str = Field(description="Also in the X-Trace-Id header; quote it when asking for help")


def problem(
    status: int,
    detail: str,
    trace_id: str,
    errors: Sequence[Mapping[str, Any]] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The answer for one error."""
    body = document(status, detail, trace_id, errors)
    return Response(to_json(body), status, {**_headers(status), **(headers or {})}, MEDIA_TYPE)


def document(status: int, detail: str, trace_id: str, errors: Sequence[Mapping[str, Any]] = ()) -> dict[str, Any]:
    """The body of a problem answer."""
    return {
        "type": f"urn:estateloop:problem:{slug(status)}",
        "title": title(status),
        "status": status,
        "detail": detail,
        "errors": list(errors),
        "trace_id": trace_id,
    }


def title(status: int) -> str:
    """What this kind of problem is called."""
    return _TITLES.get(status) or HTTPStatus(status).phrase


def slug(status: int) -> str:
    """404 → not-found, 422 → invalid: the last part of the problem's type."""
    name = _NAMES.get(status)
    if name is None:
        return HTTPStatus(status).phrase.lower().replace(" ", "-")
    return "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("-")


def of_public(error: PublicError, trace_id: str) -> Response:
    """A public error, raised here or by a service."""
    return problem(error.status, error.detail, trace_id, error.errors)


def of_validation(error: RequestValidationError, trace_id: str) -> Response:
    """FastAPI's findings as 422; what was sent is not repeated, it may be personal.

    An id or a kind in the path that cannot be one names nothing: 404, whatever else is wrong.
    """
    details = error.errors()
    if any(item["loc"][0] == "path" for item in details):
        return problem(404, "There is nothing at this path.", trace_id, findings(details))
    return problem(422, "Some input is not valid.", trace_id, findings(details))


def of_http(error: HTTPException, trace_id: str) -> Response:
    """Unknown path, wrong method and the like."""
    detail = {404: "There is nothing at this path.", 405: "This path does not take this method."}
    return problem(error.status_code, detail.get(error.status_code, error.detail), trace_id, headers=error.headers)


def of_failure(trace_id: str) -> Response:
    """A failure of ours, without its inside."""
    return problem(500, "Something failed on our side; it is logged under this trace id.", trace_id)


def _headers(status: int) -> dict[str, str]:
    if status == 401:
        return {"WWW-Authenticate": "Bearer"}
    if status == 413:
        return {"Connection": "close"}
    return {"Retry-After": str(RETRY_AFTER_SECONDS)} if status in (429, 503) else {}
