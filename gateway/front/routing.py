"""How a resource module declares its routes: path, permission, answer, problems; OpenAPI follows from it."""

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from fastapi import FastAPI
from starlette.responses import Response

from gateway.front.guard import Guard, GuardedRoute, put_guard
from gateway.front.problems import MEDIA_TYPE, Problem, document, title
from services.common.domain.permissions import Permission, Role

Endpoint = Callable[..., Awaitable[Response]]
Declare = TypeVar("Declare", bound=Endpoint)
EXAMPLE_TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
DETAILS = {
    401: "Sign in: send Authorization: Bearer <token>.",
    403: "Estate GZ01 is outside your scope.",
    404: "There is no such household.",
    409: "This Idempotency-Key was used for another request.",
    413: "The body may have 1048576 bytes at most.",
    415: "Send application/json.",
    422: "Some input is not valid.",
    429: "Too many requests; slow down.",
    500: "Something failed on our side; it is logged under this trace id.",
    503: "The billing service did not answer in time.",
}


class Decorator(Protocol):
    """Gives the endpoint back as it was."""

    def __call__(self, endpoint: Declare, /) -> Declare:
        """Declare `endpoint`."""
        ...


@dataclass(frozen=True)
class Declared:
    """One route before it is mounted."""

    method: str
    path: str
    endpoint: Endpoint
    answer: Any
    status: int
    described: dict[str, Any]


@dataclass
class Routes:
    """The routes of one resource; `tag` groups them in the documentation."""

    tag: str
    declared: list[Declared] = field(default_factory=list)

    def get(
        self,
        path: str,
        *,
        answer: Any,
        permission: Permission | None,
        personal: bool = False,
        problems: tuple[int, ...] = (),
    ) -> Decorator:
        """Declare a read; `problems`: statuses it answers with beside those of every read."""
        return self._declare("GET", path, answer, 200, Guard(permission, personal=personal), problems)

    def post(self, path: str, *, answer: Any, status: int = 200, **guard: Any) -> Decorator:
        """Declare a write that takes an Idempotency-Key; `guard` are the fields of Guard."""
        return self._declare("POST", path, answer, status, Guard(**guard))

    def put(self, path: str, *, answer: Any, permission: Permission) -> Decorator:
        """Declare a write that may be repeated as it is."""
        return self._declare("PUT", path, answer, 200, Guard(permission))

    def _declare(
        self, method: str, path: str, answer: Any, status: int, guard: Guard, problems: tuple[int, ...] = ()
    ) -> Decorator:
        def decorate(endpoint: Declare, /) -> Declare:
            put_guard(endpoint, guard)
            description = _description_of(method, guard, {*problems, *_unknown(method, path, endpoint)})
            self.declared.append(Declared(method, path, endpoint, answer, status, description))
            return endpoint

        return decorate

    def mount(self, app: FastAPI) -> None:
        """Add the routes to the application."""
        for route in self.declared:
            app.router.add_api_route(
                route.path,
                route.endpoint,
                methods=[route.method],
                response_model=route.answer,
                status_code=route.status,
                operation_id=_camel(route.endpoint.__name__),
                tags=[self.tag],
                responses={status: _problem_response(status) for status in route.described["problems"]},
                openapi_extra=route.described["extra"],
                route_class_override=GuardedRoute,
            )


def _unknown(method: str, path: str, endpoint: Endpoint) -> set[int]:
    """404 where something named in path, query or body may not exist."""
    parameters = inspect.signature(endpoint).parameters.keys() & {"estate", "household"}
    return {404} if "{" in path or parameters or method != "GET" else set()


def _description_of(method: str, guard: Guard, problems: set[int]) -> dict[str, Any]:
    """Which problems a route answers with, and its permission and headers for the documentation."""
    statuses = {422, 429, 500, 503} | problems
    statuses |= {401, 403} if guard.permission is not None else set()
    statuses |= {409, 413, 415} if method != "GET" else set()
    extra = _sign_in_of(guard.permission)
    if method == "POST" and guard.idempotent:
        extra["parameters"] = [IDEMPOTENCY_KEY]
    return {"problems": sorted(statuses), "extra": extra}


def _sign_in_of(permission: Permission | None) -> dict[str, Any]:
    """Who may call; None: anybody, without signing in."""
    if permission is None:
        return {"security": []}
    return {"x-permission": permission, "x-roles": [role for role in Role if role in permission.roles]}


IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Same key and body: the same answer. Same key, other body: 409. Kept for seven days.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
    "example": "5f0c3c0e-7f0b-4d0c-9d4b-1f6a0f2a7c11",
}


def _problem_response(status: int) -> dict[str, Any]:
    errors = [{"loc": "body.amount_fen", "msg": "Input should be greater than 0"}] if status == 422 else []
    example = document(status, DETAILS[status], EXAMPLE_TRACE, errors)
    headers = {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds"}} if status in (429, 503) else {}
    return {
        "description": title(status),
        "headers": headers,
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}, "example": example}},
    }


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def problem_schemas() -> dict[str, Any]:
    """The schema components problem answers refer to."""
    template = "#/components/schemas/{model}"
    schema = Problem.model_json_schema(ref_template=template, mode="serialization")
    return {**schema.pop("$defs", {}), "Problem": schema}
