"""STORY of incentives: judge an estate's bills once a day, show what a household has, redeem it, draw lots (C4)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from uuid import UUID, uuid5

from sqlalchemy.orm import Session

from services.billing.periods import first_of
from services.billing.portfolio.tables import find_estate, find_household
from services.billing.receivables.incentives import rules, tables
from services.billing.receivables.incentives.rules import Policy
from services.billing.receivables.incentives.tables import CouponRow, DrawRow, lottery_draw
from services.billing.tables import lock_estate
from services.common.contracts.answers.incentives import (
    Coupon,
    CouponReason,
    IncentivePolicy,
    Incentives,
    LotteryDraw,
    LotteryTicket,
)
from services.common.contracts.errors import Conflict, Invalid
from services.common.domain.access import Caller
from services.common.domain.calendar import add_months, business_date, format_period
from services.common.domain.permissions import Permission
from services.common.observability.logs import get_logger
from services.common.once import by_id, same_request

LOOK_BACK_DAYS = 92
SHOWN_ENTRIES = 100
MONTHS_KNOWN = 13
_COUPONS = UUID("0f6d3d7e-5f0b-5a1d-8a53-6d1f7b0e3c22")
log = get_logger(__name__)


def judge_next_estate(session: Session, now: datetime) -> int | None:
    """Give points, tickets and coupons on an estate that was not judged today; its id, None when none waits.

    Only what has fallen due is judged, so that nothing is given that the due day could still take away.
    """
    today = business_date(now)
    estate_id = tables.claim_estate(session, today)
    if estate_id is None:
        return None
    policy = tables.load_policy(session, estate_id)
    first, last = today - timedelta(days=LOOK_BACK_DAYS), today - timedelta(days=1)
    entries = tables.reward(session, estate_id, policy, first, last, today)
    whole_months = first.replace(day=1), today.replace(day=1) - timedelta(days=1)
    tables.give_tickets(session, estate_id, *whole_months)
    tables.give_coupons(session, list(_streaks(session, estate_id, policy, today)))
    tables.mark_judged(session, estate_id, today)
    log.info("incentives judged", extra={"estate_id": estate_id, "point_entries": entries})
    return estate_id


def _streaks(session: Session, estate_id: int, policy: Policy, today: date) -> Iterator[CouponRow]:
    """A coupon for each full streak of whole months, and none again before as many months have passed."""
    first = add_months(today.replace(day=1), -policy.streak_months)
    last_coupons = tables.last_streak_coupons(session, estate_id)
    rows = tables.months_of_all(session, estate_id, first, today.replace(day=1) - timedelta(days=1))
    for household_id, group in groupby(rows, key=lambda row: row.household_id):
        months = [(row.month, row.in_time) for row in group]
        month = rules.coupon_due(months, policy.streak_months, last_coupons.get(household_id))
        if month is not None:
            yield _coupon(household_id, "streak", month, policy.coupon_fen, policy.coupon_days, today)


def _coupon(household_id: int, reason: CouponReason, month: date, fen: int, days: int, today: date) -> CouponRow:
    return CouponRow(
        id=uuid5(_COUPONS, f"{household_id}:{reason}:{month}"),
        household_id=household_id,
        value_fen=fen,
        reason=reason,
        month=month,
        issued_on=today,
        expires_on=today + timedelta(days=days),
    )


def get_incentives(session: Session, caller: Caller, household: str, today: date) -> Incentives:
    """What a household has, and its credit level. NotFound, Forbidden."""
    caller.require(Permission.READ_INCENTIVES)
    row = find_household(session, caller, household)
    policy = tables.load_policy(session, row.estate_id)
    first = add_months(today.replace(day=1), -MONTHS_KNOWN)
    months = tables.months_of_one(session, row.estate_id, row.id, first, today - timedelta(days=1))
    level = rules.credit_level([month.in_time for month in months], tables.overdue_days(session, row.id, today))
    return Incentives(
        household=household,
        enabled=policy.enabled,
        points=tables.balance(session, row.id),
        point_fen=policy.point_fen,
        credit_level=level.code,
        in_time_share=level.in_time_share,
        coupons=[_coupon_view(coupon, today) for coupon in tables.coupons(session, row.id)],
        tickets=[LotteryTicket(id=t.id, month=format_period(t.month)) for t in tables.tickets(session, row.id)],
        entries=tables.entries(session, row.id, SHOWN_ENTRIES),
    )


def _coupon_view(row: CouponRow, today: date) -> Coupon:
    return Coupon(
        id=row.id,
        value_fen=row.value_fen,
        reason=row.reason,
        month=format_period(row.month),
        issued_on=row.issued_on,
        expires_on=row.expires_on,
        status="redeemed" if row.redeemed_at else "expired" if row.expires_on < today else "valid",
    )


def get_policy(session: Session, caller: Caller, estate: str | None) -> IncentivePolicy:
    """The policy of an estate, or the group's. NotFound, Forbidden."""
    caller.require(Permission.READ_INCENTIVE_POLICY)
    return _policy_view(estate, tables.load_policy(session, _estate_id(session, caller, estate)))


