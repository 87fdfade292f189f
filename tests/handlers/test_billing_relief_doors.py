"""C2, B5, B6: the doors, as the gateway knocks: JSON in, JSON out, committed, and nothing left of what was refused."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from services.billing.ledger.handlers import imbalance_fen
from services.billing.service import BillingService
from services.billing.settings import Settings
from services.common.contracts.errors import Conflict, Forbidden, Invalid
from tests.support.billing import Desk
from tests.support.books import Books
from tests.support.doors import Ahead

HOME = "E1,1,101,87.33,residential,occupied,H1,王小明,13812345678"
STEWARD = {"sub": "S001", "roles": ["steward"], "estates": ["E1"]}
MANAGER = {"sub": "M001", "roles": ["estate_manager"], "estates": ["E1"]}
FINANCE = {"sub": "F001", "roles": ["finance"], "estates": ["*"]}


class Later(Ahead, BillingService):
    """The service with a clock that can be put forward."""


@pytest.fixture
def service(database: Callable[[str], Engine]) -> Later:
    made = Later()
    made.engine = database("billing")
    desk = Desk(made.engine, Settings(), now=made.clock())
    desk.estate("E1", HOME)
    made.ahead = timedelta(days=90)
    return made


def billed(service: Later, period: str) -> int:
    Desk(service.engine, Settings(), now=service.clock() - service.ahead).run(period)
    bills = service.list_bills(caller=FINANCE, household="H1")["items"]
    return int(bills[-1]["id"])


def asked(bill: int, **more: Any) -> dict[str, Any]:
    return {"request_id": str(uuid4()), "bill_ids": [bill], "reason": "lift", **more}


def test_c2_a_waiver_goes_through_the_doors(service: Later) -> None:
    bill = billed(service, "2026-01")
    done = service.request_waiver(caller=STEWARD, **asked(bill, kind="late_fee", ratio="0.5"))
    assert (done["status"], done["ratio"], done["automatic"]) == ("approved", 0.5, True)
    waits = service.request_waiver(caller=STEWARD, **asked(bill, kind="principal", amount_fen=100))
    assert service.get_waiver(caller=MANAGER, waiver_id=waits["id"]) == waits
    with pytest.raises(Forbidden):
        service.approve_waiver(caller=STEWARD, waiver_id=waits["id"])
    granted = service.approve_waiver(caller=MANAGER, waiver_id=waits["id"])
    assert service.approve_waiver(caller=MANAGER, waiver_id=waits["id"]) == granted
    more = service.request_waiver(caller=STEWARD, **asked(bill, kind="principal", amount_fen=9))
    assert service.reject_waiver(caller=MANAGER, waiver_id=more["id"], reason="no")["status"] == "rejected"
    last = service.request_waiver(caller=STEWARD, **asked(bill, kind="principal", amount_fen=9))
    assert service.withdraw_waiver(caller=STEWARD, waiver_id=last["id"])["status"] == "withdrawn"
    listed = service.list_waivers(caller=MANAGER, estate="E1", status="approved")["items"]
    assert {one["id"] for one in listed} == {done["id"], waits["id"]}
    for wrong in ({"ratio": "1.5"}, {"ratio": "0"}, {"amount_fen": -1}, {"kind": "all"}):
        with pytest.raises(Invalid):
            service.request_waiver(caller=STEWARD, **{**asked(bill, kind="late_fee"), **wrong})


def test_b5_b6_a_void_and_its_credit_go_through_the_doors(service: Later) -> None:
    bill = billed(service, "2026-01")
    with Session(service.engine) as session, session.begin():
        Books(session).pay(20523 + 3000, "2026-02-10")
    note = service.void_bill(caller=FINANCE, request_id=str(uuid4()), bill_id=bill, reason="wrong")
    assert (note["number"], note["released_fen"], note["reissued"]) == ("CN-E1-000001", 20523, [])
    made = service.reissue_bill(caller=FINANCE, request_id=str(uuid4()), bill_id=bill)
    assert [one["status"] for one in made["bills"]] == ["paid"]
    with pytest.raises(Conflict):
        service.reissue_bill(caller=FINANCE, request_id=str(uuid4()), bill_id=bill)
    assert [one["bill_id"] for one in service.list_credit_notes(caller=MANAGER)["items"]] == [bill]
    back = {"household": "H1", "amount_fen": 1000, "channel": "transfer", "reason": "asked for"}
    refund = service.refund_credit(caller=FINANCE, request_id=str(uuid4()), **back)
    assert service.list_credit_refunds(caller=FINANCE, household="H1")["items"] == [refund]
    new = service.void_bill(
        caller=FINANCE, request_id=str(uuid4()), bill_id=made["bills"][0]["id"], reason="again", reissue=True
    )
    assert [one["status"] for one in new["reissued"]] == ["paid"]
    applied = service.apply_credit(caller=FINANCE, request_id=str(uuid4()), household="H1")
    assert (applied["applied_fen"], applied["credit_fen"]) == (0, 2000)
    with Session(service.engine) as session:
        assert imbalance_fen(session) == 0
