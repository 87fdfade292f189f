"""FC1 (ADR 18): a void that moves much is asked for by one and decided by another; nothing slips between."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from services.billing.charging.voids import authority
from services.billing.charging.voids.views import list_voids
from services.billing.holds import handlers as holds
from services.billing.receivables.trial_balance.handlers import imbalance_fen
from services.common.contracts.errors import Conflict, Forbidden, Invalid, NotFound
from tests.support.billing.books import Books
from tests.support.billing.relief import ADMIN, FINANCE, MANAGER, STEWARD, Relief, noon, who

BAND = 100_000  # as shipped


@pytest.fixture
def engine(database: Callable[[str], Engine]) -> Engine:
    return database("billing")


@pytest.fixture
def relief(books: Books) -> Relief:
    books.household()
    return Relief(books).on("2025-06-13")


def paid_bill(relief: Relief, paid: int = BAND + 1, household: str = "H1") -> int:
    bill = relief.books.bill(150_000, "2025-07-15", household)
    relief.books.pay(paid, "2025-06-01", household, bills=[bill])
    return bill


def holds_of(relief: Relief) -> list[tuple[str, bool]]:
    return [(h["reason"], h["released_at"] is None) for h in relief.books.case()["holds"]]


def is_void(relief: Relief, bill: int) -> bool:
    return bool(relief.books.one("SELECT voided_at IS NOT NULL FROM bill WHERE id = :id", id=bill))


def test_fc1_a_void_within_the_band_acts_at_once(relief: Relief) -> None:
    for bill in (paid_bill(relief, BAND), relief.books.bill(10**8, "2025-08-15")):
        answer = relief.void(bill)
        assert (answer["status"], answer["decided_by"], answer["requested_by"]) == ("void", None, "finance-1")
    assert relief.books.one("SELECT count(*) FROM void_request") == 0


def test_fc1_a_bill_on_which_much_was_paid_is_void_when_another_says_so(relief: Relief) -> None:
    bill = paid_bill(relief)
    asked = relief.void(bill)
    assert (asked["status"], asked["number"], asked["booked_on"], asked["voided_by"]) == ("requested", None, None, None)
    assert (asked["released_fen"], asked["reissued"], asked["carried"]) == (BAND + 1, [], [])
    assert not is_void(relief, bill)
    assert relief.books.statement("2025-06-13")["credit_fen"] == 0
    assert holds_of(relief) == [("pending_void", True)]
    with pytest.raises(Forbidden, match="four eyes"):
        relief.approve_void(asked["id"], FINANCE)
    relief.after(2)
    done = relief.approve_void(asked["id"], MANAGER)
    assert (done["status"], done["number"], done["released_fen"]) == ("void", "CN-E1-000001", BAND + 1)
    assert (done["requested_by"], done["decided_by"], done["voided_by"]) == ("finance-1", MANAGER.sub, MANAGER.sub)
    assert relief.approve_void(asked["id"], ADMIN) == done
    assert is_void(relief, bill)
    assert holds_of(relief) == [("pending_void", False)]
    assert imbalance_fen(relief.books.session) == 0


def test_fc1_late_fee_received_counts_for_the_band(relief: Relief) -> None:
    bill = relief.books.bill(99_900, "2025-03-15")
    relief.books.pay(99_900 + 101, "2025-06-13")
    assert relief.void(bill)["status"] == "requested"


def test_fc1_what_nothing_bills_again_is_written_off_by_two(relief: Relief) -> None:
    """A one-off charge or an opening balance: the void of an open one gives up all of it."""
    small, large = relief.books.bill(BAND, "2025-03-15"), relief.books.bill(BAND + 1, "2025-04-15")
    relief.books.session.execute(text("UPDATE bill SET run_id = NULL"))
    assert relief.void(small)["status"] == "void"
    assert relief.void(large)["status"] == "requested"
    charge = relief.books.bill(BAND + 1, "2025-08-15")
    relief.books.session.execute(text("UPDATE bill SET charge_id = gen_random_uuid() WHERE id = :id"), {"id": charge})
    assert relief.void(charge)["status"] == "requested"


def test_fc1_the_same_request_is_one_and_another_has_to_wait(relief: Relief) -> None:
    bill, request_id = paid_bill(relief), uuid4()
    asked = relief.void(bill, request_id=request_id)
    assert relief.void(bill, request_id=request_id) == asked
    with pytest.raises(Conflict, match="another void"):
        relief.void(bill, request_id=request_id, reason="other")
    with pytest.raises(Conflict, match=f"Void {request_id} waits"):
        relief.void(bill, by=MANAGER)
    done = relief.approve_void(request_id)
    assert relief.void(bill, request_id=request_id) == done
    with pytest.raises(Conflict, match="CN-E1-000001"):
        relief.void(bill)


def test_fc1_a_void_is_rejected_or_withdrawn_and_may_be_asked_for_again(relief: Relief) -> None:
    bill = paid_bill(relief)
    first = relief.void(bill)["id"]
    refused = relief.reject_void(first, MANAGER)
    assert (refused["status"], refused["decision_reason"], refused["number"]) == ("rejected", "no", None)
    assert relief.reject_void(first) == refused
    for decide in (relief.approve_void, relief.withdraw_void):
        with pytest.raises(Conflict, match="rejected already"):
            decide(first)
    second = relief.void(bill)["id"]
    with pytest.raises(Forbidden, match="Only who asked"):
        relief.withdraw_void(second, MANAGER)
    taken = relief.withdraw_void(second)
    assert relief.withdraw_void(second) == taken
    assert (taken["status"], is_void(relief, bill)) == ("withdrawn", False)
    assert holds_of(relief) == [("pending_void", False)] * 2
    assert relief.approve_void(relief.void(bill)["id"])["status"] == "void"


def test_fc1_what_came_in_between_is_judged_when_it_is_approved(relief: Relief) -> None:
    bill = paid_bill(relief)
    void = relief.void(bill)["id"]
    relief.books.pay(20_000, "2025-06-14", bills=[bill])
    waiver = relief.ask(bill, kind="principal", fen=1_000)["id"]
    with pytest.raises(Conflict, match=str(waiver)):
        relief.approve_void(void)
    relief.withdraw(waiver)
    plan = uuid4()
    holds.hold(relief.books.session, "plan", plan, "H1", relief.now, holds_dunning=True)
    with pytest.raises(Conflict, match=str(plan)):
        relief.approve_void(void)
    holds.release(relief.books.session, "plan", plan, "H1", relief.now)
    assert relief.approve_void(void)["released_fen"] == BAND + 1 + 20_000
    assert relief.books.statement("2025-06-14")["credit_fen"] == BAND + 1 + 20_000


def test_fc1_who_may_ask_and_who_may_decide(relief: Relief) -> None:
    bill = paid_bill(relief)
    asked = relief.void(bill, by=who("estate_manager", "m", "E1"))["id"]
    for nobody in (
        STEWARD,
        who("cashier"),
        who("auditor"),
        who("region_manager", "r", "E2"),
        who("estate_manager", "m", "E1"),
    ):
        with pytest.raises(Forbidden):
            relief.approve_void(asked, nobody)
    with pytest.raises(Forbidden):
        relief.reject_void(asked, who("finance", "f", "E2"))
    for nothing in (relief.approve_void, relief.reject_void, relief.withdraw_void):
        with pytest.raises(NotFound):
            nothing(uuid4())
    assert relief.approve_void(asked, who("region_manager", "r", "E1"))["decided_by"] == "r"


def test_fc1_an_estate_may_have_a_band_of_its_own(relief: Relief) -> None:
    session = relief.books.session
    shipped = authority.get_authority(session, MANAGER, "E1")
    assert shipped == {"estate": "E1", "automatic_up_to_fen": BAND, "own": False}
    for nobody in (FINANCE, MANAGER, who("group_admin", "a", "E2")):
        with pytest.raises(Forbidden):
            authority.set_authority(session, nobody, "E1", 10**9)
    with pytest.raises(Forbidden):
        authority.set_authority(session, who("group_admin", "a", "E1"), None, 10**9)
    with pytest.raises(Invalid):
        authority.set_authority(session, ADMIN, None, None)
    assert authority.set_authority(session, ADMIN, "E1", 0)["own"] is True
    bill = paid_bill(relief, 1)
    assert relief.void(bill)["status"] == "requested"
    assert authority.set_authority(session, ADMIN, "E1", None) == shipped


def test_fc1_voids_that_wait_are_listed_by_scope_and_status(relief: Relief) -> None:
    relief.books.household("H2", "E2")
    first = relief.void(paid_bill(relief))["id"]
    second = relief.after(1).void(paid_bill(relief, household="H2"))["id"]
    relief.reject_void(first)

    def listed(by: Any = FINANCE, **cut: Any) -> list[Any]:
        terms = {"estate": None, "household": None, "status": None, "limit": 50, "cursor": None} | cut
        return [item["id"] for item in list_voids(relief.books.session, by, **terms)["items"]]

    assert listed() == [second, first]
    assert listed(status="requested") == [second]
    assert listed(estate="E1") == listed(household="H1") == listed(who("estate_manager", "m", "E1")) == [first]
    page = list_voids(relief.books.session, FINANCE, None, None, None, 1, None)
    assert listed(cursor=page["next_cursor"]) == [first]
    with pytest.raises(Forbidden):
        listed(who("cashier"))


def test_fc1_two_who_approve_at_once_void_once(relief: Relief, engine: Engine) -> None:
    bill = paid_bill(relief)
    asked = relief.void(bill)["id"]
    relief.books.session.commit()

    def approve(by: Any) -> str:
        with Session(engine) as session, session.begin():
            return str(Relief(Books(session), noon("2025-06-13")).approve_void(asked, by)["number"])

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(approve, (ADMIN, MANAGER, ADMIN, MANAGER))) == {"CN-E1-000001"}
    assert relief.books.one("SELECT count(*) FROM credit_note") == 1


def test_fc1_of_two_who_ask_at_once_one_waits(relief: Relief, engine: Engine) -> None:
    bill = paid_bill(relief)
    relief.books.session.commit()

    def ask(by: Any) -> bool:
        with Session(engine) as session, session.begin():
            try:
                return Relief(Books(session), noon("2025-06-13")).void(bill, by=by)["status"] == "requested"
            except Conflict:
                return False

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(ask, (ADMIN, MANAGER, FINANCE, ADMIN))) == 1


def test_fc1_killed_in_the_middle_of_an_approval_it_still_waits(relief: Relief, engine: Engine) -> None:
    bill = paid_bill(relief)
    asked = relief.void(bill)["id"]
    relief.books.session.commit()
    with Session(engine) as session:
        Relief(Books(session), noon("2025-06-13")).approve_void(asked)
        session.rollback()
    assert not is_void(relief, bill)
    assert relief.approve_void(asked)["number"] == "CN-E1-000001"
