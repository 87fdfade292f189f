"""DOORS to the books: closes, settlements, the fund (B2, B8)."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from services.billing.receivables.books import funds, handlers
from services.billing.settings import settings
from services.common.access import Caller
from services.common.calendar import business_date
from services.common.database import allow_long_statements
from services.common.service import EstateService, rpc

Fen = Annotated[int, Field(gt=0, le=10**12)]


class BookDoors(EstateService):
    """Close, settle, spend."""

    @rpc
    def close_month(self, caller: Caller, estate: str, period: str) -> dict[str, Any]:
        """Close a month of an estate."""
        with self.transaction() as session:
            allow_long_statements(session, settings().ledger_check_timeout_ms)
            return handlers.close_month(session, caller, estate, period, self.clock())

    @rpc
    def list_closes(self, caller: Caller, estate: str) -> dict[str, Any]:
        """Closed months."""
        with self.transaction() as session:
            return handlers.list_closes(session, caller, estate)

    @rpc
    def settle_quarter(
        self, caller: Caller, request_id: UUID, estate: str, quarter: str, surplus: Literal["carry", "return"] = "carry"
    ) -> dict[str, Any]:
        """Settle a quarter of an estate."""
        asked = handlers.SettlementRequest(estate, quarter, surplus)
        with self.transaction() as session:
            allow_long_statements(session, settings().ledger_check_timeout_ms)
            return handlers.settle_quarter(session, caller, request_id, asked, self.clock())

    @rpc
    def list_settlements(self, caller: Caller, estate: str) -> dict[str, Any]:
        """Settled quarters."""
        with self.transaction() as session:
            return handlers.list_settlements(session, caller, estate)

    @rpc
    def record_expense(
        self, caller: Caller, estate: str, request_id: UUID, category: str, amount_fen: Fen, spent_on: date,
        description: str, reference: str,
    ) -> dict[str, Any]:  # fmt: skip
        """Take an expense from the fund."""
        spent = funds.Expense(category, amount_fen, spent_on, description, reference)
        with self.transaction() as session:
            return funds.record_expense(session, caller, estate, request_id, spent, self.clock())

    @rpc
    def get_fund(self, caller: Caller, estate: str, period: str | None = None) -> dict[str, Any]:
        """The fund of an estate."""
        with self.transaction() as session:
            return funds.get_fund(session, caller, estate, period, business_date(self.clock()))

    @rpc
    def set_fund_policy(
        self, caller: Caller, estate: str, remuneration: Decimal, shares: dict[str, Decimal]
    ) -> dict[str, Any]:
        """What the company takes and how the rest is shared."""
        with self.transaction() as session:
            return funds.set_fund_policy(session, caller, estate, remuneration, shares)
