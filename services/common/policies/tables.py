"""STORE of changes of policy, the same table in every service that has policies."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import (
    JSON,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Index,
    MetaData,
    Table,
    Text,
    Uuid,
    select,
    tuple_,
    update,
)
from sqlalchemy.orm import Session

from services.common.contracts.answers.policies import ChangeStatus, PolicyName
from services.common.locks import Lock, hold, try_to_hold
from services.common.policies.rules import Change
from services.common.rows import row_of, rows_of


def policy_change_table(metadata: MetaData) -> Table:
    """Add policy_change to a service's metadata; `id` is the request's, `estate` null is the group's."""
    table = Table(
        "policy_change",
        metadata,
        Column("id", Uuid, primary_key=True),
        Column("policy", Text, nullable=False),
        Column("estate", Text),
        # null: the estate goes by the group's again
        Column("new_values", JSON(none_as_null=True)),
        Column("effective_from", Date, nullable=False),
        Column("reason", Text, nullable=False),
        Column("status", Text, nullable=False),
        Column("requested_by", Text, nullable=False),
        Column("requested_at", DateTime(timezone=True), nullable=False),
        Column("decided_by", Text),
        Column("decided_at", DateTime(timezone=True)),
        Column("note", Text),
        # when it was written into the policy's own table
        Column("applied_at", DateTime(timezone=True)),
        CheckConstraint("status IN ('pending', 'approved', 'rejected', 'withdrawn')", name="status"),
        CheckConstraint("(status = 'pending') = (decided_by IS NULL)", name="decided"),
        CheckConstraint("status <> 'approved' OR decided_by <> requested_by", name="four_eyes"),
        CheckConstraint("new_values IS NOT NULL OR estate IS NOT NULL", name="new_values"),
    )
    Index("policy_change_policy_idx", table.c.policy, table.c.estate, table.c.effective_from)
    Index("policy_change_requested_idx", table.c.requested_at, table.c.id)
    return table


policy_change = policy_change_table(MetaData())


@dataclass(frozen=True)
class ChangeFilter:
    """Which changes a list shows; None: all. `estates`: those, and the group's if `of_group`."""

    status: ChangeStatus | None = None
    estates: frozenset[str] | None = None
    of_group: bool = True


def load_change(session: Session, change_id: UUID, *, lock: bool = False) -> Change | None:
    """One change; `lock`: nobody decides on it meanwhile."""
    query = select(policy_change).where(policy_change.c.id == change_id)
    return row_of(Change, session.execute(query.with_for_update() if lock else query).first())


def set_decision(
    session: Session, change_id: UUID, status: ChangeStatus, by: str, at: datetime, note: str | None
) -> None:
    """Write how a change was decided."""
    query = update(policy_change).where(policy_change.c.id == change_id)
    session.execute(query.values(status=status, decided_by=by, decided_at=at, note=note))


def mark_applied(session: Session, change_id: UUID, at: datetime) -> None:
    """It is written into the policy's own table."""
    session.execute(update(policy_change).where(policy_change.c.id == change_id).values(applied_at=at))


def waiting(session: Session, until: date) -> list[Change]:
    """Granted changes that are not written yet and hold by a day, in the order in which they do."""
    query = select(policy_change).where(
        policy_change.c.status == "approved",
        policy_change.c.applied_at.is_(None),
        policy_change.c.effective_from <= until,
    )
    return rows_of(Change, session.execute(query.order_by(policy_change.c.effective_from, policy_change.c.decided_at)))


def last_applied(session: Session, policy: PolicyName, estate: str | None, today: date) -> Change | None:
    """The change that brought what holds."""
    query = select(policy_change).where(
        policy_change.c.policy == policy,
        policy_change.c.estate.is_not_distinct_from(estate),
        policy_change.c.applied_at.is_not(None),
        policy_change.c.effective_from <= today,
    )
    newest = (policy_change.c.effective_from.desc(), policy_change.c.applied_at.desc())
    return row_of(Change, session.execute(query.order_by(*newest).limit(1)).first())


def changes(
    session: Session, cut: ChangeFilter, limit: int, after: tuple[datetime, UUID] | None = None
) -> list[Change]:
    """Changes, the newest request first."""
    query = select(policy_change)
    if cut.status is not None:
        query = query.where(policy_change.c.status == cut.status)
    if cut.estates is not None:
        is_own = policy_change.c.estate.in_(cut.estates)
        query = query.where(is_own | policy_change.c.estate.is_(None) if cut.of_group else is_own)
    if after is not None:
        query = query.where(tuple_(policy_change.c.requested_at, policy_change.c.id) < after)
    newest = (policy_change.c.requested_at.desc(), policy_change.c.id.desc())
    return rows_of(Change, session.execute(query.order_by(*newest).limit(limit)))


def history(session: Session, policy: PolicyName, estate: str | None) -> list[Change]:
    """All changes of a policy for the group or an estate, the newest first."""
    query = select(policy_change).where(
        policy_change.c.policy == policy, policy_change.c.estate.is_not_distinct_from(estate)
    )
    return rows_of(Change, session.execute(query.order_by(policy_change.c.requested_at.desc(), policy_change.c.id)))


def lock_policies(session: Session) -> None:
    """Changes are written one after the other."""
    hold(session, Lock.POLICIES)


def try_to_lock_policies(session: Session) -> bool:
    """The same, unless another replica is at it."""
    return try_to_hold(session, Lock.POLICIES)
