"""C2: waivers asked for, granted, refused, shown apart; never collected, never twice."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from services.billing.figures.rates.handlers import RateCut, collection_rates
from services.billing.receivables.late_fee.sql import late_fees_due
from services.billing.receivables.trial_balance.handlers import imbalance_fen, trial_balance
from services.billing.receivables.waivers import views
from services.common.contracts.errors import Conflict, Forbidden, Invalid, NotFound
from services.common.contracts.events import BillsAdjusted
from tests.support.billing.books import SYSTEM, Books, day
from tests.support.billing.relief import FINANCE, MANAGER, STEWARD, Relief, noon, who
from tests.support.outbox import events

GRANTORS = ["estate_manager", "finance", "group_admin", "region_manager"]


@pytest.fixture
def engine(database: Callable[[str], Engine]) -> Engine:
    return database("billing")


@pytest.fixture
def relief(books: Books) -> Relief:
    books.household()
    return Relief(books).on("2025-06-13")


def due(relief: Relief, as_of: str) -> tuple[int, int]:
    """Principal and late fee of the statement; the fee in SQL is the same."""
    told = relief.books.statement(as_of)
    household_id = relief.books.households["H1"][0]
    in_sql = late_fees_due(relief.books.session, [household_id], day(as_of))
    assert in_sql.get(household_id, 0) == told["late_fee_fen"]
    return told["principal_fen"], told["late_fee_fen"]


def balanced(relief: Relief) -> bool:
    return imbalance_fen(relief.books.session) == 0


def holds(relief: Relief) -> list[tuple[str, bool]]:
    return [(h["reason"], h["released_at"] is None) for h in relief.books.case()["holds"]]


def test_c2_a_small_late_fee_is_waived_at_once_and_goes_on_accruing(relief: Relief) -> None:
    bill = relief.books.bill(28560, "2025-03-15")
    assert due(relief, "2025-06-13") == (28560, 771)
    told = relief.ask(bill, ratio="0.5")
    assert (told["status"], told["automatic"], told["waived_fen"], told["decided_by"]) == (
        "approved",
        True,
        386,
        "rule",
    )
    assert due(relief, "2025-06-13") == (28560, 385)
    assert due(relief, "2025-06-23") == (28560, 857 - 386)
    (line,) = relief.books.statement("2025-06-23")["bills"]
    assert (line["late_fee_waived_fen"], line["waived_fen"]) == (386, 0)
    assert due(relief, "2025-06-12")[1] == 763  # the day before knows nothing of it
    assert holds(relief) == []
    assert balanced(relief)


def test_c2_waived_late_fee_is_neither_income_nor_collected(relief: Relief) -> None:
    bill = relief.books.bill(28560, "2025-03-15")
    relief.ask(bill, ratio="1")
    balance = trial_balance(relief.books.session, SYSTEM, None)
    account = {line.account: line.balance_fen for line in balance["accounts"]}
    assert (account["late_fee_waived"], account["late_fee_income"]) == (771, -771)
    assert balance["imbalance_fen"] == 0
    (item,) = collection_rates(relief.books.session, SYSTEM, RateCut(), day("2025-12-31"))["items"]
    assert (item["billed_fen"], item["collected_fen"], item["waived_fen"]) == (28560, 0, 0)


def test_c2_above_the_cap_a_manager_decides_and_dunning_waits(relief: Relief) -> None:
    bill = relief.books.bill(1000000, "2025-03-15")
    assert due(relief, "2025-06-13") == (1000000, 27000)
    told = relief.ask(bill, fen=20000)
    assert (told["status"], told["waived_fen"]) == ("pending", None)
    assert told["needs"] == {"roles": GRANTORS, "resolution": False, "four_eyes": True}
    assert due(relief, "2025-06-13") == (1000000, 27000)
    assert holds(relief) == [("pending_waiver", True)]
    done = relief.after(1).approve(told["id"])
    assert (done["status"], done["waived_fen"], done["decided_by"]) == ("approved", 20000, "estate_manager-1")
    assert holds(relief) == [("pending_waiver", False)]
    assert due(relief, "2025-06-14") == (1000000, 27300 - 20000)


def test_c2_above_that_it_takes_a_resolution(relief: Relief) -> None:
    bill = relief.books.bill(10000000, "2025-03-15")
    told = relief.ask(bill, ratio="1")
    assert told["asked_fen"] == 270000
    assert told["needs"] == {"roles": GRANTORS, "resolution": True, "four_eyes": True}
    for nothing in (None, " "):
        with pytest.raises(Invalid, match="resolution") as problem:
            relief.approve(told["id"], FINANCE, nothing)
        assert problem.value.errors[0]["loc"] == "resolution"
    done = relief.approve(told["id"], FINANCE, "业委会决议 2025-07")
    assert (done["resolution"], done["waived_fen"]) == ("业委会决议 2025-07", 270000)


def test_c2_who_asked_lets_somebody_else_of_role_and_scope_decide(relief: Relief) -> None:
    told = relief.ask(relief.books.bill(1000000, "2025-03-15"), fen=6000, by=MANAGER)
    with pytest.raises(Forbidden, match="four eyes"):
        relief.approve(told["id"], MANAGER)
    with pytest.raises(Forbidden, match="roles"):
        relief.approve(told["id"], STEWARD)
    with pytest.raises(Forbidden, match="scope"):
        relief.approve(told["id"], who("estate_manager", "m-2", "E2"))
    assert relief.approve(told["id"], who("estate_manager", "m-2", "E1"))["status"] == "approved"


def test_c2_small_waivers_do_not_add_up_to_a_large_one(relief: Relief) -> None:
    bill = relief.books.bill(1000000, "2025-03-15")
    assert relief.ask(bill, fen=3000)["status"] == "approved"
    assert relief.ask(bill, fen=2000)["status"] == "approved"
    assert relief.ask(bill, fen=1)["status"] == "pending"
    relief.books.household("H2")
    other = relief.books.bill(1000000, "2025-03-15", "H2")
    assert relief.ask(other, fen=3000)["status"] == "approved"
    third = relief.books.bill(1000000, "2025-03-15", fee_item="parking")
    assert relief.after(370).ask(third, fen=3000)["status"] == "approved"  # a year later it starts again


def test_c2_an_estate_may_have_a_matrix_of_its_own(relief: Relief) -> None:
    estate_id = relief.books.estates["E1"]
    own = "INSERT INTO waiver_authority VALUES (:id, 'late_fee', 1, NULL, 0.2, '{estate_manager}', true)"
    relief.books.session.execute(text(own), {"id": estate_id})
    bill = relief.books.bill(28560, "2025-03-15")
    told = relief.ask(bill, ratio="0.2")
    assert (told["status"], told["needs"]["resolution"]) == ("pending", True)
    with pytest.raises(Conflict, match="Nobody has the authority"):
        relief.ask(relief.books.bill(28560, "2025-03-15", fee_item="parking"), ratio="0.3")


def test_c2_a_part_of_a_bill_is_not_granted_again_and_again(relief: Relief) -> None:
    estate_id = relief.books.estates["E1"]
    for position, ratio, roles in ((1, "0.5", "{estate_manager}"), (2, None, "{finance}")):
        own = "INSERT INTO waiver_authority VALUES (:id, 'principal', :position, NULL, :ratio, :roles, false)"
        row = {"id": estate_id, "position": position, "ratio": ratio, "roles": roles}
        relief.books.session.execute(text(own), row)
    bill = relief.books.bill(10_000, "2026-03-15")
    relief.approve(relief.ask(bill, kind="principal", ratio="0.4")["id"])
    rest = relief.ask(bill, kind="principal", ratio="0.2")  # 4,000 + 1,200 of 10,000
    assert rest["needs"]["roles"] == ["finance"]
    with pytest.raises(Forbidden):
        relief.approve(rest["id"])
    relief.reject(rest["id"])
    other = relief.books.bill(10_000, "2026-03-15", fee_item="parking")
    assert "estate_manager" in relief.ask(other, kind="principal", ratio="0.5")["needs"]["roles"]
    assert "estate_manager" in relief.ask(bill, kind="principal", fen=1000)["needs"]["roles"]  # half of it in all


def test_c2_principal_is_waived_in_the_ledger_and_apart_in_the_rates(relief: Relief) -> None:
    bill = relief.books.bill(100000, "2025-03-15")
    relief.books.pay(60000, "2025-03-10")
    told = relief.ask(bill, kind="principal", ratio="0.5")
    assert (told["status"], told["asked_fen"]) == ("pending", 20000)
    relief.approve(told["id"])
    assert due(relief, "2025-06-13") == (20000, 1080)  # 400 yuan × 90 days, then 200 yuan
    (line,) = relief.books.statement("2025-06-13")["bills"]
    assert (line["waived_fen"], line["outstanding_fen"], line["status"]) == (20000, 20000, "partially_paid")
    (item,) = collection_rates(relief.books.session, SYSTEM, RateCut(), day("2025-12-31"))["items"]
    assert (item["billed_fen"], item["collected_fen"], item["waived_fen"], item["rate"]) == (100000, 60000, 20000, 0.6)
    (event,) = events(relief.books.session, BillsAdjusted)
    assert (event.reason, [(b.bill_id, b.open_change_fen) for b in event.bills]) == ("waiver", [(bill, -20000)])
    assert balanced(relief)


def test_c2_when_all_principal_is_waived_its_late_fee_is_still_due(relief: Relief) -> None:
    bill = relief.books.bill(20000, "2025-03-15")
    relief.approve(relief.ask(bill, kind="principal", ratio="1")["id"])
    assert due(relief, "2025-12-31") == (0, 540)
    assert relief.ask(bill, ratio="1")["waived_fen"] == 540
    assert due(relief, "2025-12-31") == (0, 0)
    assert relief.books.one("SELECT count(*) FROM late_fee_left") == 0
    assert balanced(relief)


def test_c2_what_was_paid_meanwhile_is_not_waived(relief: Relief) -> None:
    bill = relief.books.bill(100000, "2025-03-15")
    told = relief.ask(bill, kind="principal", ratio="0.5")
    relief.books.pay(80000, "2025-06-14")
    done = relief.after(2).approve(told["id"])
    assert (done["asked_fen"], done["waived_fen"], done["less_than_asked"]) == (50000, 20000, True)
    assert relief.books.one("SELECT amount_fen - paid_fen - waived_fen FROM bill") == 0
    late = relief.books.bill(1000000, "2025-03-15", fee_item="parking")
    asked = relief.ask(late, ratio="1")
    relief.books.pay(2000000, "2025-06-15")
    nothing = relief.approve(asked["id"])
    assert (nothing["status"], nothing["waived_fen"], nothing["less_than_asked"]) == ("approved", 0, True)
    assert balanced(relief)


def test_c2_fee_that_accrued_after_the_request_is_not_waived(relief: Relief) -> None:
    bill = relief.books.bill(1000000, "2025-03-15")
    told = relief.ask(bill, ratio="1")
    relief.after(10).approve(told["id"])
    assert due(relief, "2025-06-23") == (1000000, 3000)


def test_c2_the_same_request_twice_is_one(relief: Relief) -> None:
    bill = relief.books.bill(28560, "2025-03-15")
    request_id = uuid4()
    first = relief.ask(bill, ratio="0.5", request_id=request_id)
    assert relief.ask(bill, ratio="0.5", request_id=request_id) == first
    with pytest.raises(Conflict, match="another waiver"):
        relief.ask(bill, ratio="0.6", request_id=request_id)
    assert due(relief, "2025-06-13") == (28560, 385)


def test_c2_one_waiver_of_a_kind_waits_per_bill(relief: Relief) -> None:
    bill = relief.books.bill(1000000, "2025-03-15")
    told = relief.ask(bill, ratio="1")
    with pytest.raises(Conflict, match=str(told["id"])):
        relief.ask(bill, fen=1)
    assert relief.ask(bill, kind="principal", fen=1)["status"] == "pending"
    relief.withdraw(told["id"])
    assert relief.ask(bill, fen=1)["status"] == "approved"


def test_c2_rejected_and_withdrawn_stay_on_the_record(relief: Relief) -> None:
    bill = relief.books.bill(1000000, "2025-03-15")
    first, second = relief.ask(bill, ratio="1"), relief.ask(bill, kind="principal", ratio="1")
    done = relief.after(1).reject(first["id"], FINANCE, "owner can pay")
    assert (done["status"], done["decided_by"], done["decision_reason"]) == ("rejected", "finance-1", "owner can pay")
    assert done["decided_at"] == relief.now
    assert relief.reject(first["id"], MANAGER)["decided_by"] == "finance-1"
    with pytest.raises(Conflict, match="rejected already"):
        relief.approve(first["id"])
    with pytest.raises(Forbidden, match="Only who asked"):
        relief.withdraw(second["id"], MANAGER)
    assert relief.withdraw(second["id"])["status"] == "withdrawn"
    assert relief.withdraw(second["id"])["status"] == "withdrawn"
    with pytest.raises(Conflict, match="withdrawn already"):
        relief.approve(second["id"], FINANCE, "r")
    assert holds(relief) == [("pending_waiver", False), ("pending_waiver", False)]
    assert due(relief, "2025-06-14") == (1000000, 27300)


def test_c2_what_cannot_be_asked_for_is_refused(relief: Relief) -> None:
    bill = relief.books.bill(28560, "2025-03-15")
    relief.books.household("H2")
    other = relief.books.bill(100, "2025-03-15", "H2")
    wrong: list[dict[str, Any]] = [{"ratio": "0.5", "fen": 1}, {}, {"fen": 772}, {"ratio": "1", "reason": " "}]
    for asked in wrong:
        with pytest.raises(Invalid):
            relief.ask(bill, **asked)
    with pytest.raises(Invalid, match="one household"):
        relief.ask(bill, other, ratio="1")
    with pytest.raises(Invalid, match="unknown"):
        relief.ask(bill, 999999, ratio="1")
    with pytest.raises(Conflict, match="nothing to waive"):
        relief.on("2025-03-15").ask(bill, ratio="1")
    with pytest.raises(Forbidden):
        relief.ask(bill, ratio="1", by=who("steward", "s", "E2"))
    with pytest.raises(Forbidden):
        relief.ask(bill, ratio="1", by=who("cashier"))
    relief.void(bill)
    with pytest.raises(Conflict, match="void"):
        relief.ask(bill, ratio="1")


def test_c2_lists_by_scope_and_status(relief: Relief) -> None:
    assert views.list_waivers(relief.books.session, FINANCE, None, None, None, 50, None)["items"] == []
    bill = relief.books.bill(1000000, "2025-03-15")
    relief.books.household("H2", "E2")
    other = relief.books.bill(28560, "2025-03-15", "H2")
    first = relief.ask(bill, ratio="1")
    second = relief.after(1).ask(other, ratio="1")

    def ids(*cut: str | None, by: Any = FINANCE) -> list[UUID]:
        found = views.list_waivers(relief.books.session, by, *cut, 50, None)  # type: ignore[arg-type]
        return [item["id"] for item in found["items"]]

    assert ids(None, None, None) == [second["id"], first["id"]]
    assert ids("E1", None, None) == ids(None, "H1", None) == ids(None, None, "pending") == [first["id"]]
    assert ids(None, None, None, by=who("estate_manager", "m", "E2")) == [second["id"]]
    page = views.list_waivers(relief.books.session, FINANCE, None, None, None, 1, None)
    again = views.list_waivers(relief.books.session, FINANCE, None, None, None, 1, page["next_cursor"])
    assert [item["id"] for item in page["items"] + again["items"]] == [second["id"], first["id"]]
    with pytest.raises(Forbidden):
        ids("E1", None, None, by=who("estate_manager", "m", "E2"))
    with pytest.raises(NotFound):
        views.get_waiver(relief.books.session, FINANCE, uuid4())


def test_c2_two_approvals_at_once_post_once(relief: Relief, engine: Engine) -> None:
    bill = relief.books.bill(1000000, "2025-03-15")
    waiver = relief.ask(bill, ratio="0.5")["id"]
    relief.books.session.commit()

    def approve(sub: str) -> int:
        with Session(engine) as session, session.begin():
            done = Relief(Books(session), noon("2025-06-13")).approve(waiver, who("estate_manager", sub))
            return int(done["waived_fen"])

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(approve, ["a", "b", "c", "d"])) == [13500] * 4
    assert relief.books.one("SELECT sum(amount_fen) FROM ledger_entry WHERE kind = 'late_fee_waived'") == 13500
    assert due(relief, "2025-06-13") == (1000000, 13500)
    assert balanced(relief)


# --- FM13: what accrues after the request is owed ------------------------------------------------------------------


@pytest.mark.parametrize("order", ["waived first", "paid first"])
def test_fm13_a_payment_dated_back_leaves_what_accrues_after_the_waiver_owed(relief: Relief, order: str) -> None:
    """100000 due 03-15: 2700 of late fee after 90 days, of which a payment of the 50th day leaves 2100."""
    bill = relief.books.bill(100_000, "2025-03-15")
    if order == "paid first":
        relief.books.pay(50_000, "2025-05-04")
    waiver = relief.ask(bill, ratio="1")
    assert waiver["asked_fen"] == (2_700 if order == "waived first" else 2_100)
    if order == "waived first":
        relief.books.pay(50_000, "2025-05-04")
    assert due(relief, "2025-06-13") == (50_000, 0)
    assert due(relief, "2025-06-23") == (50_000, 150)
    (line,) = relief.books.statement("2025-06-23")["bills"]
    assert line["late_fee_waived_fen"] == 2_100
    assert balanced(relief)


def test_fm13_a_payment_dated_back_between_request_and_approval(relief: Relief) -> None:
    """5 days pass until the approval; what accrued in them is not waived instead of what the payment took away."""
    bill = relief.books.bill(1_000_000, "2025-03-15")
    waiver = relief.ask(bill, ratio="1")
    relief.books.pay(500_000, "2025-05-04")
    relief.on("2025-06-18")
    granted = relief.approve(waiver["id"])
    assert (granted["asked_fen"], granted["waived_fen"], granted["less_than_asked"]) == (27_000, 21_000, True)
    assert due(relief, "2025-06-18") == (500_000, 750)


def test_fm13_money_for_late_fee_is_not_taken_for_the_waiver(relief: Relief) -> None:
    """Half of 2700 was waived; a payment dated back leaves 2100: still more than was waived, so all of it stands."""
    bill = relief.books.bill(100_000, "2025-03-15")
    relief.ask(bill, ratio="0.5")
    relief.books.pay(50_000, "2025-05-04")
    assert due(relief, "2025-06-13") == (50_000, 2_100 - 1_350)
    relief.books.pay(50_750, "2025-06-13")
    assert due(relief, "2025-07-13") == (0, 0)


def test_fm13_two_waivers_reach_together_what_there_was(relief: Relief) -> None:
    bill = relief.books.bill(100_000, "2025-03-15")
    relief.ask(bill, fen=1_000)
    relief.on("2025-06-23")
    relief.ask(bill, fen=2_000)
    relief.books.pay(100_000, "2025-04-04")
    assert due(relief, "2025-06-23") == (0, 0)
    waived = relief.books.statement("2025-06-23")
    assert waived["bills"] == []
    net = """SELECT sum(CASE WHEN debit_account = 'late_fee_waived' THEN amount_fen ELSE -amount_fen END)
             FROM ledger_entry WHERE 'late_fee_waived' IN (debit_account, credit_account)"""
    assert relief.books.one(net) == 600  # 20 days: all there ever was
    assert relief.books.one("SELECT count(*) FROM late_fee_left") == 0
    assert balanced(relief)
