"""STORE of incentives: policy, points, coupons, tickets, redemptions, and the judgement of an estate's bills (C4)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Numeric,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from services.billing.receivables.incentives.rules import Policy
from services.billing.receivables.ledger.sql import open_bill
from services.billing.tables import metadata
from services.common.contracts.answers.incentives import CouponReason, PointEntry
from services.common.rows import row_of, rows_of

incentive_policy = Table(
    "incentive_policy",
    metadata,
    # 0 is the group's default
    Column("estate_id", Integer, primary_key=True, autoincrement=False),
    Column("enabled", Boolean, nullable=False),
    # points per yuan of principal
    Column("on_time_rate", Numeric(8, 4), nullable=False),
    Column("early_rate", Numeric(8, 4), nullable=False),
    Column("early_days", SmallInteger, nullable=False),
    Column("point_fen", Integer, nullable=False),
    # largest discount, as part of what is open on a bill
    Column("most_of_bill", Numeric(5, 4), nullable=False),
    Column("streak_months", SmallInteger, nullable=False),
    Column("coupon_fen", BigInteger, nullable=False),
    Column("coupon_days", SmallInteger, nullable=False),
    # null: as it came, or set by the release before
    Column("set_by", Text),
    CheckConstraint("on_time_rate >= 0 AND early_rate >= 0 AND early_days >= 0", name="rates"),
    CheckConstraint("point_fen > 0 AND coupon_fen > 0 AND coupon_days > 0 AND streak_months > 0", name="worth"),
    CheckConstraint("most_of_bill BETWEEN 0 AND 1", name="most_of_bill"),
)

point_entry = Table(
    "point_entry",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("household_id", BigInteger, ForeignKey("household.id"), nullable=False),
    # what brought or took them; null: redeemed for something else than a bill
    Column("bill_id", BigInteger),
    # negative: redeemed, or taken back; returned: redeemed on a bill that is void
    Column("points", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("booked_on", Date, nullable=False),
    CheckConstraint("kind IN ('earned', 'taken_back', 'redeemed', 'returned')", name="kind"),
    CheckConstraint("points <> 0", name="points"),
    Index("point_entry_household_id_idx", "household_id"),
    Index("point_entry_bill_id_idx", "bill_id"),
)

coupon = Table(
    "coupon",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("household_id", BigInteger, ForeignKey("household.id"), nullable=False),
    Column("value_fen", BigInteger, nullable=False),
    # "streak" or "lottery", and the month it is for: one of each
    Column("reason", Text, nullable=False),
    Column("month", Date, nullable=False),
    Column("issued_on", Date, nullable=False),
    # last day
    Column("expires_on", Date, nullable=False),
    Column("redeemed_at", DateTime(timezone=True)),
    CheckConstraint("value_fen > 0", name="value_fen"),
    CheckConstraint("reason IN ('streak', 'lottery')", name="reason"),
    UniqueConstraint("household_id", "reason", "month", name="coupon_once_key"),
)

lottery_ticket = Table(
    "lottery_ticket",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("household_id", BigInteger, ForeignKey("household.id"), nullable=False),
    Column("estate_id", Integer, nullable=False),
    # the month in which all was paid in time
    Column("month", Date, nullable=False),
    UniqueConstraint("household_id", "month", name="lottery_ticket_once_key"),
    Index("lottery_ticket_estate_id_month_idx", "estate_id", "month"),
)

lottery_draw = Table(
    "lottery_draw",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("estate_id", Integer, ForeignKey("estate.id"), nullable=False),
    Column("month", Date, nullable=False),
    Column("seed", Text, nullable=False),
    Column("winners", Integer, nullable=False),
    Column("coupon_fen", BigInteger, nullable=False),
    Column("tickets", Integer, nullable=False),
    Column("drawn_by", Text, nullable=False),
    Column("drawn_at", DateTime(timezone=True), nullable=False),
    UniqueConstraint("estate_id", "month", name="lottery_draw_once_key"),
)

redemption = Table(
    "redemption",
    metadata,
    # the request id
    Column("id", Uuid, primary_key=True),
    Column("household_id", BigInteger, ForeignKey("household.id"), nullable=False),
    Column("points", BigInteger),
    Column("coupon_id", Uuid, ForeignKey("coupon.id")),
    Column("bill_id", BigInteger),
    Column("service", Text),
    Column("value_fen", BigInteger, nullable=False),
    Column("redeemed_by", Text, nullable=False),
    Column("redeemed_at", DateTime(timezone=True), nullable=False),
    # its coupon came back: the bill is void (B5)
    Column("returned_at", DateTime(timezone=True)),
    CheckConstraint("(points IS NULL) <> (coupon_id IS NULL)", name="given"),
    CheckConstraint("(bill_id IS NULL) <> (service IS NULL)", name="taken"),
    Index("redemption_coupon_id_key", "coupon_id", unique=True, postgresql_where=text("returned_at IS NULL")),
    Index("redemption_household_id_idx", "household_id"),
)

# When each estate's bills were last judged.
incentive_estate = Table(
    "incentive_estate",
    metadata,
    Column("estate_id", Integer, ForeignKey("estate.id"), primary_key=True, autoincrement=False),
    Column("judged_on", Date, nullable=False),
)

POLICY_COLUMNS = tuple(Policy.__dataclass_fields__)

# Each bill of an estate that fell due from :first to :last: what was paid of it, and when it was settled for good. The
# day is the last one on which anything was paid or waived; a bill with something open has none. Opening balances are of
# another time.
_BILL_STANDINGS = """
moved AS (
  SELECT bill_id, COALESCE(value_on, booked_on) AS on_day,
         CASE WHEN credit_account = 'receivable' THEN amount_fen ELSE -amount_fen END AS fen,
         'fee_income' IN (debit_account, credit_account) AS given_up
  FROM ledger_entry
  WHERE estate_id = :estate_id AND kind NOT IN ('bill_issued', 'opening_bill')
    AND 'receivable' IN (debit_account, credit_account)
), standing AS (
  SELECT b.id AS bill_id, b.household_id, b.due_date, b.voided_at,
         COALESCE(sum(m.fen) FILTER (WHERE NOT m.given_up), 0) AS paid_fen,
         CASE WHEN b.voided_at IS NULL AND b.amount_fen = b.paid_fen + b.waived_fen THEN max(m.on_day) END AS settled_on
  FROM household h JOIN bill b ON b.household_id = h.id LEFT JOIN moved m ON m.bill_id = b.id
  WHERE h.estate_id = :estate_id AND b.due_date BETWEEN :first AND :last
    AND (b.run_id IS NOT NULL OR b.charge_id IS NOT NULL OR b.reissue_of IS NOT NULL)
  GROUP BY b.id
)"""

POINTS_DUE = f"""
WITH {_BILL_STANDINGS}
SELECT bill_id, household_id, CASE
  WHEN voided_at IS NOT NULL OR settled_on IS NULL OR settled_on > due_date THEN 0
  WHEN settled_on <= due_date - :early_days THEN floor(CAST(:early_rate AS numeric) * paid_fen / 100)
  ELSE floor(CAST(:on_time_rate AS numeric) * paid_fen / 100) END::bigint AS points
