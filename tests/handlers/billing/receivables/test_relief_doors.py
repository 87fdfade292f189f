"""C2, B5, B6: the doors, as the gateway knocks: JSON in, JSON out, committed, and nothing left of what was refused."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from services.billing.receivables.trial_balance.handlers import imbalance_fen
from services.billing.service import BillingService
from services.billing.settings import Settings
from services.common.contracts.errors import Conflict, Forbidden, Invalid
from tests.support.billing.books import Books
from tests.support.billing.desk import Desk
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
    with pytest.raises(Invalid):
        service.list_waivers(caller=MANAGER, status="perhaps")
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
    asked_for = service.refund_credit(caller=FINANCE, request_id=str(uuid4()), **back)
    refund = service.approve_credit_refund(caller=ADMIN, refund_id=asked_for["id"])
    assert (asked_for["status"], refund["status"]) == ("requested", "approved")
    assert service.list_credit_refunds(caller=FINANCE, household="H1")["items"] == [refund]
    new = service.void_bill(
        caller=FINANCE, request_id=str(uuid4()), bill_id=made["bills"][0]["id"], reason="again", reissue=True
    )
    assert [one["status"] for one in new["reissued"]] == ["paid"]
    applied = service.apply_credit(caller=FINANCE, request_id=str(uuid4()), household="H1")
    assert (applied["applied_fen"], applied["credit_fen"]) == (0, 2000)
    with Session(service.engine) as session:
        assert imbalance_fen(session) == 0


ADMIN = {"sub": "A001", "roles": ["group_admin"], "estates": ["*"]}


def test_c2_the_authority_matrix_is_data_of_the_group_or_an_estate(service: Later) -> None:
    shipped = service.get_waiver_authority(caller=STEWARD, estate="E1")
    assert [band["up_to_fen"] for band in shipped["late_fee"]] == [5_000, 100_000, None]
    own = [{"up_to_ratio": "0.5", "roles": ["estate_manager"]}, {"roles": ["finance"], "needs_resolution": True}]
    told = service.set_waiver_authority(caller=ADMIN, estate="E1", kind="late_fee", bands=own)
    assert told["principal"] == shipped["principal"]
    assert [(band["up_to_fen"], band["up_to_ratio"], band["roles"]) for band in told["late_fee"]] == [
        (None, 0.5, ["estate_manager"]), (None, None, ["finance"]),
    ]  # fmt: skip
    assert service.get_waiver_authority(caller=ADMIN)["late_fee"] == shipped["late_fee"]
    waits = service.request_waiver(caller=STEWARD, **asked(billed(service, "2026-01"), kind="late_fee", ratio="0.4"))
    assert (waits["status"], waits["needs"]["roles"]) == ("pending", ["estate_manager", "finance"])
    assert service.set_waiver_authority(caller=ADMIN, estate="E1", kind="late_fee", bands=[]) == shipped
    assert service.approve_waiver(caller=MANAGER, waiver_id=waits["id"])["status"] == "approved"


def test_c2_what_is_put_into_the_matrix_is_read_from_it(service: Later) -> None:
    small = {"up_to_fen": 5_000, "up_to_ratio": 0.5, "roles": ["estate_manager"], "needs_resolution": False}
    large = {"up_to_fen": None, "up_to_ratio": None, "roles": ["finance", "group_admin"], "needs_resolution": True}
    bands = [small | {"four_eyes": True}, large | {"four_eyes": False}]
    sent = [band | {"up_to_ratio": band["up_to_ratio"] and str(band["up_to_ratio"])} for band in bands]
    service.set_waiver_authority(caller=ADMIN, estate="E1", kind="principal", bands=sent)
    assert service.get_waiver_authority(caller=ADMIN, estate="E1")["principal"] == bands


def test_c2_four_eyes_look_where_somebody_decides_unless_they_are_declined(service: Later) -> None:
    bands = [{"up_to_fen": 100, "roles": []}, {"up_to_fen": 200, "roles": ["finance"]},
             {"roles": ["finance"], "four_eyes": False}]  # fmt: skip
    told = service.set_waiver_authority(caller=ADMIN, kind="late_fee", bands=bands)
    assert [band["four_eyes"] for band in told["late_fee"]] == [False, True, False]


@pytest.mark.parametrize(
    ("bands", "where"),
    [
        ([{"roles": []}], "bands.0.roles"),  # everything by rule
        ([{"roles": ["steward"]}], "bands.0.roles"),
        ([{"up_to_fen": 5, "roles": ["finance"]}, {"up_to_fen": 9, "roles": []}], "bands.1.roles"),
        ([{"up_to_fen": 5, "roles": ["finance"]}, {"up_to_fen": 5, "roles": ["finance"]}], "bands.1"),
        ([{"roles": ["finance"]}, {"up_to_fen": 5, "roles": ["finance"]}], "bands.1"),
        ([{"up_to_fen": 0, "roles": ["finance"]}], "bands.0.up_to_fen"),
        ([{"up_to_ratio": "1.5", "roles": ["finance"]}], "bands.0.up_to_ratio"),
        ([], "bands"),
    ],
)
def test_c2_a_matrix_that_makes_no_sense_is_refused(service: Later, bands: list[Any], where: str) -> None:
    before = service.get_waiver_authority(caller=ADMIN)
    with pytest.raises(Invalid) as raised:
        service.set_waiver_authority(caller=ADMIN, kind="principal", bands=bands)
    assert [error["loc"] for error in raised.value.errors] == [where]
    assert service.get_waiver_authority(caller=ADMIN) == before


def test_c2_who_grants_does_not_say_how_much_he_may(service: Later) -> None:
    for caller in (FINANCE, MANAGER, STEWARD, ADMIN | {"estates": ["E2"]}):
        with pytest.raises(Forbidden):
            service.set_waiver_authority(caller=caller, estate="E1", kind="principal", bands=[])
    with pytest.raises(Forbidden):
        service.set_waiver_authority(caller=ADMIN | {"estates": ["E1"]}, kind="principal", bands=[])
