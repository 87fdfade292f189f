"""B5, C2, C4 (ADR 11): a correction of ours keeps what was granted; points and coupons are kept too or come back."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, text

from services.billing.figures.rates.handlers import RateCut, collection_rates, rollup_check
from services.billing.receivables.incentives import handlers as incentives
from services.billing.receivables.incentives import redeeming
from services.billing.receivables.incentives.redeeming import Redemption
from services.billing.receivables.late_fee.sql import late_fees_due
from services.billing.receivables.trial_balance.handlers import imbalance_fen, trial_balance
from services.billing.receivables.waivers.tables import granted_before
from services.billing.settings import Settings
from services.common.contracts.events import BillsAdjusted, BillsIssued
from tests.support.billing.books import SYSTEM, day
from tests.support.billing.desk import Desk
from tests.support.billing.relief import FINANCE, STEWARD, Relief
from tests.support.outbox import events

HOMES = (
    "E1,1,101,100.00,residential,occupied,H1,王小明,13812345678",
    "E1,1,102,50.00,residential,occupied,H2,李雷,13812345679",
)
BILL = 100_000  # 100 m² at 10.00, due 2026-11-15
TODAY = "2027-05-01"  # 167 days later: 5010 of late fee
DAYS = ("2026-11-15", "2026-12-31", "2027-03-01", "2027-04-30", TODAY, "2027-08-01")


@pytest.fixture
def desk(database: Callable[[str], Engine]) -> Desk:
    made = Desk(database("billing"), Settings())
    made.estate("E1", *HOMES, price="10.00")
    made.run("2026-10")
    return made


@pytest.fixture
def engine(desk: Desk) -> Engine:
    return desk.engine


@pytest.fixture
def relief(books: Any) -> Iterator[Relief]:
    yield Relief(books).on(TODAY)
    assert imbalance_fen(books.session) == 0
    told = rollup_check(books.session, SYSTEM, None)
    assert (told["rollups"]["differences"], told["totals"]["differences"]) == (0, 0)


def bill_of(relief: Relief, household: str = "H1") -> int:
    query = "SELECT max(b.id) FROM bill b JOIN household h ON h.id = b.household_id WHERE h.code = :code"
    return int(relief.books.one(query, code=household))


def area(relief: Relief, m2: int) -> None:
    relief.books.session.execute(text("UPDATE unit SET area_m2 = :m2 WHERE code = '101'"), {"m2": m2})


def owes(relief: Relief, as_of: str = TODAY) -> tuple[int, int, int]:
    """Principal, late fee, credit; the late fee in SQL is the same."""
    told = relief.books.statement(as_of)
    household_id = relief.books.one("SELECT id FROM household WHERE code = 'H1'")
    in_sql = late_fees_due(relief.books.session, [household_id], day(as_of), past=True)
    assert in_sql.get(household_id, 0) == told["late_fee_fen"]
    return told["principal_fen"], told["late_fee_fen"], told["credit_fen"]


def waive(relief: Relief, bill: int, kind: Any, **part: Any) -> UUID:
    waiver = relief.ask(bill, kind=kind, **part)
    if waiver["status"] == "pending":
        relief.approve(waiver["id"], FINANCE, "resolution 7")
    return waiver["id"]


def seen(relief: Relief) -> list[Any]:
    """All that is told of any day."""
    cut = RateCut("estate", windows=True)
    rates = [collection_rates(relief.books.session, SYSTEM, cut, day(as_of))["items"] for as_of in DAYS]
    accounts = trial_balance(relief.books.session, SYSTEM, None)["accounts"]
    balances = {a.account: a.balance_fen for a in accounts if a.balance_fen}
    return [[owes(relief, as_of) for as_of in DAYS], rates, balances]


def test_fm7_void_and_reissue_keep_what_was_waived(relief: Relief) -> None:
    bill = bill_of(relief)
    fee = waive(relief, bill, "late_fee", fen=4_000)
    tenth = waive(relief, bill, "principal", ratio="0.1")
    assert relief.books.statement(TODAY)["total_due_fen"] == 91_010
    before = seen(relief)
    answer = relief.void(bill, reissue=True)
    assert relief.books.statement(TODAY)["total_due_fen"] == 91_010
    assert seen(relief) == before
    (new,) = answer["reissued"]
    assert (new["amount_fen"], new["waived_fen"], new["outstanding_fen"]) == (BILL, 10_000, 90_000)
    assert {(kept["kind"], kept["source_id"], kept["granted_fen"], kept["kept_fen"], kept["bill_id"])
            for kept in answer["carried"]} == {
        ("late_fee", fee, 4_000, 4_000, new["id"]), ("principal", tenth, 10_000, 10_000, new["id"]),
    }  # fmt: skip
    issued = sum(line.open_fen for event in events(relief.books.session, BillsIssued) for line in event.bills)
    changed = sum(line.open_change_fen for event in events(relief.books.session, BillsAdjusted) for line in event.bills)
    assert issued + changed == 90_000 + 50_000  # the neighbour's bill is open as well


@pytest.mark.parametrize("later", [False, True])
@pytest.mark.parametrize(
    "acts",
    [
        [("late_fee", "2026-12-20", {"ratio": "1"}), ("pay", "2027-01-10", 60_000)],
        [("pay", "2026-12-01", 30_000), ("principal", "2027-02-01", {"fen": 5_000}), ("pay", "2027-03-01", 90_000)],
        [("principal", "2026-11-10", {"ratio": "0.25"}), ("late_fee", "2027-01-01", {"ratio": "0.5"}),
         ("pay", "2027-04-01", 200_000)],
        [("pay", "2026-11-20", 100_000), ("late_fee", "2026-11-25", {"ratio": "1"})],
    ],
)  # fmt: skip
def test_fm7_no_day_knows_of_a_void_and_a_reissue_of_the_same_amount(
    relief: Relief, acts: list[tuple[Any, str, Any]], later: bool
) -> None:
    bill = bill_of(relief)
    for what, on, part in acts:
        relief.on(on)
        if what == "pay":
            relief.books.pay(part, on)
        else:
            waive(relief, bill, what, **part)
    relief.on(TODAY)
    before = seen(relief)
    answer: Any = relief.void(bill, reissue=not later, by=FINANCE)
    if answer["status"] == "requested":
        answer = relief.approve_void(answer["id"])
    if later:
        answer = relief.reissue(bill)
    assert seen(relief) == before
    assert all(kept["kept_fen"] == kept["granted_fen"] for kept in answer["carried"])


@pytest.mark.parametrize(
    ("m2", "part", "kept"),
    [(80, {"ratio": "0.1"}, 8_000), (120, {"ratio": "0.1"}, 12_000), (80, {"fen": 10_000}, 10_000),
     (120, {"fen": 10_000}, 10_000), (5, {"fen": 10_000}, 5_000), (5, {"ratio": "1"}, 5_000)],
)  # fmt: skip
def test_fm7_a_part_stays_the_same_part_and_an_amount_the_same_amount(
    relief: Relief, m2: int, part: dict[str, Any], kept: int
) -> None:
    bill = bill_of(relief)
    waive(relief, bill, "principal", **part)
    area(relief, m2)
    answer = relief.void(bill, reissue=True)
    assert [line["kept_fen"] for line in answer["carried"]] == [kept]
    assert owes(relief)[0] == m2 * 1_000 - kept


def test_fm7_a_cheaper_bill_keeps_no_more_late_fee_waived_than_it_had(relief: Relief) -> None:
    """What accrues after the request is owed, though more was waived of the dearer bill."""
    bill = bill_of(relief)
    waive(relief, bill, "late_fee", fen=4_000)
    area(relief, 50)
    answer = relief.void(bill, reissue=True)
    assert [line["kept_fen"] for line in answer["carried"]] == [2_505]
    assert owes(relief) == (50_000, 0, 0)
    assert owes(relief, "2027-05-11") == (50_000, 150, 0)


def test_fm7_what_is_kept_counts_for_the_authority_as_before(relief: Relief) -> None:
    bill = bill_of(relief)
    waive(relief, bill, "principal", fen=30_000)
    (new,) = relief.void(bill, reissue=True)["reissued"]
    household_id = relief.books.one("SELECT id FROM household WHERE code = 'H1'")
    before = granted_before(relief.books.session, household_id, "principal", day(TODAY), [new["id"]])
    assert (before.household_fen, before.bills_fen) == (30_000, 30_000)


def test_fm7_voids_and_reissues_in_a_row_keep_it_all_the_way(relief: Relief) -> None:
    bill = bill_of(relief)
    waive(relief, bill, "late_fee", fen=4_000)
    waive(relief, bill, "principal", ratio="0.1")
    before = seen(relief)
    for _ in range(3):
        (new,) = relief.void(bill, reissue=True)["reissued"]
        bill = new["id"]
    relief.void(bill)
    assert owes(relief)[0] == 0
    relief.reissue(bill)
    assert seen(relief) == before


def test_fm7_the_same_request_again_tells_the_same(relief: Relief) -> None:
    bill, request_id = bill_of(relief), uuid4()
    waive(relief, bill, "principal", ratio="0.1")
    first = relief.void(bill, reissue=True, request_id=request_id)
    relief.ask(first["reissued"][0]["id"], kind="late_fee", fen=100)
    assert relief.void(bill, reissue=True, request_id=request_id)["carried"] == first["carried"]


def test_fm7_a_waiver_stays_with_its_household(relief: Relief) -> None:
    bill = bill_of(relief)
    waive(relief, bill, "principal", ratio="0.1")
    move = "UPDATE unit SET household_id = (SELECT id FROM household WHERE code = 'H2') WHERE code = '101'"
    relief.books.session.execute(text(move))
    answer = relief.void(bill, reissue=True)
    assert (answer["reissued"][0]["waived_fen"], answer["carried"]) == (0, [])


# --- points and coupons --------------------------------------------------------------------------------------------


def points(relief: Relief, household: str = "H1") -> dict[str, Any]:
    told = incentives.get_incentives(relief.books.session, FINANCE, household, relief.today)
    return {"points": told["points"], "coupons": [(c["status"], c["expires_on"]) for c in told["coupons"]]}


def gift(relief: Relief, count: int) -> None:
    relief.books.session.execute(text("UPDATE incentive_policy SET enabled = true, point_fen = 10, most_of_bill = 0.5"))
    give = """INSERT INTO point_entry (household_id, points, kind, source, booked_on)
              SELECT id, :count, 'earned', 'test', DATE '2026-10-01' FROM household WHERE code = 'H1'"""
    relief.books.session.execute(text(give), {"count": count})


def coupon(relief: Relief) -> UUID:
    coupon_id = uuid4()
    give = """INSERT INTO coupon (id, household_id, value_fen, reason, month, issued_on, expires_on)
              SELECT :id, id, 2000, 'streak', DATE '2026-09-01', DATE '2026-10-01', DATE '2027-01-31'
              FROM household WHERE code = 'H1'"""
    relief.books.session.execute(text(give), {"id": coupon_id})
    return coupon_id


def redeem(relief: Relief, bill: int, **spent: Any) -> UUID:
    redemption = Redemption(**spent, bill_id=bill)
    return redeeming.redeem(relief.books.session, STEWARD, "H1", uuid4(), redemption, relief.now)["id"]


def test_fm7_spent_points_go_on_to_the_reissue(relief: Relief) -> None:
    gift(relief, 500)
    bill = bill_of(relief)
    redeem(relief, bill, points=300)
    before = seen(relief), points(relief)
    answer = relief.void(bill, reissue=True)
    assert (seen(relief), points(relief)) == before
    (kept,) = answer["carried"]
    assert (kept["kind"], kept["kept_fen"], kept["returned_points"]) == ("discount", 3_000, None)


def test_fm7_points_come_back_from_a_bill_that_is_void_for_good_once(relief: Relief) -> None:
    gift(relief, 500)
    bill = bill_of(relief)
    redeem(relief, bill, points=300)
    (back,) = relief.void(bill)["carried"]
    assert (back["returned_points"], back["bill_id"], back["kept_fen"]) == (300, None, 0)
    assert points(relief)["points"] == 500
    assert relief.reissue(bill)["carried"] == []  # they are the household's again, to be redeemed anew
    assert (points(relief)["points"], owes(relief)[0]) == (500, BILL)


def test_fm7_what_a_cheaper_bill_has_no_room_for_comes_back(relief: Relief) -> None:
    gift(relief, 500)
    bill = bill_of(relief)
    redeem(relief, bill, points=300)
    area(relief, 2)
    answer = relief.void(bill, reissue=True)
    (kept,) = answer["carried"]
    assert (kept["kept_fen"], kept["returned_points"], points(relief)["points"]) == (2_000, 100, 300)
    (rest,) = relief.void(answer["reissued"][0]["id"])["carried"]
    assert (rest["returned_points"], points(relief)["points"]) == (200, 500)


def test_fm7_a_coupon_comes_back_with_the_days_it_had_left_and_can_be_spent_again(relief: Relief) -> None:
    gift(relief, 0 + 1)
    bill, coupon_id = bill_of(relief), coupon(relief)
    relief.on("2026-12-31")
    redeem(relief, bill, coupon_id=coupon_id)
    relief.on(TODAY)
    (back,) = relief.void(bill)["carried"]
    assert back["returned_coupon_id"] == coupon_id
    assert points(relief)["coupons"] == [("valid", relief.today + timedelta(days=31))]
    (new,) = relief.reissue(bill)["bills"]
    redeem(relief, new["id"], coupon_id=coupon_id)
    assert (points(relief)["coupons"][0][0], owes(relief)[0]) == ("redeemed", BILL - 2_000)
