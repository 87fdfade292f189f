"""STORY of redeeming: points or a coupon become a discount on an open bill, or a value-added service (C4)."""

from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from services.billing.portfolio.tables import find_household
from services.billing.receivables.booking.handlers import book
from services.billing.receivables.incentives import rules, tables
from services.billing.receivables.incentives.rules import Policy
from services.billing.receivables.ledger import tables as ledger
from services.billing.receivables.ledger.rules import FEE_INCOME, RECEIVABLE, Account, Movement
from services.billing.receivables.waivers.rules import automatic_fen
from services.billing.receivables.waivers.tables import bands
from services.common.contracts.answers.incentives import RedemptionReceipt
from services.common.contracts.errors import Conflict, Forbidden, Invalid, NotFound
from services.common.domain.access import Caller
from services.common.domain.calendar import business_date
from services.common.domain.permissions import Permission
from services.common.once import same_request


@dataclass(frozen=True)
class Redemption:
    """What is given (points or a coupon) and what for (a bill or a service)."""

    points: int | None = None
    coupon_id: UUID | None = None
    bill_id: int | None = None
    service: str | None = None


def redeem(
    session: Session, caller: Caller, household: str, request_id: UUID, redemption: Redemption, now: datetime
) -> RedemptionReceipt:
    """Redeem points or a coupon once (C4).

    Errors: Invalid (not one of each), Conflict (too few points, coupon spent or expired, discount too large, bill not
    open, id used for another), NotFound, Forbidden.
    """
    caller.require(Permission.REDEEM_INCENTIVE)
    _require_one_of_each(redemption)
    home = find_household(session, caller, household)
    ledger.lock_estate_of(session, household)
    account = ledger.account(session, household, lock=True)
    if account is None:
        raise NotFound(f"There is no household {household}.")
    standing = tables.find_redemption(session, request_id)
    if standing is None:
        _redeem(session, caller, account, request_id, redemption, now)
    else:
        same_request("redemption", standing, {"household_id": home.id, **asdict(redemption)})
    return _view(session, household, request_id)


def _require_one_of_each(redemption: Redemption) -> None:
    if (redemption.points is None) == (redemption.coupon_id is None):
        raise Invalid("Give points or a coupon.", [{"loc": "points", "msg": "points or coupon_id, one of them"}])
    if (redemption.bill_id is None) == (redemption.service is None):
        raise Invalid("Say what for.", [{"loc": "bill_id", "msg": "bill_id or service, one of them"}])


def _redeem(
    session: Session, caller: Caller, account: Account, request_id: UUID, redemption: Redemption, now: datetime
) -> None:
    policy = tables.load_policy(session, account.estate_id)
    if not policy.enabled:
        raise Conflict("There are no incentives on this estate.")
    value = _spend(session, account, request_id, redemption, policy, now)
    row = asdict(redemption) | {"id": request_id, "household_id": account.id, "value_fen": value}
    tables.add_redemption(session, row | {"redeemed_by": caller.sub, "redeemed_at": now})
    if redemption.bill_id is not None:
        _require_second_person(session, caller, account, redemption, value)
        _discount(session, account, redemption.bill_id, value, policy, request_id, now)


def _require_second_person(
    session: Session, caller: Caller, account: Account, redemption: Redemption, fen: int
) -> None:
    """A discount is principal given up: above what goes by rule nobody redeems what he promised himself (ADR 18)."""
    by_rule_fen = automatic_fen(bands(session, account.estate_id, "principal"))
    if fen > by_rule_fen and caller.sub == tables.promised_by(session, account.estate_id, redemption.coupon_id):
        raise Forbidden("Who set the policy or drew the lots does not redeem by them (four eyes); let somebody else.")


def _spend(
    session: Session, account: Account, request_id: UUID, redemption: Redemption, policy: Policy, now: datetime
) -> int:
    """Take the points or the coupon; what they are worth, in fen."""
    today = business_date(now)
    if redemption.coupon_id is not None:
        coupon = tables.find_coupon(session, redemption.coupon_id)
        if coupon is None or coupon.household_id != account.id:
            raise NotFound("There is no such coupon of this household.")
        if coupon.redeemed_at is not None or coupon.expires_on < today:
            raise Conflict("The coupon is spent or has expired.")
        tables.spend_coupon(session, coupon.id, now)
        return int(coupon.value_fen)
    points = redemption.points or 0
    if points > tables.balance(session, account.id):
        raise Conflict("The household has fewer points.")
    entry = {"household_id": account.id, "bill_id": redemption.bill_id, "points": -points, "kind": "redeemed"}
    tables.add_points(session, entry | {"source": str(request_id), "booked_on": today})
    return rules.discount_fen(points, policy)


def _discount(
    session: Session, account: Account, bill_id: int, fen: int, policy: Policy, request_id: UUID, now: datetime
) -> None:
    bill = tables.lock_bill(session, bill_id)
    if bill is None or bill.household_id != account.id:
        raise NotFound(f"There is no bill {bill_id} of this household.")
    most = rules.most_discount(bill.open_fen, policy)
    if fen > most:
        raise Conflict(f"A discount on this bill is at most {most} fen now.")
    day = account.booking_day(business_date(now))
    book(session, account, [Movement("discount", FEE_INCOME, RECEIVABLE, fen, day, str(request_id), bill_id)], now)


def _view(session: Session, household: str, request_id: UUID) -> RedemptionReceipt:
    row = tables.find_redemption(session, request_id)
    if row is None:
        raise NotFound("There is no such redemption.")
    return RedemptionReceipt(
        id=row.id,
        household=household,
        points=row.points,
        coupon_id=row.coupon_id,
        bill_id=row.bill_id,
        service=row.service,
        value_fen=row.value_fen,
        points_left=tables.balance(session, row.household_id),
        redeemed_at=row.redeemed_at,
    )
