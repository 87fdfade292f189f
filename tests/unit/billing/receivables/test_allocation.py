"""B9: the order in which money settles bills, and that the order of arrival does not matter."""

from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from services.billing.receivables.allocation.rules import Money, Placement, Share, difference, place, place_all
from services.billing.receivables.late_fee.rules import BillEvent, DailyRate, LateFeePolicy, OpenBill

POLICY = LateFeePolicy(clause="§", rates=(DailyRate(date(2000, 1, 1), Decimal("0.0003")),))
OLD = OpenBill(1, date(2025, 1, 15), 100000)
NEW = OpenBill(2, date(2025, 2, 15), 50000)


def money(fen: int, on: date = date(2025, 3, 16), number: int = 1, designated: tuple[int, ...] = ()) -> Money:
    return Money(UUID(int=number), fen, on, datetime(2025, 3, 16, tzinfo=UTC), "cash", designated)


def test_b9_oldest_first_principal_before_late_fee() -> None:
    # the old bill owes 60 days = 18.00, the new one 29 days = 4.35
    placed = place(money(102000), [NEW, OLD], POLICY, "principal_first")
    assert placed.shares == (Share(1, 100000, 1800), Share(2, 200, 0))
    assert placed.credit_fen == 0


def test_b9_late_fee_first() -> None:
    placed = place(money(2000), [OLD], POLICY, "late_fee_first")
    assert placed.shares == (Share(1, 200, 1800),)


def test_b9_designated_bills_first_in_the_order_named() -> None:
    third = OpenBill(3, date(2025, 4, 15), 1000)
    placed = place(money(51500, designated=(3, 2)), [OLD, NEW, third], POLICY, "principal_first")
    assert placed.shares == (Share(3, 1000, 0), Share(2, 50000, 435), Share(1, 65, 0))


def test_b9_a_designated_bill_of_nobody_is_passed_over() -> None:
    assert place(money(10, designated=(99,)), [OLD], POLICY, "principal_first").shares == (Share(1, 10, 0),)


def test_b9_the_rest_becomes_credit() -> None:
    placed = place(money(200000), [OLD, NEW], POLICY, "principal_first")
    assert placed.credit_fen == 200000 - 100000 - 1800 - 50000 - 435
    assert place(money(7), [], POLICY, "principal_first").credit_fen == 7


def test_b9_a_bill_whose_principal_is_paid_still_owes_its_late_fee() -> None:
    paid = OpenBill(1, date(2025, 1, 15), 100000, (BillEvent("payment", date(2025, 3, 16), 100000),))
    placed = place(money(5000, on=date(2025, 4, 30)), [paid, NEW], POLICY, "principal_first")
    assert placed.shares == (Share(1, 0, 1800), Share(2, 3200, 0))


def test_b9_late_fee_received_on_a_later_day_is_not_taken_twice() -> None:
    events = (BillEvent("payment", date(2025, 3, 16), 100000), BillEvent("late_fee_payment", date(2025, 3, 16), 1800))
    assert (
        place(
            money(500, on=date(2025, 2, 14)), [OpenBill(1, OLD.due, 100000, events)], POLICY, "principal_first"
        ).credit_fen
        == 500
    )


def test_b9_difference_names_only_what_changes() -> None:
    before = {1: Share(1, 100, 5), 2: Share(2, 50, 0)}
    assert difference(before, [Share(1, 100, 5), Share(3, 50, 0)]) == [Share(2, -50, 0), Share(3, 50, 0)]


def totals(placements: list[Placement]) -> list[tuple[int, list[Share], int]]:
    return [(p.payment.id.int, list(p.shares), p.credit_fen) for p in placements]


@given(
    st.lists(st.tuples(st.integers(1, 150_000), st.dates(date(2025, 1, 1), date(2025, 12, 31))), max_size=5),
    st.randoms(use_true_random=False),
    st.sampled_from(["principal_first", "late_fee_first"]),
)
def test_b9_the_order_of_arrival_does_not_matter_and_nothing_is_lost(payments, random, within) -> None:
    moneys = [money(fen, on, number) for number, (fen, on) in enumerate(payments)]
    expected = place_all(moneys, [OLD, NEW], POLICY, within)
    random.shuffle(moneys)
    assert totals(place_all(moneys, [NEW, OLD], POLICY, within)) == totals(expected)
    for placed in expected:
        assert placed.payment.amount_fen == sum(s.total_fen for s in placed.shares) + placed.credit_fen
    for bill in (OLD, NEW):
        assert sum(s.principal_fen for p in expected for s in p.shares if s.bill_id == bill.id) <= bill.amount_fen
