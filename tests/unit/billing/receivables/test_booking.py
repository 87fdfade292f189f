"""B5, B7, C1, C3, J1: what follows from entries for figures, late fee left and plans, and what others are told."""

from datetime import date
from decimal import Decimal
from uuid import UUID

import pytest

from services.billing.receivables.booking.events import events_of
from services.billing.receivables.booking.rules import FigureKey, OpenItems, effects, fee_left, figures
from services.billing.receivables.late_fee.rules import DailyRate, LateFeePolicy
from services.billing.receivables.ledger.rules import (
    CUSTOMER_CREDIT,
    FEE_INCOME,
    LATE_FEE_INCOME,
    LATE_FEE_WAIVED,
    RECEIVABLE,
    Account,
    Bill,
    BookingDay,
    Effect,
    Entry,
    Movement,
    MovementKind,
)
from services.billing.receivables.plans.rules import HouseholdPlans, Part, Plan
from services.common.contracts.events import AdjustedBill, BillsAdjusted, BillsIssued, IssuedBill

RUN, PLAN = UUID(int=1), UUID(int=2)
CASH = "cash_wechat"
ISSUED, DUE, PAID = date(2026, 11, 1), date(2026, 11, 15), date(2026, 12, 5)
POLICY = LateFeePolicy("§7", (DailyRate(date(2000, 1, 1), Decimal("0.0003")),))
ACCOUNT = Account(
    id=3, code="H1", estate_id=5, estate="E1", credit_fen=0, reserved_fen=0, first_open=date.min,
    allocation="principal_first", late_fee_clause="§7", late_fee_capped=True, grace_days=0, grace_mode="from_due",
    rate_days=(), rate_values=(),
)  # fmt: skip


def a_bill(bill_id: int, fen: int = 10_000, *, left: bool = False) -> Bill:
    return Bill(bill_id, 5, RUN, "1", "property_fee", date(2026, 10, 1), ISSUED, DUE, fen, left)


def moved(
    kind: MovementKind,
    debit: str,
    credit: str,
    fen: int,
    on: date = PAID,
    bill_id: int | None = 1,
    since: date | None = None,
) -> Entry:
    return Movement(kind, debit, credit, fen, BookingDay(on, since), "test", bill_id).entry


def issue(bill_id: int = 1, fen: int = 10_000) -> Entry:
    return moved("bill_issued", RECEIVABLE, FEE_INCOME, fen, ISSUED, bill_id)


def pay(fen: int, on: date = PAID, bill_id: int = 1) -> Entry:
    return moved("payment_principal", CASH, RECEIVABLE, fen, on, bill_id)


def key(on: date) -> FigureKey:
    return FigureKey(5, "1", "property_fee", date(2026, 10, 1), DUE, on)


def items(*history: Entry, left: bool = False, plans: HouseholdPlans | None = None) -> OpenItems:
    return OpenItems({1: a_bill(1, left=left)}, {1: history}, plans or HouseholdPlans())


# --- bills and figures ---------------------------------------------------------------------------------------------


def test_a_bill_gets_the_sum_of_its_entries_and_credit_is_on_none() -> None:
    entries = [issue(), pay(3_000), pay(2_000), moved("payment_credit", CASH, CUSTOMER_CREDIT, 500, bill_id=None)]
    assert effects(entries) == {1: Effect(billed_fen=10_000, paid_fen=5_000, billed_count=1)}


def test_what_moves_and_comes_back_leaves_bill_and_figures_alone() -> None:
    there_and_back = [pay(700), moved("reallocation", CASH, RECEIVABLE, -700)]
    assert effects(there_and_back) == {}
    assert figures(items(issue()), there_and_back) == {}


def test_j1_figures_are_by_the_day_of_each_entry_in_the_order_of_their_keys() -> None:
    came = date(2026, 11, 20)
    entries = [pay(1_000), moved("credit_applied", CUSTOMER_CREDIT, RECEIVABLE, 200, since=came), pay(1, ISSUED)]
    found = figures(items(issue()), entries)
    assert list(found.items()) == [
        (key(ISSUED), Effect(paid_fen=1)),
        (key(came), Effect(paid_fen=200)),
        (key(PAID), Effect(paid_fen=1_000)),
    ]


def test_b5_a_void_takes_its_bill_out_of_every_day() -> None:
    waived = moved("principal_waived", FEE_INCOME, RECEIVABLE, 400, bill_id=1)
    before = items(issue(), pay(3_000), waived)
    today = date(2026, 12, 20)
    void = [
        moved("void_released", RECEIVABLE, CUSTOMER_CREDIT, 3_000, today, since=PAID),
        moved("waiver_reversed", RECEIVABLE, FEE_INCOME, 400, today),
        moved("bill_voided", FEE_INCOME, RECEIVABLE, 10_000, today),
    ]
    assert effects(void) == {}
    assert figures(before, void) == {
        key(ISSUED): Effect(billed_fen=-10_000, billed_count=-1),
        key(PAID): Effect(paid_fen=-3_000, waived_fen=-400),
    }


def test_money_on_a_bill_that_was_not_read_is_a_mistake() -> None:
    with pytest.raises(KeyError):
        figures(items(issue()), [pay(1, bill_id=99)])


# --- late fee left and plans ---------------------------------------------------------------------------------------


def changes(before: OpenItems, *entries: Entry) -> dict[int, bool]:
    return fee_left(before, before.after(entries), {1}, POLICY)


