"""J1, B7: rates, months, and the checks of the trial balance."""

from datetime import date

import pytest

from services.billing.figures.rates.rules import month, rate
from services.billing.periods import first_of
from services.billing.receivables.trial_balance.rules import (
    NO_DIFFERENCE,
    Flow,
    StoredSums,
    accounts,
    check,
    collected_fen,
    total_fen,
)
from services.common.contracts.errors import Invalid


def test_j1_rate() -> None:
    assert rate(98, 100) == 0.98
    assert rate(0, 100) == 0.0
    assert rate(0, 0) is None
    assert rate(-5, 100) == 0.0, "what came back is nothing that came in"


def test_j1_month() -> None:
    assert month(date(2028, 2, 10)) == (date(2028, 2, 1), date(2028, 2, 29))
    assert month(date(2026, 12, 31)) == (date(2026, 12, 1), date(2026, 12, 31))


def test_j1_a_bad_period_names_its_argument() -> None:
    with pytest.raises(Invalid) as problem:
        first_of("2026-13", "due_in")
    assert problem.value.errors[0]["loc"] == "due_in"


ISSUED = Flow(1, "receivable", "fee_income", 100)
PAID = Flow(1, "cash_pos", "receivable", 60)
OVERPAID = Flow(1, "cash_pos", "customer_credit", 5)


def test_b7_accounts() -> None:
    lines = {line.account: line.balance_fen for line in accounts([ISSUED, PAID, OVERPAID])}
    assert lines == {"receivable": 40, "fee_income": -100, "cash_pos": 65, "customer_credit": -5}


def test_b7_collected_is_principal_from_payers_less_what_went_back() -> None:
    opening = Flow(1, "opening_equity", "receivable", 7)
    applied = Flow(1, "customer_credit", "receivable", 3)
    back = Flow(1, "receivable", "cash_pos", 10)
    credit_note = Flow(1, "fee_income", "receivable", 50)
    assert collected_fen([ISSUED, PAID, OVERPAID, opening, applied, back, credit_note]) == 60


def test_b7_checks_are_nothing_when_all_agree() -> None:
    kept = StoredSums(1, bills_open_fen=40, household_credit_fen=5, rolled_billed_fen=100, rolled_collected_fen=60)
    assert check([ISSUED, PAID, OVERPAID], [kept]) == NO_DIFFERENCE


def test_b7_an_estate_without_postings_is_checked_too() -> None:
    assert total_fen(check([], [StoredSums(1, bills_open_fen=3)])) == 3
    assert total_fen(check([ISSUED], [])) == 200
