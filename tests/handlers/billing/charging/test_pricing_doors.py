"""The doors of prices as the gateway knocks on them: JSON in, JSON out, committed (B1, B3)."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Engine

from services.billing.service import BillingService
from services.billing.settings import Settings
from services.common.contracts.errors import Invalid
from services.common.domain.calendar import business_date
from tests.support.billing.desk import TARIFFS, Desk

FINANCE = {"sub": "f", "roles": ["finance"], "estates": ["*"]}
POLICY: dict[str, Any] = {
    "cycle": "quarterly", "timing": "advance", "due_day": 1, "month_offset": 0, "roll_to_working_day": True,
    "notice_days": 21,
}  # fmt: skip


@pytest.fixture
def desk(database: Callable[[str], Engine]) -> Desk:
    desk = Desk(database("billing"), Settings())
    desk.estate("E1", "E1,1,101,87.33,residential,occupied,H1,王小明,13812345678")
    desk.load("tariffs", TARIFFS, "E1,light,shared,residential,0.8,2020-01-01,")
    desk.publish("E1")
    return desk


@pytest.fixture
def service(desk: Desk) -> BillingService:
    made = BillingService()
    made.engine = desk.engine
    return made


def test_b3_policy_by_rpc(service: BillingService) -> None:
    assert service.get_billing_policy(caller=FINANCE, estate="E1")["own"] is False
    put = service.put_billing_policy(caller=FINANCE, estate="E1", **POLICY)
    assert put == service.get_billing_policy(caller=FINANCE, estate="E1") == {"estate": "E1", **POLICY, "own": True}
    with pytest.raises(Invalid) as refused:
        service.put_billing_policy(caller=FINANCE, estate="E1", **POLICY | {"cycle": "weekly", "timing": "never"})
    assert [error["loc"] for error in refused.value.errors] == ["cycle", "timing"]


def test_b1_shared_costs_by_rpc(service: BillingService) -> None:
    told = {"estate": "E1", "fee_item": "light", "period": "2026-10", "quantity": "125.5", "note": None}
    made = service.record_shared_cost(caller=FINANCE, request_id=str(uuid4()), **told)
    assert (made["amount_fen"], made["quantity"]) == (10_040, "125.5000")
    assert service.list_shared_costs(caller=FINANCE, estate="E1", period="2026-10")["items"] == [made]
    assert service.list_shared_costs(caller=FINANCE, estate="E1", period="2026-09")["items"] == []
    json.dumps(made)


def test_b1_charges_by_rpc(service: BillingService) -> None:
    due = str(business_date(datetime.now(UTC)) + timedelta(days=30))
    asked = {
        "fee_item": "lock",
        "description": "换锁",
        "household": "H1",
        "due_date": due,
        "amount_fen": 12_000,
    }
    request_id = str(uuid4())
    made = service.create_charge(caller=FINANCE, request_id=request_id, **asked)
    assert (made["charge_id"], made["due_date"], made["status"]) == (request_id, due, "open")
    assert service.create_charge(caller=FINANCE, request_id=request_id, **asked) == made
    told = service.explain_bill(caller=FINANCE, bill_id=made["bill_id"])
    assert (told["formula"], told["inputs"]["description"]) == ("120.00 = 120", "换锁")
    [listed] = service.list_bills(caller=FINANCE, household="H1")["items"]
    assert listed["id"] == made["bill_id"]
    with pytest.raises(Invalid):
        service.list_bills(caller=FINANCE, household="H1", status="overdue")
    with pytest.raises(Invalid):
        service.create_charge(caller=FINANCE, request_id=str(uuid4()), **(asked | {"amount_fen": -1}))