def test_c1_principal_settled_late_leaves_its_late_fee() -> None:
    assert changes(items(issue()), pay(10_000)) == {1: True}
    assert changes(items(issue()), pay(9_999)) == {}
    assert changes(items(issue()), pay(10_000, DUE)) == {}


def test_c1_late_fee_that_is_paid_or_waived_is_left_no_more() -> None:
    before = items(issue(), pay(10_000), left=True)
    assert changes(before, moved("payment_late_fee", CASH, LATE_FEE_INCOME, 60)) == {1: False}
    assert changes(before, moved("late_fee_waived", LATE_FEE_WAIVED, LATE_FEE_INCOME, 60)) == {1: False}
    assert changes(before, moved("payment_late_fee", CASH, LATE_FEE_INCOME, 59)) == {}


def test_b5_nothing_is_left_of_a_void_bill() -> None:
    before = items(issue(), pay(10_000), left=True)
    void = moved("bill_voided", FEE_INCOME, RECEIVABLE, 10_000)
    assert changes(before, void) == {1: False}
    assert changes(items(issue()), void) == {}


def test_c3_what_settles_one_bill_of_a_plan_may_spare_the_late_fee_of_another() -> None:
    """Both bills' instalment was missed, and bill 2 paid when the plan was broken: it owes 35 days, of which 60 fen are
    paid. Paying bill 1 mends the plan: bill 2 owes only the 19 days of the missed instalment, which is 57 fen.
    """
    missed, broken, mended = date(2026, 12, 1), date(2026, 12, 20), date(2026, 12, 21)
    plan = Plan(DUE, (Part(1, missed, 10_000), Part(2, missed, 10_000)))
    fee = moved("payment_late_fee", CASH, LATE_FEE_INCOME, 60, broken, 2)
    before = OpenItems(
        {1: a_bill(1), 2: a_bill(2, left=True)},
        {1: [issue(1)], 2: [issue(2), pay(10_000, broken, 2), fee]},
        HouseholdPlans({PLAN: plan}, {1: 10_000, 2: 10_000}),
    )
    assert changes(before, pay(1, mended)) == {}
    assert changes(before, pay(10_000, mended)) == {1: True, 2: False}


def test_b5_plans_go_on_without_a_void_bill() -> None:
    parts = (Part(1, DUE, 10_000), Part(2, DUE, 5_000))
    before = OpenItems(
        {1: a_bill(1), 2: a_bill(2)},
        {1: [issue()], 2: [issue(2)]},
        HouseholdPlans({PLAN: Plan(ISSUED, parts)}, {1: 1, 2: 2}),
    )
    after = before.after([moved("bill_voided", FEE_INCOME, RECEIVABLE, 10_000)])
    assert (set(after.bills), set(after.entries), dict(after.plans.principal)) == ({2}, {2}, {2: 2})
    assert after.plans.by_id[PLAN].parts == (Part(2, DUE, 5_000),)


# --- what others are told ------------------------------------------------------------------------------------------


def adjusted(reason: str, fen: int) -> BillsAdjusted:
    line = AdjustedBill(bill_id=1, household="H1", due_date=DUE, open_change_fen=fen)
    return BillsAdjusted(estate="E1", reason=reason, bills=[line])


@pytest.mark.parametrize(
    ("entries", "reason", "fen"),
    [
        ([moved("credit_applied", CUSTOMER_CREDIT, RECEIVABLE, 700)], "credit", -700),
        ([moved("principal_waived", FEE_INCOME, RECEIVABLE, 700)], "waiver", -700),
        ([moved("discount", FEE_INCOME, RECEIVABLE, 700)], "waiver", -700),
        ([moved("bill_voided", FEE_INCOME, RECEIVABLE, 10_000),
          moved("void_released", RECEIVABLE, CUSTOMER_CREDIT, 3_000),
          moved("waiver_reversed", RECEIVABLE, FEE_INCOME, 400)], "void", -6_600),
    ],
)  # fmt: skip
def test_others_are_told_by_how_much_less_is_open_and_why(entries: list[Entry], reason: str, fen: int) -> None:
    assert events_of(ACCOUNT, {1: a_bill(1)}, entries) == [adjusted(reason, fen)]


def test_a_new_bill_is_told_of_once_with_what_is_open_of_it() -> None:
    entries = [issue(), moved("credit_applied", CUSTOMER_CREDIT, RECEIVABLE, 10_000, ISSUED)]
    [event] = events_of(ACCOUNT, {1: a_bill(1)}, entries)
    line = IssuedBill(bill_id=1, household="H1", amount_fen=10_000, open_fen=0)
    assert event == BillsIssued(
        run_id=RUN, estate="E1", fee_item="property_fee", period="2026-10", due_date=DUE, bills=[line]
    )


@pytest.mark.parametrize(
    "entries",
    [
        [pay(700)],
        [moved("reallocation", CASH, RECEIVABLE, -700)],
        [moved("payment_late_fee", CASH, LATE_FEE_INCOME, 5), moved("payment_credit", CASH, CUSTOMER_CREDIT, 5)],
        [moved("late_fee_waived", LATE_FEE_WAIVED, LATE_FEE_INCOME, 5)],
        [moved("credit_applied_late_fee", CUSTOMER_CREDIT, LATE_FEE_INCOME, 5)],
        [moved("bill_voided", FEE_INCOME, RECEIVABLE, 700), moved("void_released", RECEIVABLE, CUSTOMER_CREDIT, 700)],
    ],
)
def test_a_payment_tells_of_itself_and_what_opens_nothing_is_not_told(entries: list[Entry]) -> None:
    assert events_of(ACCOUNT, {1: a_bill(1)}, entries) == []
