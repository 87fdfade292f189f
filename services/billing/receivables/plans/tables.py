"""STORE of instalment plans (C3): the agreement, its instalments by bill, and how it stands from which day on.

`instalment_plan_standing` is what `rules.standings` says, kept for queries that count late fee in SQL and for the sweep
that tells dunning. It covers all days to come: it changes only when something happens to a bill of the plan.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    Row,
    SmallInteger,
    Table,
    Text,
    Uuid,
    delete,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.orm import Session

from services.billing.receivables.plans.rules import HouseholdPlans, Part, Plan, PlanPolicy, Standing
from services.billing.tables import household, metadata
from services.common.contracts.answers.plans import PlanStatus
from services.common.rows import row_of, rows_of

plan_policy = Table(
    "plan_policy",
    metadata,
    # 0 is the group's default
    Column("estate_id", Integer, primary_key=True, autoincrement=False),
    # an instalment that is more days late breaks the plan
    Column("late_days", SmallInteger, nullable=False),
    # whether catching up mends a broken plan
    Column("revives", Boolean, nullable=False),
    # what everybody may agree on: a signing so many days ago, a last instalment so many months after it
    Column("backdate_days", SmallInteger, nullable=False, server_default="3"),
    Column("longest_months", SmallInteger, nullable=False, server_default="12"),
    CheckConstraint("late_days >= 0", name="late_days"),
    CheckConstraint("backdate_days >= 0", name="backdate_days"),
    CheckConstraint("longest_months > 0", name="longest_months"),
)

instalment_plan = Table(
    "instalment_plan",
    metadata,
    # the request id
    Column("id", Uuid, primary_key=True),
    Column("household_id", BigInteger, ForeignKey("household.id"), nullable=False),
    Column("estate_id", Integer, nullable=False),
    Column("signed_on", Date, nullable=False),
    # the policy as it was agreed
    Column("late_days", SmallInteger, nullable=False),
    Column("revives", Boolean, nullable=False),
    # late fee accrued up to the signing and not settled then: due apart from the instalments
    Column("late_fee_fen", BigInteger, nullable=False),
    # what dunning was told last; how it stands is in instalment_plan_standing
    Column("status", Text, nullable=False),
    Column("status_at", DateTime(timezone=True), nullable=False),
    Column("created_by", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("cancelled_on", Date),
    Column("cancelled_by", Text),
    Column("cancel_reason", Text),
    CheckConstraint("status IN ('performing', 'completed', 'broken', 'cancelled')", name="status"),
    Index("instalment_plan_household_id_idx", "household_id"),
    Index("instalment_plan_estate_id_idx", "estate_id"),
)

instalment_plan_part = Table(
    "instalment_plan_part",
    metadata,
    Column("plan_id", Uuid, ForeignKey("instalment_plan.id"), primary_key=True),
    Column("bill_id", BigInteger, primary_key=True),
    Column("due_date", Date, primary_key=True),
    Column("amount_fen", BigInteger, nullable=False),
    CheckConstraint("amount_fen > 0", name="amount_fen"),
    Index("instalment_plan_part_bill_id_idx", "bill_id"),
)

instalment_plan_standing = Table(
    "instalment_plan_standing",
    metadata,
    Column("plan_id", Uuid, ForeignKey("instalment_plan.id"), primary_key=True),
    Column("from_on", Date, primary_key=True),
    Column("status", Text, nullable=False),
    # last day on which accrual stood still; null: it still does
    Column("frozen_to", Date),
)

_POLICY = text("""
SELECT late_days, revives, backdate_days, longest_months FROM plan_policy
WHERE estate_id IN (:estate_id, 0) ORDER BY estate_id DESC LIMIT 1
""")
_HOUSEHOLD_PLANS = text("""
SELECT p.id, p.signed_on, p.late_days, p.revives, p.cancelled_on, x.bill_id, x.due_date, x.amount_fen,
       b.amount_fen AS principal_fen
