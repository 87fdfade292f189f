"""Month closes, quarter settlements, the fund (B2, B8)."""

from typing import Annotated

from fastapi import Query
from starlette.responses import Response

from gateway.front.guard import Patience, Services
from gateway.front.routing import Routes
from gateway.resources.base import EstatePath, PeriodFilter
from gateway.resources.books.schemas import CloseRequest, ExpenseRequest, FundPolicyRequest, SettlementRequest
from services.common.contracts.answers.base import Page
from services.common.contracts.answers.books import (
    BackdatedPayment,
    Fund,
    FundExpense,
    FundPolicy,
    MonthClose,
    QuarterSettlement,
)
from services.common.domain.permissions import Permission
from services.common.fields import Code, Period

routes = Routes("Books")
EstateQuery = Annotated[Code, Query(description="Code of an estate", examples=["GZ01"])]
PeriodQuery = Annotated[Period, Query(description="A month", examples=["2026-10"])]


@routes.post("/v1/ledger/closes", answer=MonthClose, permission=Permission.CLOSE_BOOKS)
async def close_month(body: CloseRequest, call: Services, patience: Patience) -> Response:
    """Close a month (月结): it takes no more postings; corrections go to the open one (B8)."""
    return await call("billing", "close_month", timeout=patience, **body.model_dump())


@routes.get("/v1/ledger/closes", answer=Page[MonthClose], permission=Permission.READ_LEDGER)
async def list_closes(estate: EstateQuery, call: Services) -> Response:
    """Closed months of an estate (B8)."""
    return await call("billing", "list_closes", estate=estate)


@routes.get("/v1/ledger/backdated-payments", answer=Page[BackdatedPayment], permission=Permission.READ_LEDGER)
async def list_backdated_payments(estate: EstateQuery, period: PeriodQuery, call: Services) -> Response:
    """Money in a month that was dated back further than the estate lets its desk (E3), closed or to be closed."""
    return await call("billing", "list_backdated_payments", estate=estate, period=period)


@routes.post("/v1/ledger/settlements", answer=QuarterSettlement, status=201, permission=Permission.CLOSE_BOOKS)
async def settle_quarter(body: SettlementRequest, call: Services, patience: Patience) -> Response:
    """Settle a quarter (季度结算) whose months are closed (B8)."""
    fields = body.model_dump()
    return await call("billing", "settle_quarter", http=201, timeout=patience, request_id=call.request_id, **fields)


@routes.get("/v1/ledger/settlements", answer=Page[QuarterSettlement], permission=Permission.READ_LEDGER)
async def list_settlements(estate: EstateQuery, call: Services) -> Response:
    """Settled quarters of an estate (B8)."""
    return await call("billing", "list_settlements", estate=estate)


@routes.get("/v1/estates/{estate}/fund", answer=Fund, permission=Permission.READ_FUND, problems=(409,))
async def get_fund(estate: EstatePath, call: Services, period: PeriodFilter = None) -> Response:
    """The fund of an estate under remuneration (酬金制), by use category (B2)."""
    return await call("billing", "get_fund", estate=estate, period=period)


@routes.put("/v1/estates/{estate}/fund-policy", answer=FundPolicy, permission=Permission.SET_FUND_POLICY)
async def set_fund_policy(estate: EstatePath, body: FundPolicyRequest, call: Services) -> Response:
    """What the company takes, and how the rest is shared, from the next close on (B2)."""
    shares = {name: str(weight) for name, weight in body.shares.items()}
    return await call("billing", "set_fund_policy", estate=estate, remuneration=str(body.remuneration), shares=shares)


@routes.post(
    "/v1/estates/{estate}/fund-expenses", answer=FundExpense, status=201, permission=Permission.RECORD_FUND_EXPENSE
)
async def record_expense(estate: EstatePath, body: ExpenseRequest, call: Services) -> Response:
    """Take an expense from the fund (B2)."""
    fields = body.model_dump(mode="json")
    return await call("billing", "record_expense", http=201, estate=estate, request_id=call.request_id, **fields)
