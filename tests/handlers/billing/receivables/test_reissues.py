"""B5, B6: what was void is billed again, due as before, and who had paid owes what he owed; surplus goes back."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from services.billing.charging.bills.views.handlers import explain_bill
from services.billing.figures.rates.handlers import RateCut, collection_rates
from services.billing.receivables.credits.refunds import list_refunds_of
from services.billing.receivables.trial_balance.handlers import imbalance_fen, trial_balance
from services.billing.settings import Settings
from services.common.contracts.errors import Conflict, Forbidden, Invalid, NotFound
from services.common.contracts.events import BillsAdjusted, BillsIssued
from tests.support.billing.books import SYSTEM, Books, day
from tests.support.billing.desk import OPENING, TARIFFS, Desk
from tests.support.billing.relief import FINANCE, STEWARD, Relief, noon, who
from tests.support.outbox import events

HOMES = (
    "E1,1,101,87.33,residential,occupied,H1,王小明,13812345678",
    "E1,1,102,100.00,residential,occupied,H2,李雷,13812345679",
)
FULL = 20523  # 87.33 m² × 2.35, due 2026-11-15


@pytest.fixture
def desk(database: Callable[[str], Engine]) -> Desk:
    made = Desk(database("billing"), Settings())
    made.estate("E1", *HOMES)
    made.run("2026-10")
    return made


@pytest.fixture
def engine(desk: Desk) -> Engine:
    return desk.engine


@pytest.fixture
def relief(books: Books) -> Iterator[Relief]:
    yield Relief(books).on("2026-12-20")
    assert imbalance_fen(books.session) == 0


def bill_of(relief: Relief, household: str = "H1") -> int:
    query = "SELECT max(b.id) FROM bill b JOIN household h ON h.id = b.household_id WHERE h.code = :code"
    return int(relief.books.one(query, code=household))


def owes(relief: Relief, as_of: str = "2026-12-20", household: str = "H1") -> tuple[int, int, int]:
    told = relief.books.statement(as_of, household)
    return told["principal_fen"], told["late_fee_fen"], told["credit_fen"]


def rate_of(relief: Relief, as_of: str) -> dict[str, Any]:
    cut = RateCut("estate", windows=True)
    (item,) = collection_rates(relief.books.session, SYSTEM, cut, day(as_of))["items"]
    return dict(item)


def test_b5_a_bill_is_billed_again_due_as_before(relief: Relief) -> None:
    bill = bill_of(relief)
    relief.books.session.execute(text("UPDATE unit SET area_m2 = 80 WHERE code = '101'"))
    policy = "UPDATE billing_policy SET due_day = 28"
    relief.books.session.execute(text(policy))
    note = relief.void(bill, reissue=True)
    (new,) = note["reissued"]
    assert (new["amount_fen"], new["reissue_of"], new["due_date"]) == (18800, bill, date(2026, 11, 15))
    assert (new["status"], new["period"], new["issued_on"]) == ("open", "2026-10", date(2026, 12, 20))
    assert owes(relief) == (18800, round(18800 * 35 * 0.0003), 0)
    told = explain_bill(relief.books.session, SYSTEM, new["id"])
    assert (told["formula"], told["due"]["text"]["en"][-10:]) == ("80 × 2.35 = 188", "2026-11-15")
    assert relief.books.one("SELECT status FROM (SELECT 'void' AS status FROM bill WHERE id = :id AND voided_at IS NOT "
                            "NULL AND amount_fen = 20523) b", id=bill) == "void"  # fmt: skip
    issued = events(relief.books.session, BillsIssued)[-1]
    assert (issued.due_date, [(b.bill_id, b.open_fen) for b in issued.bills]) == (
        day("2026-11-15"),
        [(new["id"], 18800)],
    )


@pytest.mark.parametrize(
    "payments",
    [
        [],
        [(FULL, "2026-11-10")],
        [(5000, "2026-11-10"), (7000, "2026-11-30")],
        [(FULL, "2026-12-10")],
        [(5000, "2026-11-10"), (20000, "2026-12-05")],
        [(30000, "2026-12-10")],
    ],
)
@pytest.mark.parametrize("later", [False, True])
def test_b5_void_and_reissue_of_the_same_amount_is_as_if_nothing_had_been(
    relief: Relief, payments: list[tuple[int, str]], later: bool
) -> None:
    bill = bill_of(relief)
    for fen, on in payments:
        relief.books.pay(fen, on)
    days = ("2026-11-09", "2026-11-12", "2026-12-01", "2026-12-15", "2026-12-20", "2027-02-01")
    before = [owes(relief, as_of) for as_of in days]
    rates = [rate_of(relief, as_of) for as_of in days]
    balance = trial_balance(relief.books.session, SYSTEM, None)
    if later:
        relief.void(bill)
        relief.reissue(bill)
    else:
        relief.void(bill, reissue=True)
    assert [owes(relief, as_of) for as_of in days] == before
    assert [rate_of(relief, as_of) for as_of in days] == rates
    after = trial_balance(relief.books.session, SYSTEM, None)
    assert {a.account: a.balance_fen for a in after["accounts"] if a.balance_fen} == {
        a.account: a.balance_fen for a in balance["accounts"] if a.balance_fen
    }
    told = relief.books.session.execute(text("SELECT sum(amount_fen - paid_fen) FROM bill WHERE voided_at IS NULL"))
    change = sum(bill.open_change_fen for event in events(relief.books.session, BillsAdjusted) for bill in event.bills)
    issued = sum(bill.open_fen for event in events(relief.books.session, BillsIssued) for bill in event.bills)
    assert issued + change - min(sum(fen for fen, _ in payments), FULL) == told.scalar_one()


def test_b5_standing_credit_is_applied_to_a_reissue_as_to_any_bill(relief: Relief) -> None:
    bill = bill_of(relief)
    relief.books.pay(FULL + 3000, "2026-11-10")
    relief.books.session.execute(text("UPDATE unit SET area_m2 = 100 WHERE code = '101'"))
    (new,) = relief.void(bill, reissue=True)["reissued"]
    # all of it had come in time
    assert (new["amount_fen"], new["paid_fen"], new["status"]) == (23500, 23500, "paid")
    assert owes(relief) == (0, 0, FULL + 3000 - 23500)


def test_b5_a_cheaper_reissue_leaves_credit_which_can_be_refunded(relief: Relief) -> None:
    bill = bill_of(relief)
    relief.books.pay(FULL, "2026-11-10")
    relief.books.session.execute(text("UPDATE unit SET area_m2 = 80 WHERE code = '101'"))
    relief.void(bill, reissue=True)
    assert owes(relief) == (0, 0, FULL - 18800)
    with pytest.raises(Conflict, match=r"17\.23 yuan"):
        relief.refund(1724)
    request_id = uuid4()
    done = relief.refund(1723, request_id=request_id)
    assert relief.ask_refund(1723, request_id=request_id) == done
    assert owes(relief) == (0, 0, 0)
    with pytest.raises(Conflict, match="another refund"):
        relief.refund(1, request_id=request_id)
    account = {a.account: a.balance_fen for a in trial_balance(relief.books.session, SYSTEM, None)["accounts"]}
    assert (account["cash_cash"], account["cash_transfer"], account["customer_credit"]) == (FULL, -1723, 0)
    (listed,) = list_refunds_of(relief.books.session, FINANCE, "H1", 50, None)["items"]
    assert (listed["amount_fen"], listed["channel"], listed["refunded_by"]) == (1723, "transfer", "group_admin-1")
    assert list_refunds_of(relief.books.session, FINANCE, "H2", 50, None) == {"items": [], "next_cursor": None}


def test_b5_the_same_reissue_twice_is_one(relief: Relief) -> None:
    bill, request_id = bill_of(relief), uuid4()
    with pytest.raises(Conflict, match="void it first"):
        relief.reissue(bill)
    note = relief.void(bill, reissue=True, request_id=request_id)
    assert relief.void(bill, reissue=True, request_id=request_id) == note
    with pytest.raises(Conflict, match="stands"):
        relief.reissue(bill)
    new = note["reissued"][0]["id"]
    relief.void(new)
    again = uuid4()
    made = relief.reissue(new, request_id=again)
    assert relief.reissue(new, request_id=again) == made
    assert made["bills"][0]["reissue_of"] == new
    with pytest.raises(Conflict, match="another reissue"):
        relief.reissue(bill, request_id=again)
    assert relief.books.one("SELECT count(*) FROM bill WHERE voided_at IS NULL") == 2


def test_b5_a_reissue_goes_to_the_payer_now_on_record(relief: Relief) -> None:
    bill = bill_of(relief)
    relief.books.pay(FULL, "2026-11-10")
    relief.books.session.execute(
        text("UPDATE unit SET household_id = (SELECT id FROM household WHERE code = 'H2') WHERE code = '101'")
    )
    (new,) = relief.void(bill, reissue=True)["reissued"]
    assert (new["household"], new["paid_fen"], new["reissue_of"]) == ("H2", 0, bill)
    assert owes(relief) == (0, 0, FULL)
    assert owes(relief, household="H2")[0] == FULL + 23500


def test_b5_a_month_with_two_payers_is_billed_again_only_when_both_are_void(relief: Relief) -> None:
    session = relief.books.session
    whole = bill_of(relief)
    unit_id = relief.books.one("SELECT unit_id FROM bill WHERE id = :id", id=whole)
    payers = text("""INSERT INTO unit_payer (unit_id, household_id, role, from_date, to_date)
        SELECT :unit, id, 'owner', CASE code WHEN 'H1' THEN DATE '2020-01-01' ELSE DATE '2026-10-11' END,
               CASE code WHEN 'H1' THEN DATE '2026-10-10' END FROM household WHERE code IN ('H1', 'H2')""")
    session.execute(payers, {"unit": unit_id})
    relief.books.pay(FULL, "2026-11-10")
    made = {m["household"]: m for m in relief.void(whole, reissue=True)["reissued"]}
    assert {home: m["amount_fen"] for home, m in made.items()} == {"H1": 6620, "H2": 13903}
    assert owes(relief) == (0, 0, 13903)
    one, other = made["H1"]["id"], made["H2"]["id"]
    relief.void(one)
    with pytest.raises(Conflict, match=f"Bill {other}"):
        relief.reissue(one)
    again = relief.void(other, reissue=True)["reissued"]
    assert {m["household"]: m["reissue_of"] for m in again} == {"H1": one, "H2": other}
    assert owes(relief) == (0, 0, 13903)


def test_b5_without_a_price_nothing_is_void_either(relief: Relief) -> None:
    bill = bill_of(relief)
    relief.books.session.execute(text("UPDATE tariff SET published_at = NULL"))
    with pytest.raises(Conflict, match="No published tariff"), relief.books.session.begin_nested():
        relief.void(bill, reissue=True)
    assert relief.books.one("SELECT count(*) FROM credit_note") == 0
    relief.books.session.execute(text("UPDATE bill SET charge_id = gen_random_uuid()"))
    with pytest.raises(Conflict, match="one-off"), relief.books.session.begin_nested():
        relief.void(bill, reissue=True)


def test_b5_an_opening_balance_can_be_billed_by_tariff(desk: Desk, relief: Relief) -> None:
    desk.load("opening_balances", OPENING, "E1,101,property_fee,2026-05,300.00,2026-06-15,50.00")
    bill = int(relief.books.one("SELECT id FROM bill WHERE tariff_id IS NULL"))
    (new,) = relief.void(bill, reissue=True)["reissued"]
    assert (new["amount_fen"], new["paid_fen"], new["due_date"]) == (FULL, 5000, date(2026, 6, 15))
    account = {a.account: a.balance_fen for a in trial_balance(relief.books.session, SYSTEM, None)["accounts"]}
    assert account["opening_equity"] == 5000


def test_b5_another_run_of_the_month_leaves_a_reissued_bill_alone(desk: Desk, relief: Relief) -> None:
    relief.void(bill_of(relief), reissue=True)
    relief.books.session.commit()
    assert desk.run("2026-10")["bills"] == 0
    desk.load("tariffs", TARIFFS, "E1,lift,fixed,residential,10.00,2020-01-01,")
    desk.publish("E1")
    assert desk.run("2026-10", fee_items=["lift"])["bills"] == 2


# --- B6 ------------------------------------------------------------------------------------------------------------


def test_b6_standing_credit_pays_what_is_named_then_the_oldest(relief: Relief, desk: Desk) -> None:
    relief.books.pay(FULL + 25000, "2026-11-10")
    reserve = text("UPDATE household SET reserved_fen = :fen WHERE code = 'H1'")
    relief.books.session.execute(reserve, {"fen": 25000})
    relief.books.session.commit()
    desk.load("opening_balances", OPENING, "E1,101,a,2026-08,100.00,2026-12-25,", "E1,101,b,2026-09,200.00,2026-12-26,")
    a, b = relief.books.session.scalars(text("SELECT id FROM bill WHERE tariff_id IS NULL ORDER BY fee_item")).all()
    request_id = uuid4()
    with pytest.raises(Conflict, match="no credit"):
        relief.apply("H1", b)
    relief.books.session.execute(reserve, {"fen": 0})
    done = relief.apply("H1", b, request_id=request_id)
    assert [(s["bill_id"], s["principal_fen"]) for s in done["bills"]] == [(a, 5000), (b, 20000)]
    assert (done["applied_fen"], done["credit_fen"]) == (25000, 0)
    assert relief.apply("H1", b, request_id=request_id) == done
    with pytest.raises(Conflict, match="another application"):
        relief.apply("H1", a, request_id=request_id)
    with pytest.raises(Conflict, match="no credit"):
        relief.apply("H1")
    event = events(relief.books.session, BillsAdjusted)[-1]
    assert (event.reason, [bill.open_change_fen for bill in event.bills]) == ("credit", [-5000, -20000])
    assert owes(relief) == (5000, 0, 0)


def test_b6_credit_pays_only_the_bills_of_its_own_household(relief: Relief) -> None:
    relief.books.pay(FULL + 25000, "2026-11-10")
    theirs, mine = bill_of(relief, "H2"), bill_of(relief)
    for wrong in (theirs, 10**15):
        with pytest.raises(Invalid, match="not of this household") as raised:
            relief.apply("H1", mine, wrong)
        assert raised.value.errors == [{"loc": "bill_ids", "msg": f"{wrong} is no bill of this household"}]
    relief.void(mine)
    with pytest.raises(Conflict, match=f"Bill {mine} is void"):
        relief.apply("H1", mine)


def test_b6_who_may_move_credit(relief: Relief) -> None:
    relief.books.pay(FULL + 25000, "2026-11-10")
    for nobody in (STEWARD, who("cashier"), who("finance", "f", "E2"), who("estate_manager", "m", "E2")):
        with pytest.raises(Forbidden):
            relief.refund(1, by=nobody)
    with pytest.raises(Forbidden):
        relief.apply(by=STEWARD)
    with pytest.raises(NotFound):
        relief.refund(1, "NOBODY")
    with pytest.raises(Invalid):
        list_refunds_of(relief.books.session, FINANCE, "H1", 1, "nonsense")
    assert relief.refund(25000)["amount_fen"] == 25000


def test_b6_two_refunds_at_once_never_give_more_than_there_is(relief: Relief, engine: Engine) -> None:
    relief.books.pay(FULL + 1000, "2026-11-10")
    relief.books.session.commit()

    def refund(_: int) -> bool:
        with Session(engine) as session, session.begin():
            try:
                Relief(Books(session), noon("2026-12-20")).refund(600)
            except Conflict:
                return False
            return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(refund, range(4))) == 1
    assert owes(relief) == (0, 0, 400)
