"""C1, C3: every row of the worked examples, the options, and what must hold for any bill."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.receivables.late_fee.rules import (
    BillEvent,
    DailyRate,
    Freeze,
    Instalment,
    LateFeePolicy,
    late_fee,
    outstanding,
    overdue_days,
    settled_on,
)

POLICY = LateFeePolicy(clause="§7.3", rates=(DailyRate(date(2000, 1, 1), Decimal("0.0003")),))


def day(text: str) -> date:
    return date.fromisoformat(text)


def paid(on: str, fen: int) -> BillEvent:
    return BillEvent("payment", day(on), fen)


def fee(principal: int, due: str, as_of: str, *events: BillEvent, policy: LateFeePolicy = POLICY) -> int:
    return late_fee(principal, day(due), events, day(as_of), policy).due_fen


@pytest.mark.parametrize(
    ("principal", "due", "events", "as_of", "expected"),
    [
        (30000, "2025-09-15", [], "2025-09-15", 0),
        (30000, "2025-09-15", [], "2025-09-16", 9),
        (28560, "2025-03-15", [], "2025-06-13", 771),
        (100000, "2025-01-15", [paid("2025-02-14", 40000), paid("2025-03-16", 60000)], "2025-04-30", 1440),
        (50000, "2025-04-15", [paid("2025-04-10", 20000), paid("2025-05-15", 30000)], "2025-06-01", 270),
    ],
)
def test_c1_worked_examples(principal: int, due: str, events: list[BillEvent], as_of: str, expected: int) -> None:
    assert fee(principal, due, as_of, *events) == expected


def test_c3_a_performing_plan_freezes_and_a_missed_instalment_accrues_on_itself() -> None:
    plan = Freeze(
        day("2025-03-01"),
        instalments=tuple(Instalment(day(due), 100000) for due in ("2025-04-15", "2025-05-15", "2025-06-15")),
    )
    events = [paid("2025-04-15", 100000), paid("2025-06-04", 100000), paid("2025-06-15", 100000)]
    for as_of in ("2025-06-15", "2025-12-31"):
        assert late_fee(300000, day("2025-01-15"), events, day(as_of), POLICY, [plan]).due_fen == 4650


def test_c3_accrual_goes_on_where_a_freeze_ends() -> None:
    frozen = Freeze(day("2025-03-01"), day("2025-03-11"))
    assert late_fee(100000, day("2025-02-19"), [], day("2025-03-21"), POLICY, [frozen]).due_fen == 600


def test_c1_no_clause_no_fee() -> None:
    assert fee(100000, "2025-01-15", "2026-01-15", policy=replace(POLICY, clause=None)) == 0
    assert fee(100000, "2025-01-15", "2026-01-15", policy=replace(POLICY, clause="")) == 0


def test_c1_events_after_the_day_are_ignored() -> None:
    assert fee(100000, "2025-01-15", "2025-01-25", paid("2025-01-26", 100000)) == 300


def test_c1_payment_day_accrues_on_the_balance_before() -> None:
    assert fee(100000, "2025-01-15", "2025-01-16", paid("2025-01-16", 100000)) == 30


def test_c1_half_a_fen_rounds_up_once_per_bill() -> None:
    # 5000 × 0.0003 = 1.5; rounded day by day two days would make 4, not 3
    assert fee(5000, "2025-01-15", "2025-01-16") == 2
    assert fee(5000, "2025-01-15", "2025-01-17") == 3


def test_c1_overpayment_never_makes_a_negative_fee() -> None:
    assert fee(10000, "2025-01-15", "2025-06-15", paid("2025-01-10", 20000)) == 0
    assert outstanding(10000, [paid("2025-01-10", 20000)], day("2025-02-01")) == 0


def test_c1_a_refund_restores_principal_from_the_reversal_date() -> None:
    events = [paid("2025-01-15", 100000), BillEvent("restoration", day("2025-02-01"), 100000)]
    assert fee(100000, "2025-01-15", "2025-02-01", *events) == 0
    assert fee(100000, "2025-01-15", "2025-02-11", *events) == 300


def test_c1_a_waived_fee_goes_on_accruing() -> None:
    waived = BillEvent("late_fee_waiver", day("2025-01-25"), 300)
    assert fee(100000, "2025-01-15", "2025-01-25", waived) == 0
    assert fee(100000, "2025-01-15", "2025-01-26", waived) == 30


def test_c1_a_waived_principal_accrues_no_more() -> None:
    waived = BillEvent("waiver", day("2025-01-25"), 50000)
    assert fee(100000, "2025-01-15", "2025-02-04", waived) == 300 + 150


def test_c1_what_was_paid_of_the_fee_is_not_due_again() -> None:
    received = BillEvent("late_fee_payment", day("2025-01-25"), 300)
    assert fee(100000, "2025-01-15", "2025-01-25", received) == 0
    assert fee(100000, "2025-01-15", "2025-01-24", received) == 270


def test_c1_rates_change_by_date() -> None:
    both = replace(
        POLICY,
        rates=(DailyRate(day("2025-02-01"), Decimal("0.0005")), DailyRate(day("2000-01-01"), Decimal("0.0003"))),
    )
    # 16 days up to 31 January at 0.0003, then 10 days at 0.0005
    assert fee(100000, "2025-01-15", "2025-02-10", policy=both) == 480 + 500
    assert fee(100000, "2025-01-15", "2025-01-31", policy=both) == 480


def test_c1_no_rate_before_the_first() -> None:
    late = replace(POLICY, rates=(DailyRate(day("2025-02-01"), Decimal("0.0003")),))
    assert fee(100000, "2025-01-15", "2025-02-01", policy=late) == 30


def test_c1_the_cap_is_the_principal_and_can_be_off() -> None:
    assert fee(100, "2000-01-15", "2025-01-15") == 100
    assert fee(100, "2000-01-15", "2025-01-15", policy=replace(POLICY, is_capped=False)) == 274


def test_c1_grace() -> None:
    from_due = replace(POLICY, grace_days=10)
    after = replace(POLICY, grace_days=10, grace_mode="after_grace")
    for policy in (from_due, after):
        assert fee(100000, "2025-01-15", "2025-01-25", policy=policy) == 0
        assert fee(100000, "2025-01-15", "2025-03-01", paid("2025-01-25", 100000), policy=policy) == 0
    assert fee(100000, "2025-01-15", "2025-01-26", policy=from_due) == 330
    assert fee(100000, "2025-01-15", "2025-01-26", policy=after) == 30


def test_c1_leap_day_counts() -> None:
    assert fee(100000, "2024-02-28", "2024-03-01") == 60
    assert fee(100000, "2025-02-28", "2025-03-01") == 30


def test_c1_overdue_days() -> None:
    assert [overdue_days(day("2025-09-15"), day(d)) for d in ("2025-09-14", "2025-09-15", "2025-09-16")] == [0, 0, 1]


def test_c1_the_day_the_principal_was_settled() -> None:
    events = [paid("2025-02-14", 40000), paid("2025-03-16", 60000)]
    assert settled_on(100000, events, day("2025-04-30")) == day("2025-03-16")
    assert settled_on(100000, events, day("2025-03-15")) is None
    assert settled_on(100000, [], day("2025-03-15")) is None
    assert settled_on(40000, [paid("0001-01-01", 40000)], day("2025-03-15")) == date.min


EVENTS = st.lists(
    st.builds(
        BillEvent,
        st.sampled_from(["payment", "waiver", "restoration"]),
        st.dates(date(2024, 12, 1), date(2027, 6, 1)),
        st.integers(1, 150_000),
    ),
    max_size=8,
)
POLICIES = st.builds(
    LateFeePolicy,
    clause=st.just("§"),
    rates=st.lists(
        st.builds(DailyRate, st.dates(date(2024, 1, 1), date(2027, 1, 1)), st.decimals("0", "0.01", places=6)),
        min_size=1,
        max_size=3,
        unique_by=lambda rate: rate.effective_from,
    ).map(tuple),
    is_capped=st.booleans(),
    grace_days=st.integers(0, 40),
    grace_mode=st.sampled_from(["from_due", "after_grace"]),
)


@given(st.integers(1, 10**9), EVENTS, POLICIES, st.integers(-10, 900), st.integers(0, 90))
def test_c1_never_falls_with_time_and_stays_in_its_bounds(
    principal: int, events: list[BillEvent], policy: LateFeePolicy, days: int, more: int
) -> None:
    due = date(2025, 1, 15)
    as_of = due + timedelta(days=days)
    now = late_fee(principal, due, events, as_of, policy).accrued_fen
    later = late_fee(principal, due, events, as_of + timedelta(days=more), policy).accrued_fen
    assert 0 <= now <= later
    if policy.is_capped:
        assert later <= principal


@given(st.integers(1, 10**7), st.dates(date(2024, 1, 1), date(2026, 12, 31)), st.integers(0, 4000))
def test_c1_without_events_it_is_one_product(principal: int, due: date, days: int) -> None:
    uncapped = replace(POLICY, is_capped=False)
    expected = (principal * 3 * days + 5000) // 10000
    assert late_fee(principal, due, [], due + timedelta(days=days), uncapped).due_fen == expected
