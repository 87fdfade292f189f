"""VOCABULARY of public errors: what a service may say to a caller. The gateway makes an RFC 9457 problem of each.

They cross the wire as Nameko errors: `exc_type` is the class name and `exc_args` are `[detail, errors_as_json]`,
because Nameko turns everything that is no string into text on its way.
"""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from typing_extensions import TypedDict

# of a type that may be one thing or another, as `list[constrained-str]` and `literal['*']`
_ALTERNATIVE = re.compile(r"constrained-\w+$|(list|dict|set|tuple|literal|function-[a-z]+)\[")


class Finding(TypedDict):
    """What is wrong with one part of an input."""

    loc: str
    msg: str


def findings(details: Iterable[Mapping[str, Any]]) -> list[Finding]:
    """pydantic's findings as ours, without the values that were sent: they may be personal."""
    return [Finding(loc=_place(item["loc"]), msg=item["msg"]) for item in details]


def _place(parts: Iterable[str | int]) -> str:
    """Where in the input, without the names pydantic has for the alternatives of a type."""
    return ".".join(str(part) for part in parts if not _ALTERNATIVE.match(str(part)))


class PublicError(Exception):
    """Base of all errors a caller may see.

    `detail` is a sentence for people, without personal data. `errors` are `{"loc", "msg"}` (or, for imports,
    `{"line", "column", "msg"}`) naming each bad input.
    """

    status: ClassVar[int] = 500
    title: ClassVar[str] = "Internal error"

    def __init__(self, detail: str, errors: Iterable[Mapping[str, object]] | str | None = None) -> None:
        self.detail = detail
        findings_list = json.loads(errors) if isinstance(errors, str) else errors or ()
        self.errors: list[dict[str, Any]] = [dict(error) for error in findings_list]
        super().__init__(detail, json.dumps(self.errors, ensure_ascii=False, default=str))


class Unauthenticated(PublicError):
    """No valid sign-in."""

    status = 401
    title = "Sign-in required"


class Forbidden(PublicError):
    """The caller's role or estate scope does not cover this (I3)."""

    status = 403
    title = "Not allowed"


class NotFound(PublicError):
    """There is no such thing, or the caller may not know that there is."""

    status = 404
    title = "Not found"


class Conflict(PublicError):
    """The thing is in a state that does not allow this, or the idempotency key was used for another request."""

    status = 409
    title = "Conflict"


class TooLarge(PublicError):
    """The request is larger than the service accepts."""

    status = 413
    title = "Too large"


class Invalid(PublicError):
    """The input is wrong; `errors` names every bad part."""

    status = 422
    title = "Invalid input"


class TooManyRequests(PublicError):
    """The caller asks too often."""

    status = 429
    title = "Too many requests"


class Unavailable(PublicError):
    """A part that is needed did not answer in time."""

    status = 503
    title = "Temporarily unavailable"


PUBLIC_ERRORS: dict[str, type[PublicError]] = {
    error.__name__: error
    for error in (Unauthenticated, Forbidden, NotFound, Conflict, TooLarge, Invalid, TooManyRequests, Unavailable)
}
