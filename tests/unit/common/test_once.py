"""The id of a request belongs to that very request: another one that comes with it is refused."""

from dataclasses import dataclass

import pytest

from services.common.contracts.errors import Conflict
from services.common.once import same_request


@dataclass(frozen=True)
class Refund:
    """A record with what was asked for, and more."""

    amount_fen: int
    reason: str | None
    booked_by: str = "F1"


RECORD = Refund(500, None)


def test_the_same_request_is_its_record() -> None:
    assert same_request("refund", RECORD, {"amount_fen": 500, "reason": None}) is RECORD


@pytest.mark.parametrize("request_", [{"amount_fen": 501, "reason": None}, {"amount_fen": 500, "reason": "moved"}])
def test_another_request_is_a_conflict_that_names_the_thing(request_: dict[str, object]) -> None:
    with pytest.raises(Conflict, match="This request id was used for another refund."):
        same_request("refund", RECORD, request_)


def test_a_record_that_is_not_there_is_nobodys() -> None:
    with pytest.raises(Conflict, match="another refund"):
        same_request("refund", None, {})