FROM instalment_plan p
LEFT JOIN (instalment_plan_part x JOIN bill b ON b.id = x.bill_id AND b.voided_at IS NULL) ON x.plan_id = p.id
WHERE p.household_id = :household_id ORDER BY p.signed_on, p.id, x.due_date, x.bill_id
""")
_BILLS = text("""
SELECT id, household_id, amount_fen, amount_fen - paid_fen - waived_fen AS open_fen, due_date,
       COALESCE(first_issued_on, issued_on) AS issued_on, voided_at
FROM bill WHERE id = ANY (:bills) ORDER BY due_date, id FOR UPDATE
""")
_SET_APART = text("UPDATE bill SET late_fee_apart = true WHERE id = ANY (:bills) AND NOT late_fee_apart")


def _standing_on(plan: str, day: str) -> str:
    """SQL: a join of how the plan stands at the end of a day, as `s`."""
    return f"""JOIN LATERAL (
  SELECT s.* FROM instalment_plan_standing s WHERE s.plan_id = {plan}.id AND s.from_on <= {day}
  ORDER BY s.from_on DESC LIMIT 1) s ON true"""


_PLANS = f"""
SELECT p.*, h.code AS household, e.code AS estate, s.status AS standing, s.from_on AS standing_since,
       (SELECT sum(x.amount_fen)::bigint FROM instalment_plan_part x WHERE x.plan_id = p.id) AS principal_fen,
       ARRAY(SELECT DISTINCT x.bill_id FROM instalment_plan_part x WHERE x.plan_id = p.id ORDER BY 1) AS bill_ids
FROM instalment_plan p JOIN household h ON h.id = p.household_id JOIN estate e ON e.id = p.estate_id
{_standing_on("p", ":today")}
"""
_PLAN = text(f"{_PLANS} WHERE p.id = :id")
_LIST = text(f"""{_PLANS}
WHERE (CAST(:after AS uuid) IS NULL OR p.id > :after)
  AND (CAST(:estates AS text[]) IS NULL OR e.code = ANY (:estates))
  AND (CAST(:household AS text) IS NULL OR h.code = :household)
  AND (CAST(:status AS text) IS NULL OR s.status = :status)
ORDER BY p.id LIMIT :limit
""")
_UNTOLD = text(f"""
SELECT DISTINCT h.code FROM instalment_plan p JOIN household h ON h.id = p.household_id {_standing_on("p", ":today")}
WHERE s.status <> p.status ORDER BY h.code LIMIT :limit
""")
# Two replicas do not wait for each other: whoever comes second leaves the household to the first.
_CLAIM = text("SELECT id FROM household WHERE code = :code FOR UPDATE SKIP LOCKED")


@dataclass(frozen=True)
class Agreement:
    """A new plan as it is kept, but for its instalments."""

    id: UUID
    household_id: int
    estate_id: int
    signed_on: date
    late_days: int
    revives: bool
    late_fee_fen: int
    created_by: str
    created_at: datetime


@dataclass(frozen=True)
class BillToPlan:
    """A bill as an offer needs it."""

    id: int
    household_id: int
    amount_fen: int
    open_fen: int
    due_date: date
    issued_on: date
    voided_at: datetime | None


@dataclass(frozen=True)
class SignedPlan:
    """A plan as it was signed, and how it stands today."""

    id: UUID
    household_id: int
    household: str
    estate: str
    signed_on: date
    late_days: int
    late_fee_fen: int
    principal_fen: int
    bill_ids: list[int]
    standing: PlanStatus
    standing_since: date
    created_by: str
    created_at: datetime
    cancelled_on: date | None
    cancel_reason: str | None


@dataclass(frozen=True)
class PlanFilter:
    """Which plans a list shows; None: all."""

    estates: list[str] | None
    household: str | None
    status: PlanStatus | None
    after: UUID | None
    limit: int


def household_plans(session: Session, household_id: int) -> HouseholdPlans:
    """Every plan a household ever signed, without bills that were voided: of those nothing is owed."""
    parts: dict[UUID, list[Part]] = defaultdict(list)
    heads: dict[UUID, Row[Any]] = {}
    principal: dict[int, int] = {}
    for row in session.execute(_HOUSEHOLD_PLANS, {"household_id": household_id}):
        heads[row.id] = row
        if row.bill_id is not None:
            parts[row.id].append(Part(row.bill_id, row.due_date, row.amount_fen))
            principal[row.bill_id] = row.principal_fen
    plans = {
        key: Plan(row.signed_on, tuple(parts[key]), row.late_days, row.revives, row.cancelled_on)
        for key, row in heads.items()
    }
    return HouseholdPlans(plans, principal)


def parts_of(session: Session, plan_id: UUID) -> list[Part]:
    """A plan's instalments by bill, as they were agreed."""
    columns = (instalment_plan_part.c.bill_id, instalment_plan_part.c.due_date, instalment_plan_part.c.amount_fen)
    return [Part(*row) for row in session.execute(select(*columns).where(instalment_plan_part.c.plan_id == plan_id))]


