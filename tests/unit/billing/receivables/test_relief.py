"""C2, B5: what is asked, granted and by whom; what stands on a bill that is voided."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.charging.voids.rules import DayReceipt, Standing, number, standing
from services.billing.receivables.late_fee.events import bill_events
from services.billing.receivables.late_fee.rules import DailyRate, LateFeePolicy, late_fee
from services.billing.receivables.ledger.rules import BookingDay, Entry
from services.billing.receivables.trial_balance.rules import NO_DIFFERENCE, Flow, StoredSums, check, collected_fen
from services.billing.receivables.waivers.rules import (
    Band,
    GrantedBefore,
    authority,
    by_amount,
    by_ratio,
    grant_amounts,
)
from services.common.contracts.answers.waivers import WaiverKind

DUE = date(2025, 3, 15)
POLICY = LateFeePolicy(clause="§7.3", rates=(DailyRate(date(2000, 1, 1), Decimal("0.0003")),))
MATRIX = (
    Band(up_to_fen=5000),
    Band(up_to_fen=100000, up_to_ratio=Decimal("0.5"), roles=("estate_manager",)),
    Band(roles=("group_admin", "finance"), needs_resolution=True),
)
bases = st.dictionaries(st.integers(1, 10), st.integers(0, 10**7), min_size=1)


def day(text: str) -> date:
    return date.fromisoformat(text)


# --- C2 ------------------------------------------------------------------------------------------------------------


def test_c2_a_ratio_is_taken_per_bill_half_up() -> None:
    assert by_ratio({1: 771, 2: 1, 3: 0}, Decimal("0.5")) == {1: 386, 2: 1, 3: 0}


def test_c2_an_amount_is_shared_by_base_and_never_more_than_there_is() -> None:
    assert by_amount({1: 100, 2: 300, 3: 0}, 101) == {1: 25, 2: 76, 3: 0}
    with pytest.raises(ValueError, match="only 400 fen"):
        by_amount({1: 100, 2: 300}, 401)


@given(bases, st.data())
def test_c2_shares_add_up_and_stay_within_their_bases(found: dict[int, int], data: st.DataObject) -> None:
    amount = data.draw(st.integers(0, sum(found.values())))
    asked = by_amount(found, amount)
    assert sum(asked.values()) == amount
    assert all(0 <= asked[bill] <= base for bill, base in found.items())


@given(bases, bases, st.integers(1, 10000).map(lambda part: Decimal(part) / 10000))
def test_c2_granted_is_never_more_than_asked_nor_than_is_left(
    found: dict[int, int], left: dict[int, int], ratio: Decimal
) -> None:
    asked = by_ratio(found, ratio)
    given_ = grant_amounts(asked, left)
    assert all(0 <= fen <= min(asked[bill], left.get(bill, 0)) for bill, fen in given_.items())


@pytest.mark.parametrize(
    ("fen", "base", "before", "roles", "resolution", "automatic"),
    [
        (5000, 5000, 0, {"estate_manager", "group_admin", "finance"}, False, True),
        (5001, 90000, 0, {"estate_manager", "group_admin", "finance"}, False, False),
        (4000, 90000, 2000, {"estate_manager", "group_admin", "finance"}, False, False),
        (45001, 90000, 0, {"group_admin", "finance"}, True, False),
        (100001, 900000, 0, {"group_admin", "finance"}, True, False),
    ],
)
def test_c2_the_matrix_says_who_may(
    fen: int, base: int, before: int, roles: set[str], resolution: bool, automatic: bool
) -> None:
    who = authority(MATRIX, fen, base, GrantedBefore(before))
    assert who is not None
    assert (who.roles, who.needs_resolution, who.automatic) == (roles, resolution, automatic)


def test_c2_where_the_matrix_ends_nobody_may() -> None:
    assert authority(MATRIX[:1], 5001, 5001, GrantedBefore()) is None


def entry(debit: str, credit: str, fen: int, on: str) -> Entry:
    return Entry("test", debit, credit, fen, BookingDay(day(on)), "test", 1)


def test_c2_a_waiver_then_further_accrual() -> None:
    # 285.60 due 2025-03-15: 7.71 after 90 days, of which 3.86 is waived; 10 more days bring 0.86 (8.57 in all)
    events = bill_events([entry("late_fee_waived", "late_fee_income", 386, "2025-06-13")])
    assert [event.kind for event in events] == ["late_fee_waiver"]
    assert late_fee(28560, DUE, events, day("2025-06-13"), POLICY).due_fen == 771 - 386
    assert late_fee(28560, DUE, events, day("2025-06-23"), POLICY).due_fen == 857 - 386


def test_c2_waived_principal_accrues_no_more() -> None:
    events = bill_events([entry("fee_income", "receivable", 28560, "2025-06-13")])
    assert late_fee(28560, DUE, events, day("2026-06-13"), POLICY).due_fen == 771


# --- B5 ------------------------------------------------------------------------------------------------------------


def test_b5_what_came_in_is_read_by_day() -> None:
    found = standing(
        [
            entry("receivable", "fee_income", 10000, "2025-02-28"),
            entry("cash_wechat", "receivable", 4000, "2025-03-10"),
            entry("fee_income", "receivable", 500, "2025-03-20"),
            entry("customer_credit", "receivable", 5500, "2025-04-01"),
            entry("cash_pos", "late_fee_income", 30, "2025-04-01"),
            entry("late_fee_waived", "late_fee_income", 7, "2025-04-02"),
        ],
        DUE,
    )
    assert found == Standing((DayReceipt(day("2025-03-10"), 4000), DayReceipt(day("2025-04-01"), 5500, 30)), 500, 7)
    assert (found.principal_fen, found.late_fee_fen) == (9500, 30)


def test_b5_what_was_taken_back_is_taken_from_what_came_last() -> None:
    found = standing(
        [
            entry("cash_wechat", "receivable", 4000, "2025-03-10"),
            entry("cash_wechat", "receivable", 3000, "2025-03-12"),
            entry("receivable", "cash_wechat", 3500, "2025-03-30"),
        ],
        DUE,
    )
    assert found.receipts == (DayReceipt(day("2025-03-10"), 3500),)


def test_b5_money_from_before_the_books_came_in_time() -> None:
    found = standing([entry("opening_equity", "receivable", 700, "2026-11-01")], DUE)
    assert found.receipts == (DayReceipt(DUE, 700),)


def test_b5_credit_notes_are_numbered() -> None:
    assert number("GZ01", 42) == "CN-GZ01-000042"


def test_b5_a_voided_opening_balance_is_not_collected() -> None:
    moved = [
        Flow(1, "receivable", "opening_equity", 100),
        Flow(1, "opening_equity", "receivable", 40),
        Flow(1, "receivable", "customer_credit", 40),
        Flow(1, "opening_equity", "receivable", 100, "bill_voided"),
    ]
    assert collected_fen(moved) == 0
    assert check(moved, [StoredSums(1, household_credit_fen=40)]) == NO_DIFFERENCE


def test_c2_waived_is_compared_with_the_ledger() -> None:
    moved = [Flow(1, "receivable", "fee_income", 100), Flow(1, "fee_income", "receivable", 30)]
    kept = StoredSums(1, bills_open_fen=70, bills_waived_fen=30, rolled_billed_fen=100, rolled_waived_fen=30)
    assert check(moved, [kept]) == NO_DIFFERENCE
    undone = [*moved, Flow(1, "receivable", "fee_income", 30, "waiver_reversed")]
    assert check(undone, [kept]).waived_and_bills_fen == 30


def test_c2_kinds_are_those_of_the_contract() -> None:
    assert WaiverKind.__args__ == ("late_fee", "principal")  # type: ignore[attr-defined]
