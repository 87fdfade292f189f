"""Answers put together from several services: which refusal counts does not hang on who answers first (I1, I2)."""

import asyncio
from typing import Any, cast

import pytest

from gateway.front.guard import Call
from gateway.resources.aggregates.routes import WHOLLY, Part, gather
from services.common.contracts.errors import Forbidden, NotFound, PublicError, Unavailable

PARTS = {
    "owner": Part("billing", "get_household", decides=WHOLLY),
    "contact": Part("notifications", "get", decides=WHOLLY),
}


class Services:
    """Answers for services: each in its turn, in the order they are named."""

    def __init__(self, **outcomes: Any) -> None:
        self.outcomes = outcomes

    async def ask(self, service: str, _method: str, /, **_arguments: Any) -> Any:
        for _ in range(list(self.outcomes).index(service)):
            await asyncio.sleep(0)
        outcome = self.outcomes[service]
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


def gathered(services: Services) -> dict[str, Any]:
    return asyncio.run(gather(cast(Call, services), PARTS, 1.0))


@pytest.mark.parametrize("first", ["billing", "notifications"])
def test_a_refusal_counts_before_not_found_whoever_answers_first(first: str) -> None:
    outcomes: dict[str, PublicError] = {
        "billing": NotFound("no such household"),
        "notifications": Forbidden("not yours"),
    }
    ordered = {first: outcomes.pop(first), **outcomes}
    with pytest.raises(Forbidden):
        gathered(Services(**ordered))


def test_who_does_not_answer_is_named_and_the_rest_is_there() -> None:
    services = Services(billing={"household": "H1"}, notifications=Unavailable("away"))
    assert gathered(services) == {"owner": {"household": "H1"}, "contact": None, "degraded": ["notifications"]}
