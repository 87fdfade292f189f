"""The law of the books: order of closes, quarters, the fund of remuneration estates (B2, B8)."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.receivables.books.rules import (
    CATEGORIES,
    FundPolicy,
    account_periods,
    contribution,
    last_day,
    months_of,
    next_to_close,
    received_fen,
    returns,
)
from services.billing.receivables.trial_balance.rules import Flow

EQUAL = dict.fromkeys(CATEGORIES, Decimal(1))
FEN = st.integers(1, 10**9)


def test_b8_months_close_in_their_order() -> None:
    assert next_to_close(None, None) is None
    assert next_to_close(date(2026, 3, 17), None) == date(2026, 3, 1)
    assert next_to_close(date(2026, 3, 17), date(2026, 12, 1)) == date(2027, 1, 1)
    assert last_day(date(2028, 2, 1)) == date(2028, 2, 29)


def test_b8_a_quarter_has_three_months() -> None:
    assert months_of("2026-Q4") == (date(2026, 10, 1), date(2026, 11, 1), date(2026, 12, 1))
    for wrong in ("2026-Q5", "2026Q1", "Q1", ""):
        with pytest.raises(ValueError, match="2026-Q3"):
            months_of(wrong)


@given(st.integers(-(10**10), 10**10), st.decimals(0, 1, places=5), st.lists(st.integers(0, 9), min_size=5, max_size=5))
def test_b2_a_contribution_is_what_was_received_to_the_fen(fen: int, taken: Decimal, weights: list[int]) -> None:
    shares = {name: Decimal(weight) for name, weight in zip(CATEGORIES, weights, strict=True)}
    moves = contribution(fen, FundPolicy(taken, shares))
    net = sum(m.amount_fen if m.debit == "fees_received" else -m.amount_fen for m in moves)
    assert net == fen
    assert all(m.amount_fen > 0 for m in moves)


def test_b2_the_company_takes_its_part_and_the_rest_is_shared() -> None:
    moves = {m.credit: m.amount_fen for m in contribution(10_003, FundPolicy(Decimal("0.1"), EQUAL))}
    assert moves["remuneration"] == 1_000
    assert [moves[f"fund_{name}"] for name in CATEGORIES] == [1_801, 1_801, 1_801, 1_800, 1_800]


def test_b2_fees_received_are_principal_and_late_fee_and_applied_credit() -> None:
    moved = [
        Flow(1, "cash_wechat", "receivable", 500),
        Flow(1, "cash_cash", "late_fee_income", 30),
        Flow(1, "customer_credit", "receivable", 70),
        Flow(1, "cash_cash", "customer_credit", 999),
        Flow(1, "receivable", "fee_income", 10_000),
        Flow(1, "fee_income", "receivable", 40),
        Flow(1, "receivable", "cash_wechat", 100),
    ]
    assert received_fen(moved) == 500 + 30 + 70 - 100


@given(st.dictionaries(st.sampled_from(CATEGORIES), st.integers(-(10**6), 10**6)))
def test_b2_what_is_returned_is_the_surplus_and_no_more_than_a_category_has(balances: dict[str, int]) -> None:
    moves = returns(balances)
    assert sum(m.amount_fen for m in moves) == max(0, sum(balances.values()))
    assert all(m.amount_fen <= balances[str(m.category)] for m in moves)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("def"), FEN)), st.integers(0, 20))
def test_b8_every_closing_is_opening_plus_debit_minus_credit(moves: list[tuple[str, str, int]], cut: int) -> None:
    moved = [Flow(1, *move) for move in moves]
    lines = account_periods(moved[:cut], moved[cut:])
    assert sum(line.closing_fen for line in lines) == 0
    whole = {line.account: line.closing_fen for line in account_periods([], moved)}
    assert {line.account: line.closing_fen for line in lines} == whole
