"""Lists that several services keep a part of: one after the other on one page; a silent service is named (I2)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from gateway.front.guard import Call, Gate
from gateway.link.rpc import RemoteFailure
from gateway.resources.base import ServiceName
from gateway.resources.paging import Window
from services.common.contracts.errors import Unavailable
from services.common.paging import decode_cursor, encode_cursor, not_of_this_list


@dataclass(frozen=True)
class ServicesPage:
    """A page: items with the service each is of, the place of the next page, and who did not answer."""

    items: list[tuple[ServiceName, dict[str, Any]]]
    next_cursor: str | None
    degraded: list[ServiceName]


def part_patience(request: Request) -> float:
    """How long a part may take."""
    gate: Gate = request.app.state.gate
    return gate.settings.rpc_part_timeout_seconds


async def joined_page(
    call: Call, services: Sequence[ServiceName], door: str, window: Window, seconds: float, **filters: Any
) -> ServicesPage:
    """One page over these services in their order; the cursor says which service and where in it."""
    place, inner = _place(window["cursor"], len(services))
    items: list[tuple[ServiceName, dict[str, Any]]] = []
    silent: list[ServiceName] = []
    while place < len(services) and len(items) < window["limit"]:
        service = services[place]
        part = await _part(
            call, service, door, seconds, {**filters, "limit": window["limit"] - len(items), "cursor": inner}
        )
        silent += [service] if part is None else []
        items += [(service, item) for item in (part or {"items": []})["items"]]
        inner = part["next_cursor"] if part else None
        place += inner is None
    following = encode_cursor([place] if inner is None else [place, inner]) if place < len(services) else None
    return ServicesPage(items, following, sorted(silent))


async def _part(
    call: Call, service: ServiceName, door: str, seconds: float, arguments: Mapping[str, Any]
) -> Mapping[str, Any] | None:
    """A service's part; None when it did not answer."""
    try:
        part: Mapping[str, Any] = await call.ask(service, door, timeout=seconds, **arguments)
    except (Unavailable, RemoteFailure):
        return None
    return part


def _place(cursor: str | None, services: int) -> tuple[int, str | None]:
    match decode_cursor(cursor):
        case None:
            return 0, None
        case [int(place), *inner] if 0 <= place < services and len(inner) <= 1:
            return place, inner[0] if inner else None
    raise not_of_this_list("query.cursor")
