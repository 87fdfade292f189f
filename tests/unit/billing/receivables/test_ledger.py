"""B7: what a movement of money means for its bill, for prepaid balance and for the figures."""

from dataclasses import replace
from datetime import date
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.receivables.late_fee.events import kind_of
from services.billing.receivables.ledger.rules import (
    BILL_VOIDED,
    CUSTOMER_CREDIT,
    NOTHING,
    OF_A_VOID,
    RECEIVABLE,
    WAIVER_REVERSED,
    Bill,
    BookingDay,
    Effect,
    Entry,
    Movement,
    MovementKind,
    booking_day,
    debit_fen,
    effect,
    figure_day,
)
from services.billing.receivables.trial_balance.rules import Flow, collected_fen

FEN = 700
DAY = BookingDay(date(2026, 12, 1), date(2026, 11, 29))
BILL = Bill(1, 5, None, "1", "property_fee", date(2026, 10, 1), date(2026, 11, 1), date(2026, 11, 15), FEN)
# kind → debit, credit, what it does to its bill, what it adds to prepaid balance
POSTINGS: dict[str, tuple[str, str, Effect, int]] = {
    "bill_issued": ("receivable", "fee_income", Effect(billed_fen=FEN, billed_count=1), 0),
    "opening_bill": ("receivable", "opening_equity", Effect(billed_fen=FEN, billed_count=1), 0),
    "opening_paid": ("opening_equity", "receivable", Effect(paid_fen=FEN), 0),
    "credit_applied": ("customer_credit", "receivable", Effect(paid_fen=FEN), -FEN),
    "credit_applied_late_fee": ("customer_credit", "late_fee_income", NOTHING, -FEN),
    "payment_principal": ("cash_wechat", "receivable", Effect(paid_fen=FEN), 0),
    "payment_late_fee": ("cash_wechat", "late_fee_income", NOTHING, 0),
    "payment_credit": ("cash_wechat", "customer_credit", NOTHING, FEN),
    "reallocation": ("receivable", "cash_wechat", Effect(paid_fen=-FEN), 0),
    "principal_waived": ("fee_income", "receivable", Effect(waived_fen=FEN), 0),
    "discount": ("fee_income", "receivable", Effect(waived_fen=FEN), 0),
    "late_fee_waived": ("late_fee_waived", "late_fee_income", NOTHING, 0),
    "bill_voided": ("fee_income", "receivable", NOTHING, 0),
    "void_released": ("receivable", "customer_credit", NOTHING, FEN),
    "void_fee_released": ("late_fee_income", "customer_credit", NOTHING, FEN),
    "waiver_reversed": ("receivable", "fee_income", NOTHING, 0),
    "fee_waiver_reversed": ("late_fee_income", "late_fee_waived", NOTHING, 0),
    "waiver_carried": ("fee_income", "receivable", Effect(waived_fen=FEN), 0),
    "discount_carried": ("fee_income", "receivable", Effect(waived_fen=FEN), 0),
    "fee_waiver_carried": ("late_fee_waived", "late_fee_income", NOTHING, 0),
    "credit_refunded": ("customer_credit", "cash_transfer", NOTHING, -FEN),
    "surplus_returned": ("fee_income", "customer_credit", NOTHING, FEN),
}
PRINCIPAL = [(kind, *POSTINGS[kind][:2]) for kind in POSTINGS if kind not in OF_A_VOID]


def entry(kind: str, debit: str, credit: str, fen: int = FEN) -> Entry:
    return Entry(kind, debit, credit, fen, DAY, "test", 1)


entries = st.lists(
    st.builds(lambda posting, fen: entry(*posting, fen), st.sampled_from(PRINCIPAL), st.integers(1, 10**9)), max_size=8
)


@pytest.mark.parametrize("kind", get_args(MovementKind))
def test_every_kind_does_to_its_bill_what_its_accounts_say(kind: str) -> None:
    debit, credit, does, prepaid = POSTINGS[kind]
    posted = entry(kind, debit, credit)
    assert effect(posted) == does
    assert -debit_fen(posted, CUSTOMER_CREDIT) == prepaid


