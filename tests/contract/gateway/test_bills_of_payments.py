"""FC5: which bills are open is asked of billing at the moment of payment; the rule stays with payments (E1)."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.support.gateway import RemoteError, Responder, paid, sign_in

BODY = {"household": "H1", "channel": "cash", "amount_fen": 100}


def pay(client: TestClient, **changes: Any) -> int:
    return client.post("/v1/payments", json=BODY | changes, headers=sign_in(client, "cashier")).status_code


def test_fc5_payments_hears_which_bills_are_open(client: TestClient, responder: Responder) -> None:
    responder.handlers["payments.create_payment"] = paid
    responder.handlers["billing.list_open_bills"] = lambda kwargs: {"household": kwargs["household"], "bill_ids": [7]}
    assert pay(client, bill_ids=[7]) == 201
    assert responder.last("billing.list_open_bills").kwargs["household"] == "H1"
    assert responder.last("payments.create_payment").kwargs["open_bill_ids"] == [7]


def test_fc5_who_means_no_bill_asks_for_none(client: TestClient, responder: Responder) -> None:
    responder.handlers["payments.create_payment"] = paid
    assert pay(client) == 201
    assert responder.count("billing.list_open_bills") == 0
    assert "open_bill_ids" not in responder.last("payments.create_payment").kwargs


@pytest.mark.parametrize("error", ["NotFound", "Unavailable", "ValueError"])
def test_fc5_where_billing_cannot_say_payments_decides_without(
    client: TestClient, responder: Responder, error: str
) -> None:
    def refuse(_kwargs: dict[str, Any]) -> None:
        raise RemoteError(error, "no", "[]")

    responder.handlers["payments.create_payment"] = paid
    responder.handlers["billing.list_open_bills"] = refuse
    assert pay(client, bill_ids=[7]) == 201
    assert "open_bill_ids" not in responder.last("payments.create_payment").kwargs


def test_fc5_a_refusal_of_payments_is_the_answer(client: TestClient, responder: Responder) -> None:
    def refuse(_kwargs: dict[str, Any]) -> None:
        raise RemoteError("Invalid", "bill_ids: not open bills of household H1: 9.", "[]")

    responder.handlers["payments.create_payment"] = refuse
    responder.handlers["billing.list_open_bills"] = lambda kwargs: {"household": kwargs["household"], "bill_ids": [7]}
    assert pay(client, bill_ids=[9]) == 422
