"""DOORS to the books: closes, settlements, the fund (B2, B8)."""

from datetime import date
from decimal import Decimal
from uuid import UUID

from services.billing.receivables.books import funds, handlers
from services.billing.settings import settings
from services.common.contracts.answers.base import Page
from services.common.contracts.answers.books import (
    BackdatedPayment,
    Fund,
    FundExpense,
    FundPolicy,
    MonthClose,
    QuarterSettlement,
    Surplus,
)
from services.common.database import allow_long_statements
from services.common.domain.access import Caller
from services.common.domain.calendar import business_date
from services.common.fields import PositiveFen
from services.common.process.service import EstateService, rpc


class BookDoors(EstateService):
    """Close, settle, spend."""

    @rpc
    def close_month(self, caller: Caller, estate: str, period: str) -> MonthClose:
        """Close a month of an estate."""
        with self.transaction() as session:
            allow_long_statements(session, settings().ledger_check_timeout_ms)
            return handlers.close_month(session, caller, estate, period, self.clock())

    @rpc
    def list_closes(self, caller: Caller, estate: str) -> Page[MonthClose]:
        """Closed months."""
        with self.transaction() as session:
            return handlers.list_closes(session, caller, estate)

    @rpc
    def list_backdated_payments(self, caller: Caller, estate: str, period: str) -> Page[BackdatedPayment]:
        """Money in a month that was dated back beyond policy."""
        with self.transaction() as session:
            return handlers.list_backdated_payments(session, caller, estate, period)

    @rpc
    def settle_quarter(
        self, caller: Caller, request_id: UUID, estate: str, quarter: str, surplus: Surplus = "carry"
    ) -> QuarterSettlement:
        """Settle a quarter of an estate."""
        request = handlers.SettlementRequest(estate, quarter, surplus)
        with self.transaction() as session:
            allow_long_statements(session, settings().ledger_check_timeout_ms)
            return handlers.settle_quarter(session, caller, request_id, request, self.clock())

    @rpc
    def list_settlements(self, caller: Caller, estate: str) -> Page[QuarterSettlement]:
        """Settled quarters."""
        with self.transaction() as session:
            return handlers.list_settlements(session, caller, estate)

    @rpc
    def record_expense(
        self, caller: Caller, estate: str, request_id: UUID, category: str, amount_fen: PositiveFen, spent_on: date,
        description: str, reference: str,
    ) -> FundExpense:  # fmt: skip
        """Take an expense from the fund."""
        expense = funds.Expense(category, amount_fen, spent_on, description, reference)
        with self.transaction() as session:
            return funds.record_expense(session, caller, estate, request_id, expense, self.clock())

    @rpc
    def get_fund(self, caller: Caller, estate: str, period: str | None = None) -> Fund:
        """The fund of an estate."""
        with self.transaction() as session:
            return funds.get_fund(session, caller, estate, period, business_date(self.clock()))

    @rpc
    def set_fund_policy(
        self, caller: Caller, estate: str, remuneration: Decimal, shares: dict[str, Decimal]
    ) -> FundPolicy:
        """What the company takes and how the rest is shared."""
        with self.transaction() as session:
            return funds.set_fund_policy(session, caller, estate, remuneration, shares)
