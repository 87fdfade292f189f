"""Calls about what was imported a moment ago: services hear of estates and households by event, just after billing.

What a service does not know yet is asked of billing, which owns it (A1). Unknown there too: it does not exist, and the
service's refusal stands. Known there: the news is on its way, so the call waits for it instead of failing by chance.
"""

import asyncio
from time import monotonic
from typing import Any

from starlette.responses import Response

from gateway.front.guard import Call, answer
from gateway.link.rpc import RemoteFailure
from services.common.contracts.errors import Forbidden, NotFound, Unavailable

LOOK_EVERY = 0.1


async def when_known(call: Call, service: str, method: str, /, *, http: int = 200, **arguments: Any) -> Response:
    """`service.method` as the route's answer, once the service knows the `household` or `estate` it is asked about."""
    return answer(await ask_when_known(call, service, method, **arguments), http)


async def ask_when_known(call: Call, service: str, method: str, /, **arguments: Any) -> Any:
    """The answer of `service.method`, once the service knows the `household` or `estate` it is asked about.

    NotFound when billing does not know it either; Unavailable when the news takes longer than a caller should wait.
    """
    until = monotonic() + call.patience
    is_expected = False
    while True:
        try:
            return await call.ask(service, method, **arguments)
        except NotFound:
            is_expected = is_expected or await _billing_knows(call, arguments.get("household"), arguments.get("estate"))
            if not is_expected:
                raise
        if monotonic() >= until:
            raise Unavailable("This was imported just now and is not known everywhere yet; ask again in a moment.")
        await asyncio.sleep(LOOK_EVERY)


async def _billing_knows(call: Call, household: str | None, estate: str | None) -> bool:
    """Whether there is such a household on that estate, or without one such an estate; no, when billing cannot say."""
    try:
        if household is None:
            return bool(await call.ask("billing", "get_estate", estate=estate))
        home = await call.ask("billing", "get_household", household=household)
    except (NotFound, Forbidden, Unavailable, RemoteFailure):
        return False
    return estate is None or home["estate"] == estate
