"""C3: how a plan stands on any day, and what that does to late fee and to allocation."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.receivables.allocation.rules import Money, Share, Within, place
from services.billing.receivables.late_fee.rules import (
    BillEvent,
    DailyRate,
    Instalment,
    LateFeePolicy,
    OpenBill,
    late_fee,
)
from services.billing.receivables.plans.rules import (
    Part,
    Plan,
    PlannedBill,
    freeze_of,
    frozen_bills,
    plan_status,
    split,
    standings,
)

POLICY = LateFeePolicy(clause="§7.3", rates=(DailyRate(date(2000, 1, 1), Decimal("0.0003")),))
DUE = date(2025, 1, 15)


def day(text: str) -> date:
    return date.fromisoformat(text)


def paid(on: str, fen: int) -> BillEvent:
    return BillEvent("payment", day(on), fen)


# The plan of the worked examples.
PLAN = Plan(day("2025-03-01"), tuple(Part(1, day(due), 100000) for due in ("2025-04-15", "2025-05-15", "2025-06-15")))
STRICT = replace(PLAN, revives=False)


def status(plan: Plan, events: list[BillEvent], on: str) -> str | None:
    standing = plan_status(plan, [PlannedBill(1, 300000, events)], day(on))
    return standing.status if standing else None


def fee(plan: Plan, events: list[BillEvent], on: str) -> int:
    frozen = frozen_bills([plan], {1: PlannedBill(1, 300000, events)}, day(on))
    return late_fee(300000, DUE, events, day(on), POLICY, frozen.of(1)).due_fen


def test_c3_the_worked_example_with_the_default_policy() -> None:
    events = [paid("2025-04-15", 100000), paid("2025-06-04", 100000), paid("2025-06-15", 100000)]
    assert status(PLAN, events, "2025-06-03") == "broken"
    assert status(PLAN, events, "2025-06-04") == "performing"
    assert (status(PLAN, events, "2025-06-15"), fee(PLAN, events, "2025-06-15")) == ("completed", 4650)
    assert fee(PLAN, events, "2025-12-31") == 4650


def test_c3_no_plan_before_it_is_signed() -> None:
    assert status(PLAN, [], "2025-02-28") is None
    assert fee(PLAN, [], "2025-02-28") == 300000 * 44 * 3 // 10000


def test_c3_broken_on_the_sixteenth_day() -> None:
    assert status(PLAN, [], "2025-04-30") == "performing"
    assert status(PLAN, [], "2025-05-01") == "broken"
    # fifteen days late is late enough to accrue, not to break
    in_time = [paid("2025-04-30", 100000)]
    assert status(STRICT, in_time, "2025-05-01") == "performing"
    assert fee(STRICT, in_time, "2025-05-01") == 4050 + 100000 * 15 * 3 // 10000


def test_c3_a_broken_plan_accrues_on_what_remains_from_the_freeze_date() -> None:
    assert fee(PLAN, [], "2025-04-30") == 4050 + 450
    assert fee(PLAN, [], "2025-05-01") == 300000 * 106 * 3 // 10000
    # what was paid under the plan stays spared: 2000 from 1 March, not 3000
    events = [paid("2025-04-15", 100000)]
    assert status(PLAN, events, "2025-05-31") == "broken"
    assert fee(PLAN, events, "2025-05-31") == 4050 + 200000 * 91 * 3 // 10000


def test_c3_what_a_missed_instalment_accrued_stays_when_the_plan_breaks_later() -> None:
    events = [paid("2025-04-20", 100000)]
    assert fee(PLAN, events, "2025-05-31") == 4050 + 150 + 200000 * 91 * 3 // 10000


def test_c3_where_the_policy_says_so_a_broken_plan_stays_broken() -> None:
    late = [paid("2025-05-01", 100000)]
    assert status(PLAN, late, "2025-05-01") == "performing"
    assert status(STRICT, late, "2025-05-01") == "broken"
    assert status(STRICT, [*late, paid("2025-05-02", 200000)], "2025-12-31") == "broken"
    # news of a payment that was in time: it never was broken
    assert status(STRICT, [*late, paid("2025-04-30", 100000)], "2025-05-10") == "performing"


def test_c3_a_bounced_payment_is_a_missed_instalment() -> None:
    events = [paid("2025-04-15", 100000), BillEvent("restoration", day("2025-04-20"), 100000)]
    assert status(PLAN, events, "2025-04-30") == "performing"
    assert status(PLAN, events, "2025-05-01") == "broken"


def test_c3_a_completed_plan_is_over_and_a_refund_accrues_from_its_day() -> None:
    events = [paid("2025-04-10", 300000), BillEvent("restoration", day("2025-07-01"), 50000)]
    assert status(PLAN, events, "2025-12-31") == "completed"
    assert fee(PLAN, events, "2025-07-11") == 4050 + 150


def test_c3_a_cancelled_plan_restores_like_a_broken_one() -> None:
    plan = replace(PLAN, cancelled_on=day("2025-04-20"))
    events = [paid("2025-04-15", 100000)]
    assert (status(plan, events, "2025-04-19"), status(plan, events, "2025-04-20")) == ("performing", "cancelled")
    assert fee(plan, events, "2025-04-19") == 4050
    assert fee(plan, events, "2025-04-20") == 4050 + 200000 * 50 * 3 // 10000
    same_day = replace(PLAN, cancelled_on=PLAN.signed_on)
    assert fee(same_day, [], "2025-03-11") == 300000 * 55 * 3 // 10000


def test_c3_payments_from_before_the_signing_leave_less_to_ask_for() -> None:
    events = [paid("2025-02-20", 50000), paid("2025-04-15", 100000), paid("2025-05-15", 100000)]
    assert status(PLAN, events, "2025-06-30") == "performing"
    assert status(PLAN, [*events, paid("2025-06-15", 50000)], "2025-06-15") == "completed"


def test_c3_a_plan_whose_bills_were_all_voided_is_over() -> None:
    standing = plan_status(Plan(PLAN.signed_on, ()), [], day("2025-12-31"))
    assert standing is not None
    assert standing.status == "completed"


def test_c3_instalments_pay_the_oldest_bill_first() -> None:
    dues = [Instalment(day("2025-04-15"), 150), Instalment(day("2025-05-15"), 50), Instalment(day("2025-06-15"), 100)]
    assert split(dues, {7: 100, 3: 200}) == [
        Part(7, dues[0].due, 100), Part(3, dues[0].due, 50), Part(3, dues[1].due, 50), Part(3, dues[2].due, 100),
    ]  # fmt: skip


def test_c3_no_freeze_where_it_ended_before_a_day_had_passed() -> None:
    standing = plan_status(replace(PLAN, cancelled_on=day("2025-03-02")), [PlannedBill(1, 300000)], day("2025-03-02"))
    assert standing is not None
    assert freeze_of(PLAN, standing, 1) is None


@pytest.mark.parametrize("within", ["principal_first", "late_fee_first"])
def test_c3_an_instalment_goes_to_principal_and_late_fee_comes_last(within: Within) -> None:
    bills = [OpenBill(1, DUE, 100000), OpenBill(2, DUE, 100000), OpenBill(3, day("2026-01-15"), 500)]
    plan = Plan(day("2025-03-01"), (Part(1, day("2025-04-15"), 100000), Part(2, day("2025-05-15"), 100000)))

    def money(fen: int, on: str) -> Money:
        return Money(UUID(int=1), fen, day(on), datetime(2025, 1, 1, tzinfo=UTC))

    def shares(fen: int, on: str) -> tuple[Share, ...]:
        return place(money(fen, on), bills, POLICY, within, [plan]).shares

    assert shares(150000, "2025-04-15") == (Share(1, 100000), Share(2, 50000))
    # 45 days on each before the freeze
    assert shares(203000, "2025-04-15") == (Share(1, 100000, 1350), Share(2, 100000, 1150), Share(3, 500))


MOVES = st.lists(
    st.builds(
        BillEvent,
        st.sampled_from(["payment", "payment", "waiver", "restoration"]),
        st.dates(date(2025, 2, 1), date(2025, 9, 1)),
        st.integers(1, 200_000),
    ),
    max_size=6,
)
PLANS = st.builds(
    replace,
    st.just(PLAN),
    late_days=st.integers(0, 30),
    revives=st.booleans(),
    cancelled_on=st.none() | st.dates(PLAN.signed_on, date(2025, 9, 1)),
)


@given(PLANS, MOVES, st.integers(-20, 400))
def test_c3_what_is_kept_is_what_the_rule_says_on_every_day(plan: Plan, events: list[BillEvent], days: int) -> None:
    bills, as_of = [PlannedBill(1, 300000, events)], plan.signed_on + timedelta(days=days)
    kept = [one for one in standings(plan, bills) if one.from_on <= as_of]
    said = plan_status(plan, bills, as_of)
    if said is None:
        assert kept == []
    else:
        assert (kept[-1].status, kept[-1].frozen_to) == (said.status, said.frozen_to)


@given(PLANS, MOVES, st.permutations(range(6)))
def test_c3_the_order_of_news_does_not_matter(plan: Plan, events: list[BillEvent], order: list[int]) -> None:
    other = [events[index] for index in order if index < len(events)]
    assert standings(plan, [PlannedBill(1, 300000, events)]) == standings(plan, [PlannedBill(1, 300000, other)])


@given(PLANS, MOVES, st.integers(0, 300))
def test_c3_a_plan_never_costs_more_than_none_and_stays_in_its_bounds(
    plan: Plan, events: list[BillEvent], days: int
) -> None:
    as_of = DUE + timedelta(days=days)
    frozen = frozen_bills([plan], {1: PlannedBill(1, 300000, events)}, as_of)
    with_plan = late_fee(300000, DUE, events, as_of, POLICY, frozen.of(1)).accrued_fen
    assert 0 <= with_plan <= late_fee(300000, DUE, events, as_of, POLICY).accrued_fen <= 300000


@given(PLANS, MOVES, st.integers(0, 300), st.integers(0, 60))
def test_c1_late_fee_never_falls_while_nothing_is_paid(
    plan: Plan, events: list[BillEvent], days: int, more: int
) -> None:
    as_of = DUE + timedelta(days=days)
    known = [event for event in events if event.on <= as_of]

    def at(on: date) -> int:
        frozen = frozen_bills([plan], {1: PlannedBill(1, 300000, known)}, on)
        return late_fee(300000, DUE, known, on, POLICY, frozen.of(1)).accrued_fen

    assert at(as_of) <= at(as_of + timedelta(days=more))
