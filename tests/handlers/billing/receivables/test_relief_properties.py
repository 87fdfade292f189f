"""B5, B6, C2: whatever is billed, paid, waived, voided, reissued and refunded, in any order, the books agree."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from services.billing.receivables.late_fee.open_bills import open_bills, policy_of
from services.billing.receivables.late_fee.rules import only_fee_is_left
from services.billing.receivables.late_fee.sql import late_fees_due
from services.billing.receivables.ledger import tables as ledger
from services.billing.receivables.ledger.history import entries_by_bill
from services.billing.receivables.trial_balance.handlers import imbalance_fen
from services.billing.settings import Settings
from services.common.contracts.errors import Conflict
from services.common.contracts.events import BillsAdjusted, BillsIssued, PaymentAllocated, PaymentReallocated
from tests.support.billing.books import Books
from tests.support.billing.desk import Desk
from tests.support.billing.relief import FINANCE, Relief
from tests.support.outbox import events

HOME = "E1,1,101,87.33,residential,occupied,H1,王小明,13812345678"
FIRST_DAY = date(2026, 9, 1)
END = date(2027, 3, 1)

amounts = st.integers(1, 30000)
days = st.integers(0, 110).map(lambda n: (FIRST_DAY + timedelta(days=n)).isoformat())
parts = st.integers(1, 10).map(lambda n: str(n / 10))
nth = st.integers(0, 5)
acts = st.one_of(
    st.tuples(st.just("pay"), amounts, days, nth),
    st.tuples(st.just("waive"), st.sampled_from(["late_fee", "principal"]), parts, nth),
    st.tuples(st.just("void"), st.booleans(), nth),
    st.tuples(st.just("refund"), parts),
    st.tuples(st.just("apply")),
)


@pytest.fixture
def engine(database: Callable[[str], Engine]) -> Engine:
    """Three months billed to one household, 205.23 each, due on the 15th of September, October and November."""
    desk = Desk(database("billing"), Settings())
    desk.estate("E1", HOME)
    for period in ("2026-08", "2026-09", "2026-10"):
        desk.run(period)
    return desk.engine


class Office:
    """Does what it is told as far as it can be done; what cannot is refused and leaves no trace."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.books = Books(session)
        self.relief = Relief(self.books).on("2026-12-20")
        self.paid_in = self.paid_out = 0

    def act(self, name: str, *told: Any) -> None:
        try:
            with self.session.begin_nested():
                getattr(self, name)(*told)
        except Conflict:
            return

    def bill(self, nth: int) -> int:
        found = self.session.scalars(text("SELECT id FROM bill WHERE voided_at IS NULL ORDER BY id")).all()
        if not found:
            raise Conflict("none stands")
        return int(found[nth % len(found)])

    def pay(self, fen: int, on: str, nth: int) -> None:
        self.books.pay(fen, on, bills=[self.bill(nth)] if nth < 2 else None)
        self.paid_in += fen

    def waive(self, kind: Any, ratio: str, nth: int) -> None:
        asked = self.relief.ask(self.bill(nth), kind=kind, ratio=ratio)
        if asked["status"] == "pending":
            self.relief.approve(asked["id"], FINANCE, "resolution 7")

    def void(self, reissue: bool, nth: int) -> None:
        self.relief.void(self.bill(nth), reissue=reissue)

    def refund(self, part: str) -> None:
        fen = int(self.books.one("SELECT credit_fen FROM household") * float(part))
        if fen:
            self.relief.refund(fen)
            self.paid_out += fen

    def apply(self) -> None:
        self.relief.apply()

    def check(self) -> None:
        """Everything that must be so, always."""
        one = self.books.one
        assert imbalance_fen(self.session) == 0
        fee = one("SELECT COALESCE(sum(CASE WHEN credit_account = 'late_fee_income' THEN amount_fen "
                  "WHEN debit_account = 'late_fee_income' THEN -amount_fen ELSE 0 END), 0) FROM ledger_entry "
                  "WHERE 'late_fee_waived' NOT IN (debit_account, credit_account)")  # fmt: skip
        principal = one("SELECT COALESCE(sum(paid_fen), 0) FROM bill WHERE voided_at IS NULL")
        assert principal + fee + one("SELECT credit_fen FROM household") == self.paid_in - self.paid_out
        assert one("SELECT sum(collected_fen) FROM rate_rollup") == principal
        assert one("SELECT sum(billed_count) FROM rate_rollup") == one(
            "SELECT count(*) FROM bill WHERE voided_at IS NULL"
        )
        statement = self.books.statement(END.isoformat())
        household_id = one("SELECT id FROM household")
        assert late_fees_due(self.session, [household_id], END).get(household_id, 0) == statement["late_fee_fen"]
        self._check_fee_left(household_id)
        self._check_what_others_were_told(statement["principal_fen"])

    def _check_fee_left(self, household_id: int) -> None:
        account = ledger.account(self.session, "H1")
        assert account is not None
        ids = self.session.scalars(text("SELECT id FROM bill WHERE voided_at IS NULL")).all()
        rows = ledger.bills_to_pay(self.session, household_id, ids)
        for bill in open_bills(rows, entries_by_bill(self.session, list(rows))):
            assert only_fee_is_left(bill, policy_of(account)) == rows[bill.id].fee_left
        assert self.books.one("SELECT count(*) FROM late_fee_left l JOIN bill b ON b.id = l.bill_id "
                              "WHERE b.voided_at IS NOT NULL") == 0  # fmt: skip

    def _check_what_others_were_told(self, open_fen: int) -> None:
        issued = sum(bill.open_fen for told in events(self.session, BillsIssued) for bill in told.bills)
        changed = sum(bill.open_change_fen for told in events(self.session, BillsAdjusted) for bill in told.bills)
        moves = [bill for told in events(self.session, PaymentReallocated) for bill in told.adjustments]
        changed += sum(bill.open_change_fen for bill in moves)
        paid = sum(part.principal_fen for told in events(self.session, PaymentAllocated) for part in told.allocations)
        assert issued + changed - paid == open_fen


@settings(max_examples=60, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(acts, min_size=1, max_size=8))
def test_b5_b6_c2_any_sequence_leaves_the_books_in_balance(engine: Engine, sequence: list[tuple[Any, ...]]) -> None:
    with Session(engine) as session:
        office = Office(session)
        for told in sequence:
            office.act(*told)
            office.check()


@settings(max_examples=40, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(amounts, days), max_size=4), nth, st.booleans())
def test_b5_void_reissue_and_application_are_the_inverse_of_a_void(
    engine: Engine, payments: list[tuple[int, str]], nth: int, at_once: bool
) -> None:
    with Session(engine) as session:
        office = Office(session)
        for fen, on in payments:
            office.pay(fen, on, 9)
        bill = office.bill(nth)
        before = [office.books.statement(as_of) for as_of in ("2026-12-20", "2027-02-01")]
        office.relief.void(bill, reissue=at_once)
        if not at_once:
            office.relief.reissue(bill)
        after = [office.books.statement(as_of) for as_of in ("2026-12-20", "2027-02-01")]
        names = ("principal_fen", "late_fee_fen", "credit_fen", "total_due_fen")
        assert [[told[name] for name in names] for told in after] == [[told[name] for name in names] for told in before]
        office.check()