FROM standing
"""

_REWARD = text(f"""
WITH judged AS ({POINTS_DUE}), had AS (
  SELECT bill_id, sum(points) AS points FROM point_entry
  WHERE kind NOT IN ('redeemed', 'returned') AND bill_id IN (SELECT bill_id FROM judged) GROUP BY bill_id
)
INSERT INTO point_entry (household_id, bill_id, points, kind, source, booked_on)
SELECT j.household_id, j.bill_id, j.points - COALESCE(h.points, 0),
       CASE WHEN j.points > COALESCE(h.points, 0) THEN 'earned' ELSE 'taken_back' END, 'judged', :today
FROM judged j LEFT JOIN had h USING (bill_id) WHERE j.points <> COALESCE(h.points, 0)
ORDER BY j.bill_id RETURNING id
""")
_MONTHS = f"""
WITH {_BILL_STANDINGS}
SELECT household_id, date_trunc('month', due_date::timestamp)::date AS month,
       bool_and(COALESCE(settled_on <= due_date, false)) AS in_time
FROM standing WHERE voided_at IS NULL GROUP BY 1, 2
"""
_TICKETS = text(f"""
INSERT INTO lottery_ticket (household_id, estate_id, month)
SELECT household_id, :estate_id, month FROM ({_MONTHS}) m WHERE in_time AND month >= :first ORDER BY month, household_id
ON CONFLICT (household_id, month) DO NOTHING
""")
_MONTHS_OF_ALL = text(f"{_MONTHS} ORDER BY household_id, month")
_MONTHS_OF_ONE = text(f"SELECT * FROM ({_MONTHS}) m WHERE household_id = :household_id ORDER BY month")
_CLAIM = text("""
SELECT e.id FROM estate e LEFT JOIN incentive_estate r ON r.estate_id = e.id
JOIN LATERAL (SELECT enabled FROM incentive_policy p WHERE p.estate_id IN (e.id, 0)
              ORDER BY p.estate_id DESC LIMIT 1) p ON p.enabled