def set_policy(session: Session, caller: Caller, estate: str | None, policy: Policy) -> IncentivePolicy:
    """Say what is given, from the next judgement on. Points that were given stay. Invalid, NotFound, Forbidden."""
    caller.require(Permission.SET_INCENTIVE_POLICY)
    if estate is None:
        caller.require_every_estate()
    estate_id = _estate_id(session, caller, estate)
    if not 0 <= policy.most_of_bill <= 1:
        raise Invalid("The policy is not valid.", [{"loc": "most_of_bill", "msg": "from 0 to 1"}])
    tables.keep_policy(session, estate_id, policy, caller.sub)
    return _policy_view(estate, policy)


def _estate_id(session: Session, caller: Caller, estate: str | None) -> int:
    return 0 if estate is None else int(find_estate(session, caller, estate).id)


def _policy_view(estate: str | None, policy: Policy) -> IncentivePolicy:
    return IncentivePolicy(
        estate=estate,
        enabled=policy.enabled,
        on_time_rate=float(policy.on_time_rate),
        early_rate=float(policy.early_rate),
        early_days=policy.early_days,
        point_fen=policy.point_fen,
        most_of_bill=float(policy.most_of_bill),
        streak_months=policy.streak_months,
        coupon_fen=policy.coupon_fen,
        coupon_days=policy.coupon_days,
    )


@dataclass(frozen=True)
class DrawRequest:
    """Draw so many winners among the tickets of a month, by a seed that everybody may know."""

    month: str
    winners: int
    coupon_fen: int
    seed: str


def draw_lots(
    session: Session, caller: Caller, code: str, request_id: UUID, request: DrawRequest, now: datetime
) -> LotteryDraw:
    """Draw the lots of a month once (C4).

    The same request again answers the same. Invalid (month), Conflict (not over, drawn already), NotFound, Forbidden.
    """
    caller.require(Permission.DRAW_LOTS)
    estate = find_estate(session, caller, code)
    month, today = first_of(request.month, "month"), business_date(now)
    lock_estate(session, estate.id)
    if by_id(session, lottery_draw, request_id) is None:
        if add_months(month, 1) > today:
            raise Conflict(f"{request.month} is not over yet.")
        if tables.draw_of(session, estate.id, month) is not None:
            raise Conflict(f"The lots of {request.month} were drawn already.")
        _draw(session, caller, estate.id, request_id, request, now)
    terms = {"estate_id": estate.id, **vars(request), "month": month}
    draw = same_request("draw", by_id(session, lottery_draw, request_id), terms)
    tickets = tables.tickets_of_month(session, estate.id, month)
    return LotteryDraw(
        id=request_id,
        estate=code,
        month=request.month,
        seed=draw.seed,
        tickets=draw.tickets,
        winners=rules.draw(draw.seed, tickets, draw.winners),
        coupon_fen=draw.coupon_fen,
    )


def _draw(
    session: Session, caller: Caller, estate_id: int, request_id: UUID, request: DrawRequest, now: datetime
) -> None:
    month, today = first_of(request.month, "month"), business_date(now)
    tickets: Mapping[int, int] = tables.tickets_of_month(session, estate_id, month)
    won = rules.draw(request.seed, tickets, request.winners)
    days = tables.load_policy(session, estate_id).coupon_days
    coupons = [_coupon(tickets[ticket], "lottery", month, request.coupon_fen, days, today) for ticket in won]
    draw = DrawRow(
        id=request_id,
        estate_id=estate_id,
        month=month,
        seed=request.seed,
        winners=request.winners,
        coupon_fen=request.coupon_fen,
        tickets=len(tickets),
        drawn_by=caller.sub,
        drawn_at=now,
    )
    tables.add_draw(session, draw)
    tables.give_coupons(session, coupons)