def policy(session: Session, estate_id: int) -> PlanPolicy:
    """What this estate agrees to."""
    return row_of(PlanPolicy, session.execute(_POLICY, {"estate_id": estate_id}).one())


def bills_to_plan(session: Session, bills: Sequence[int]) -> list[BillToPlan]:
    """The bills named, locked, oldest due first."""
    return rows_of(BillToPlan, session.execute(_BILLS, {"bills": list(bills)}))


def insert_plan(session: Session, agreement: Agreement, parts: Iterable[Part]) -> None:
    """Keep a new plan, which performs, with its parts; its bills' late fee can no longer be told from their rows."""
    row = vars(agreement) | {"status": "performing", "status_at": agreement.created_at}
    session.execute(insert(instalment_plan), [row])
    rows: list[dict[str, Any]] = [
        {"plan_id": agreement.id, "bill_id": part.bill_id, "due_date": part.due, "amount_fen": part.amount_fen}
        for part in parts
    ]
    session.execute(insert(instalment_plan_part), rows)
    session.execute(_SET_APART, {"bills": sorted({part["bill_id"] for part in rows})})


def cancel_plan(session: Session, plan_id: UUID, on: date, by: str, reason: str) -> None:
    """End a plan by staff; one that was ended before is left as it was."""
    query = update(instalment_plan).where(instalment_plan.c.id == plan_id, instalment_plan.c.cancelled_on.is_(None))
    session.execute(query.values(cancelled_on=on, cancelled_by=by, cancel_reason=reason))


def keep_standings(session: Session, plan_id: UUID, standings: Sequence[Standing]) -> None:
    """Replace what is kept of a plan's standing."""
    session.execute(delete(instalment_plan_standing).where(instalment_plan_standing.c.plan_id == plan_id))
    rows = [{"plan_id": plan_id} | asdict(standing) for standing in standings]
    session.execute(insert(instalment_plan_standing), rows)


def announced_status(session: Session, plan_id: UUID) -> str:
    """The status dunning was told last."""
    status: str = session.scalars(select(instalment_plan.c.status).where(instalment_plan.c.id == plan_id)).one()
    return status


def tell(session: Session, plan_id: UUID, status: str, at: datetime) -> None:
    """Note what dunning is being told."""
    query = update(instalment_plan).where(instalment_plan.c.id == plan_id)
    session.execute(query.values(status=status, status_at=at))


def plan(session: Session, plan_id: UUID, today: date) -> SignedPlan | None:
    """One plan with its standing."""
    return row_of(SignedPlan, session.execute(_PLAN, {"id": plan_id, "today": today}).one_or_none())


def plans(session: Session, cut: PlanFilter, today: date) -> list[SignedPlan]:
    """Plans by id."""
    return rows_of(SignedPlan, session.execute(_LIST, vars(cut) | {"today": today}))


def untold(session: Session, today: date, limit: int) -> list[str]:
    """Households with a plan that stands otherwise than dunning was told."""
    return list(session.scalars(_UNTOLD, {"today": today, "limit": limit}))


def claim_household(session: Session, code: str) -> int | None:
    """Lock a household; None when somebody else is at it."""
    household_id: int | None = session.scalar(_CLAIM, {"code": code})
    return household_id


def household_of(session: Session, plan_id: UUID) -> str | None:
    """The code of the household that signed a plan."""
    query = select(household.c.code).join(instalment_plan, instalment_plan.c.household_id == household.c.id)
    code: str | None = session.scalar(query.where(instalment_plan.c.id == plan_id))
    return code