WHERE r.estate_id IS NULL OR r.judged_on < :today
ORDER BY r.judged_on NULLS FIRST, e.id LIMIT 1 FOR NO KEY UPDATE OF e SKIP LOCKED
""")
_LAST_STREAKS = text("""
SELECT c.household_id, max(c.month) AS month FROM coupon c JOIN household h ON h.id = c.household_id
WHERE h.estate_id = :estate_id AND c.reason = 'streak' GROUP BY c.household_id
""")
_BALANCE = text("SELECT COALESCE(sum(points), 0)::bigint FROM point_entry WHERE household_id = :household_id")
_OVERDUE = text(f"""
SELECT COALESCE(max(CAST(:today AS date) - due_date), 0) FROM bill
WHERE household_id = :household_id AND due_date < :today AND {open_bill("bill")}
""")
_BILL = text("SELECT * FROM bill WHERE id = :bill_id FOR UPDATE")


@dataclass(frozen=True)
class HouseholdMonth:
    """Whether all bills of a household that fell due in a month were settled in time."""

    household_id: int
    month: date
    in_time: bool


@dataclass(frozen=True)
class CouponRow:
    """A coupon, and when it was spent."""

    id: UUID
    household_id: int
    value_fen: int
    reason: CouponReason
    month: date
    issued_on: date
    expires_on: date
    redeemed_at: datetime | None = None


@dataclass(frozen=True)
class TicketRow:
    """A lottery ticket."""

    id: int
    month: date


@dataclass(frozen=True)
class DrawRow:
    """The draw of a month: how many tickets there were, and how many of them win."""

    id: UUID
    estate_id: int
    month: date
    seed: str
    winners: int
    coupon_fen: int
    tickets: int
    drawn_by: str
    drawn_at: datetime


@dataclass(frozen=True)
class DiscountedBill:
    """A bill that is to get a discount."""

    household_id: int
    amount_fen: int
    paid_fen: int
    waived_fen: int
    voided_at: datetime | None

    @property
    def open_fen(self) -> int:
        """Principal that is open; of a void bill nothing."""
        return 0 if self.voided_at else self.amount_fen - self.paid_fen - self.waived_fen


@dataclass(frozen=True)
class RedemptionRow:
    """What a household redeemed, and for what."""

    id: UUID
    household_id: int
    points: int | None
    coupon_id: UUID | None
    bill_id: int | None
    service: str | None
    value_fen: int
    redeemed_at: datetime


def load_policy(session: Session, estate_id: int) -> Policy:
    """The estate's own policy, or else the group's."""
    columns = [incentive_policy.c[name] for name in POLICY_COLUMNS]
    query = select(*columns).where(incentive_policy.c.estate_id.in_([estate_id, 0]))
    row = session.execute(query.order_by(incentive_policy.c.estate_id.desc()).limit(1)).mappings().one()
    return Policy(**row)


def keep_policy(session: Session, estate_id: int, policy: Policy, by: str) -> None:
    """Replace the policy of an estate, or of the group (0)."""
    row = vars(policy) | {"set_by": by}
    statement = upsert(incentive_policy).values(estate_id=estate_id, **row)
    session.execute(statement.on_conflict_do_update(index_elements=["estate_id"], set_=row))


def promised_by(session: Session, estate_id: int, coupon_id: UUID | None) -> str | None:
    """Who said what a household may redeem: who drew the lots a coupon was won by, or else who set the policy."""
    query = select(lottery_draw.c.drawn_by).join(coupon, coupon.c.month == lottery_draw.c.month)
    won = (coupon.c.id == coupon_id, coupon.c.reason == "lottery", lottery_draw.c.estate_id == estate_id)
    drawn_by: str | None = session.scalar(query.where(*won))
    policies = select(incentive_policy.c.set_by).where(incentive_policy.c.estate_id.in_([estate_id, 0]))
    return drawn_by or session.scalar(policies.order_by(incentive_policy.c.estate_id.desc()).limit(1))


def claim_estate(session: Session, today: date) -> int | None:
    """An estate with incentives that was not judged today, locked until the transaction ends."""
    estate_id: int | None = session.scalar(_CLAIM, {"today": today})
    return estate_id


def mark_judged(session: Session, estate_id: int, today: date) -> None:
    """Remember that an estate was judged."""
    statement = upsert(incentive_estate).values(estate_id=estate_id, judged_on=today)
    session.execute(statement.on_conflict_do_update(index_elements=["estate_id"], set_={"judged_on": today}))


def reward(session: Session, estate_id: int, policy: Policy, first: date, last: date, today: date) -> int:
    """Give or take back points until every bill has brought what it should; how many entries that took."""
    key = {"estate_id": estate_id, "first": first, "last": last, "today": today}
    rates = {"early_days": policy.early_days, "early_rate": policy.early_rate, "on_time_rate": policy.on_time_rate}
    return len(session.execute(_REWARD, key | rates).all())


def give_tickets(session: Session, estate_id: int, first: date, last: date) -> None:
    """A ticket for each household and month, from `first` on, whose bills were all settled in time."""
    session.execute(_TICKETS, {"estate_id": estate_id, "first": first, "last": last})


def months_of_all(session: Session, estate_id: int, first: date, last: date) -> list[HouseholdMonth]:
    """Months of an estate, by household and month."""
    key = {"estate_id": estate_id, "first": first, "last": last}
    return rows_of(HouseholdMonth, session.execute(_MONTHS_OF_ALL, key))


def months_of_one(session: Session, estate_id: int, household_id: int, first: date, last: date) -> list[HouseholdMonth]:
    """Months of a household, oldest first."""
    key = {"estate_id": estate_id, "household_id": household_id, "first": first, "last": last}
    return rows_of(HouseholdMonth, session.execute(_MONTHS_OF_ONE, key))


def last_streak_coupons(session: Session, estate_id: int) -> dict[int, date]:
    """Household → the month of its last coupon for a streak."""
    return {row.household_id: row.month for row in session.execute(_LAST_STREAKS, {"estate_id": estate_id})}


def give_coupons(session: Session, coupons: Sequence[CouponRow]) -> None:
    """Issue coupons; one that was issued for the same reason and month stays as it is."""
    if coupons:
        statement = upsert(coupon).on_conflict_do_nothing(constraint="coupon_once_key")
        session.execute(statement, [vars(row) for row in coupons])


def balance(session: Session, household_id: int) -> int:
    """Points of a household."""
    return int(session.scalar(_BALANCE, {"household_id": household_id}) or 0)


def overdue_days(session: Session, household_id: int, today: date) -> int:
    """The age of the oldest overdue bill; 0 without any."""
    return int(session.scalar(_OVERDUE, {"household_id": household_id, "today": today}) or 0)


def entries(session: Session, household_id: int, most: int) -> list[PointEntry]:
    """The newest point entries."""
    query = select(point_entry).where(point_entry.c.household_id == household_id)
    rows = session.execute(query.order_by(point_entry.c.id.desc()).limit(most))
    return [PointEntry(points=row.points, kind=row.kind, bill_id=row.bill_id, booked_on=row.booked_on) for row in rows]


def coupons(session: Session, household_id: int) -> list[CouponRow]:
    """All coupons of a household, newest first."""
    query = select(coupon).where(coupon.c.household_id == household_id)
    return rows_of(CouponRow, session.execute(query.order_by(coupon.c.issued_on.desc(), coupon.c.id)))


def tickets(session: Session, household_id: int) -> list[TicketRow]:
    """All lottery tickets of a household, newest first."""
    query = select(lottery_ticket).where(lottery_ticket.c.household_id == household_id)
    return rows_of(TicketRow, session.execute(query.order_by(lottery_ticket.c.month.desc())))


def find_coupon(session: Session, coupon_id: UUID) -> CouponRow | None:
    """A coupon by id; its household's row is locked by the caller."""
    return row_of(CouponRow, session.execute(select(coupon).where(coupon.c.id == coupon_id)).one_or_none())


