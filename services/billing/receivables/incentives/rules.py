"""LAW of incentives (C4): what a bill paid in time brings, when a coupon is due, who wins, how good a payer is."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_FLOOR, Decimal
from hashlib import sha256

from services.common.contracts.answers.incentives import CreditLevel


@dataclass(frozen=True)
class Policy:
    """What an estate gives. Rates are points per yuan of principal; `point_fen` is what a point is worth."""

    enabled: bool
    on_time_rate: Decimal
    early_rate: Decimal
    early_days: int
    point_fen: int
    most_of_bill: Decimal
    streak_months: int
    coupon_fen: int
    coupon_days: int


@dataclass(frozen=True)
class BillStanding:
    """A bill as it stands: principal paid by money or prepaid balance, and the day on which all of it was settled."""

    due: date
    paid_fen: int
    settled_on: date | None


def points(bill: BillStanding, policy: Policy) -> int:
    """How many points a bill should have brought: none before it is settled, and none when that was after its due date.

    `tables.POINTS_DUE` says the same in SQL; a property test holds the two equal.
    """
    if not policy.enabled or bill.settled_on is None or bill.settled_on > bill.due:
        return 0
    early = bill.settled_on <= bill.due - timedelta(days=policy.early_days)
    rate = policy.early_rate if early else policy.on_time_rate
    return int((rate * bill.paid_fen / 100).to_integral_value(ROUND_FLOOR))


def coupon_due(months: Sequence[tuple[date, bool]], streak_months: int, last_coupon: date | None) -> date | None:
    """The month for which a coupon is due: the newest, when it ends a full streak in which none was given yet.

    `months` are whole months with bills, oldest first, true when all of them were paid in time.
    """
    streak = list(months)[-streak_months:]
    if len(streak) < streak_months or not all(in_time for _, in_time in streak):
        return None
    return streak[-1][0] if last_coupon is None or last_coupon < streak[0][0] else None


def discount_fen(asked_points: int, policy: Policy) -> int:
    """What points are worth on a bill."""
    return asked_points * policy.point_fen


def most_discount(open_fen: int, policy: Policy) -> int:
    """The largest discount on a bill with so much open, in fen, cut off."""
    return int((policy.most_of_bill * open_fen).to_integral_value(ROUND_FLOOR))


def draw(seed: str, tickets: Iterable[int], winners: int) -> list[int]:
    """The tickets that win, in the order drawn. The same seed and tickets give the same winners, whoever draws."""
    return sorted(tickets, key=lambda ticket: sha256(f"{seed}:{ticket}".encode()).digest())[:winners]


@dataclass(frozen=True)
class Level:
    """A credit level: its letter, and the share of months paid in time it stands for (None: too little is known)."""

    code: CreditLevel
    in_time_share: float | None


def credit_level(months: Sequence[bool], overdue_days: int) -> Level:
    """AAA to C from the last twelve months that fell due, oldest first, and the age of what is overdue today."""
    recent = list(months)[-12:]
    if len(recent) < 3:
        return Level("new", None)
    share = sum(recent) / len(recent)
    if overdue_days > 60:
        return Level("C", share)
    if overdue_days > 0:
        return Level("B", share)
    if share == 1.0:
        return Level("AAA", share)
    return Level("AA" if share >= 0.9 else "A" if share >= 0.7 else "B", share)


def points_back(spent_points: int, value_fen: int, fen: int) -> int:
    """The points of a discount that `fen` of it stand for, cut off."""
    return spent_points * fen // value_fen
