"""STORY of recording shared costs (公摊): what an estate really paid in a month, for its units to bear (B1)."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy.orm import Session

from services.billing.charging.shared_costs import tables as shared
from services.billing.charging.shared_costs.rules import shared_price
from services.billing.charging.shared_costs.tables import CostRow
from services.billing.charging.tariffs import tables
from services.billing.charging.tariffs.rules import by_price
from services.billing.charging.tariffs.versions import load_versions
from services.billing.periods import first_of
from services.billing.portfolio.tables import find_estate
from services.billing.tables import lock_estate
from services.common.contracts.answers.base import Page
from services.common.contracts.answers.tariffs import SharedCost
from services.common.contracts.errors import Conflict, Invalid
from services.common.domain.access import Caller
from services.common.domain.calendar import add_months, business_date, format_period
from services.common.domain.money import half_up
from services.common.domain.permissions import Permission
from services.common.fields import LARGEST_FEN
from services.common.observability.logs import get_logger
from services.common.once import another_request

EARLIEST = date(1990, 1, 1)
log = get_logger(__name__)


@dataclass(frozen=True)
class CostRequest:
    """A cost to record: an amount in fen, or a quantity that costs the tariff's price."""

    estate: str
    fee_item: str
    period: str
    amount_fen: int | None = None
    quantity: Decimal | None = None
    building: str | None = None
    note: str | None = None


def record(session: Session, caller: Caller, request_id: UUID, request: CostRequest, now: datetime) -> SharedCost:
    """Record the cost of a month; answers it. Another record of the same month takes its place until it is billed.

    The same id again answers the same. Conflict: the id was used for another cost, or bills of the month stand.
    Invalid: neither or both of amount and quantity, an unknown building, no single price for a quantity.
    """
    caller.require(Permission.RECORD_SHARED_COST)
    estate = find_estate(session, caller, request.estate)
    lock_estate(session, estate.id)
    standing = shared.load_cost(session, request_id)
    if standing is None:
        cost = _cost(session, caller, request_id, estate.id, request, now)
        if shared.has_standing_bill(session, cost, add_months(cost.period, -12)):
            raise Conflict(
                f"{request.fee_item} of {request.period} is billed; void these bills before its cost can change."
            )
        standing = shared.replace_cost(session, cost)
        log.info(
            "shared cost recorded", extra={"estate": request.estate, "fee_item": request.fee_item, "by": caller.sub}
        )
    elif not _same(standing, estate.id, request):
        raise another_request("cost")
    return _view(standing, request.estate)


def _cost(
    session: Session, caller: Caller, cost_id: UUID, estate_id: int, request: CostRequest, now: datetime
) -> CostRow:
    period = first_of(request.period)
    if not EARLIEST <= period <= business_date(now):
        raise Invalid(
            "The period cannot be shared.", [{"loc": "period", "msg": f"from {EARLIEST:%Y-%m} to this month"}]
        )
    if (request.amount_fen is None) == (request.quantity is None):
        raise Invalid("Tell either an amount or a quantity.", [{"loc": "amount_fen", "msg": "this or quantity"}])
    if request.building is not None and not tables.has_building(session, estate_id, request.building):
        raise Invalid(
            "The building is unknown.", [{"loc": "building", "msg": f"no unit in building {request.building}"}]
        )
    price = None if request.quantity is None else _price(session, estate_id, request.fee_item, period)
    amount_fen = half_up(request.quantity * price * 100) if request.quantity and price else request.amount_fen
    if not amount_fen or amount_fen < 0:
        raise Invalid("The cost comes to nothing.", [{"loc": "amount_fen", "msg": "more than 0"}])
    if amount_fen > LARGEST_FEN:
        loc = "quantity" if request.amount_fen is None else "amount_fen"
        raise Invalid("The cost cannot be right.", [{"loc": loc, "msg": f"comes to more than {LARGEST_FEN} fen"}])
    return CostRow(
        id=cost_id,
        estate_id=estate_id,
        fee_item=request.fee_item,
        period=period,
        building=request.building or "",
        amount_fen=amount_fen,
        quantity=request.quantity,
        unit_price=price,
        note=request.note,
        recorded_by=caller.sub,
        recorded_at=now,
    )


def _price(session: Session, estate_id: int, fee_item: str, period: date) -> Decimal:
    """The price of a unit of the fee in that month, when there is exactly one."""
    versions = (v for v in load_versions(session, [estate_id])[estate_id] if v.fee_item == fee_item)
    month_prices = (shared_price(price, period) for price in by_price(versions))
    prices = {month_price.newest.unit_price for month_price in month_prices if month_price}
    if len(prices) != 1:
        msg = f"{len(prices)} published shared tariffs differ in price; tell the amount"
        raise Invalid("There is no single price for the quantity.", [{"loc": "quantity", "msg": msg}])
    return prices.pop()


def _same(row: CostRow, estate_id: int, request: CostRequest) -> bool:
    row_key = (row.estate_id, row.fee_item, format_period(row.period), row.building, row.quantity, row.note)
    request_key = (estate_id, request.fee_item, request.period, request.building or "", request.quantity, request.note)
    return row_key == request_key and request.amount_fen in (None, row.amount_fen)


def list_costs(session: Session, caller: Caller, code: str, period: str | None) -> Page[SharedCost]:
    """The costs recorded for an estate, of one month or of all."""
    caller.require(Permission.READ_SHARED_COSTS)
    estate = find_estate(session, caller, code)
    periods = None if period is None else [first_of(period)]
    rows = shared.costs_recorded(session, estate.id, periods)
    return Page(items=[_view(row, code) for row in rows], next_cursor=None)


def _view(row: CostRow, estate: str) -> SharedCost:
    return SharedCost(
        id=row.id,
        estate=estate,
        building=row.building or None,
        fee_item=row.fee_item,
        period=format_period(row.period),
        amount_fen=row.amount_fen,
        quantity=None if row.quantity is None else format(row.quantity, "f"),
        unit_price_yuan=None if row.unit_price is None else format(row.unit_price, "f"),
        note=row.note,
        recorded_at=row.recorded_at,
    )