def spend_coupon(session: Session, coupon_id: UUID, now: datetime) -> None:
    """Mark it redeemed."""
    session.execute(update(coupon).where(coupon.c.id == coupon_id).values(redeemed_at=now))


def restore_coupon(session: Session, coupon_id: UUID, expires_on: date) -> None:
    """It was not redeemed after all, and may be up to a day."""
    changes = {"redeemed_at": None, "expires_on": expires_on}
    session.execute(update(coupon).where(coupon.c.id == coupon_id).values(changes))


def mark_returned(session: Session, redemption_id: UUID, now: datetime) -> None:
    """The coupon of a redemption came back, and may be redeemed again."""
    session.execute(update(redemption).where(redemption.c.id == redemption_id).values(returned_at=now))


def add_points(session: Session, row: Mapping[str, object]) -> None:
    """One entry of points."""
    session.execute(insert(point_entry).values(row))


def find_redemption(session: Session, redemption_id: UUID) -> RedemptionRow | None:
    """A redemption by the request that made it."""
    query = select(redemption).where(redemption.c.id == redemption_id)
    return row_of(RedemptionRow, session.execute(query).one_or_none())


def add_redemption(session: Session, row: Mapping[str, object]) -> None:
    """Keep a redemption."""
    session.execute(insert(redemption).values(row))


def lock_bill(session: Session, bill_id: int) -> DiscountedBill | None:
    """A bill, locked after its household."""
    return row_of(DiscountedBill, session.execute(_BILL, {"bill_id": bill_id}).one_or_none())


def draw_of(session: Session, estate_id: int, month: date) -> DrawRow | None:
    """The draw of a month."""
    where = (lottery_draw.c.estate_id == estate_id, lottery_draw.c.month == month)
    return row_of(DrawRow, session.execute(select(lottery_draw).where(*where)).one_or_none())


def add_draw(session: Session, draw: DrawRow) -> None:
    """Keep a draw."""
    session.execute(insert(lottery_draw).values(vars(draw)))


def tickets_of_month(session: Session, estate_id: int, month: date) -> dict[int, int]:
    """Ticket → household of an estate and month."""
    where = (lottery_ticket.c.estate_id == estate_id, lottery_ticket.c.month == month)
    return {row.id: row.household_id for row in session.execute(select(lottery_ticket).where(*where))}