@given(entries)
def test_what_is_billed_and_neither_paid_nor_waived_is_receivable(posted: list[Entry]) -> None:
    total = sum(map(effect, posted), NOTHING)
    assert total.billed_fen - total.paid_fen - total.waived_fen == sum(debit_fen(one, RECEIVABLE) for one in posted)


@given(entries)
def test_paid_is_what_the_trial_balance_calls_collected(posted: list[Entry]) -> None:
    moved = [Flow(1, one.debit_account, one.credit_account, one.amount_fen) for one in posted]
    assert sum(map(effect, posted), NOTHING).paid_fen == collected_fen(moved)


@pytest.mark.parametrize("kind", sorted(POSTINGS.keys() - OF_A_VOID))
def test_the_late_fee_reads_the_same_in_an_entry(kind: str) -> None:
    debit, credit, does, _ = POSTINGS[kind]
    seen = kind_of(entry(kind, debit, credit))
    assert (seen == "payment") == (does.paid_fen > 0)
    assert (seen == "waiver") == (does.waived_fen > 0)
    assert (seen == "restoration") == (does.paid_fen < 0)


def test_a_negative_movement_is_the_same_the_other_way_round() -> None:
    paid = Movement("reallocation", "cash_pos", RECEIVABLE, FEN, DAY, "P1", 7)
    back = replace(paid, fen=-FEN)
    assert back.entry == Entry("reallocation", RECEIVABLE, "cash_pos", FEN, DAY, "P1", 7)
    assert effect(back.entry) == -effect(paid.entry)
    assert effect(paid.entry) + effect(back.entry) == NOTHING


def test_a_void_leaves_its_bill_as_it_was_whatever_the_accounts_say() -> None:
    """Read by its accounts alone it would be a waiver, and its waiver taken back an issue."""
    assert effect(entry("principal_waived", *POSTINGS[BILL_VOIDED][:2])) == Effect(waived_fen=FEN)
    assert effect(entry("bill_issued", *POSTINGS[WAIVER_REVERSED][:2])).billed_fen == FEN
    assert {effect(entry(kind, *POSTINGS[kind][:2])) for kind in OF_A_VOID} == {NOTHING}


def test_prepaid_balance_counts_in_the_figures_from_the_day_it_had_come() -> None:
    assert figure_day(BILL, entry("credit_applied", CUSTOMER_CREDIT, RECEIVABLE)) == DAY.value_on
    assert figure_day(BILL, entry("payment_principal", "cash_wechat", RECEIVABLE)) == DAY.booked_on


@pytest.mark.parametrize(
    ("issued", "due", "first_issued", "first_day"),
    [
        ("2026-12-20", "2027-01-15", None, "2026-12-20"),
        ("2027-01-05", "2027-01-15", None, "2026-12-31"),
        ("2027-01-05", "2026-12-24", None, "2026-12-24"),
        ("2027-01-05", "2027-01-15", "2026-12-22", "2026-12-22"),
    ],
)
def test_fm9_nothing_counts_before_the_first_day_of_its_bill(
    issued: str, due: str, first_issued: str | None, first_day: str
) -> None:
    days = {"issued_on": date.fromisoformat(issued), "due_date": date.fromisoformat(due)}
    replaced = date.fromisoformat(first_issued) if first_issued else None
    late = replace(BILL, period=date(2026, 12, 1), first_issued_on=replaced, **days)
    for kind in ("credit_applied", "payment_principal", "principal_waived"):
        assert figure_day(late, entry(kind, *POSTINGS[kind][:2])) == date.fromisoformat(first_day)
    reported = replace(late, figures_since=date(2027, 1, 1))
    assert figure_day(reported, entry("payment_principal", "cash_pos", RECEIVABLE)) == DAY.booked_on
    assert figure_day(late, entry("bill_issued", RECEIVABLE, "fee_income")) == DAY.booked_on


def test_b8_what_is_dated_into_a_closed_month_is_booked_on_the_first_open_day() -> None:
    first_open = date(2026, 12, 1)
    assert booking_day(date(2026, 11, 29), first_open) == DAY
    assert booking_day(first_open, first_open) == BookingDay(first_open)
    assert (DAY.counts_on, BookingDay(first_open).counts_on) == (date(2026, 11, 29), first_open)
