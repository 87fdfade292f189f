"""STORE of complaints: named queries. Lists are cut by (created_at, id), newest first."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import RowMapping, Select, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from services.common.contracts.answers.complaints import ComplaintAction, ComplaintStatus
from services.common.domain.access import Scope
from services.common.narrowing import among, below, equals
from services.common.once import insert_once
from services.feedback.complaints.rules import Complaint
from services.feedback.tables import complaint, complaint_category, complaint_event

COLUMNS = [complaint.c[field.name] for field in fields(Complaint)]


@dataclass(frozen=True)
class Step:
    """One line of a complaint's history: `by` did it, `recorded_by` was signed in."""

    request_id: UUID
    action: Literal["register"] | ComplaintAction
    from_status: ComplaintStatus | None
    to_status: ComplaintStatus
    by: str
    recorded_by: str
    at: datetime
    text: str | None = None


@dataclass(frozen=True)
class Filter:
    """What was asked for; None: whatever there is."""

    estate: str | None = None
    household: str | None = None
    status: str | None = None


def add(session: Session, new: Complaint) -> bool:
    """Insert a new complaint; False when the id is taken already (the same request came before)."""
    return insert_once(session, complaint, asdict(new))


def find(session: Session, complaint_id: UUID) -> Complaint | None:
    """The complaint as it is."""
    return _complaint_of(session.execute(select(*COLUMNS).where(complaint.c.id == complaint_id)).mappings().first())


def lock(session: Session, complaint_id: UUID) -> Complaint | None:
    """The complaint, locked until the transaction ends: one step at a time."""
    query = select(*COLUMNS).where(complaint.c.id == complaint_id).with_for_update()
    return _complaint_of(session.execute(query).mappings().first())


def _complaint_of(row: RowMapping | None) -> Complaint | None:
    return None if row is None else Complaint(**row)


def save(session: Session, complaint_after: Complaint) -> None:
    """Write the complaint back."""
    session.execute(update(complaint).where(complaint.c.id == complaint_after.id).values(**asdict(complaint_after)))


def add_step(session: Session, complaint_id: UUID, step: Step) -> None:
    """Append to the history."""
    session.execute(insert(complaint_event).values(complaint_id=complaint_id, **asdict(step)))


def step_of(session: Session, complaint_id: UUID, request_id: UUID) -> Step | None:
    """What this request did before, if it did."""
    query = _steps(complaint_id).where(complaint_event.c.request_id == request_id)
    row = session.execute(query).first()
    return None if row is None else Step(**row._asdict())


def history(session: Session, complaint_id: UUID) -> list[Step]:
    """Every step, oldest first."""
    query = _steps(complaint_id).order_by(complaint_event.c.id)
    return [Step(**row._asdict()) for row in session.execute(query)]


def _steps(complaint_id: UUID) -> Select[Any]:
    columns = (complaint_event.c[field.name] for field in fields(Step))
    return select(*columns).where(complaint_event.c.complaint_id == complaint_id)


def holds_dunning(session: Session, category: str) -> bool:
    """The category's policy (D3); one without a row is about our service until somebody says otherwise."""
    query = select(complaint_category.c.holds_dunning).where(complaint_category.c.code == category)
    row = session.execute(query).first()
    return True if row is None else bool(row.holds_dunning)


def listed(
    session: Session, scope: Scope, cut: Filter, limit: int, after: tuple[datetime, UUID] | None
) -> list[Complaint]:
    """Up to `limit` complaints within `scope` after the key `(created_at, id)`, newest first."""
    query = select(*COLUMNS).where(
        among(complaint.c.estate, scope.estates),
        equals(complaint.c.household, scope.household),
        equals(complaint.c.status, cut.status),
        below((complaint.c.created_at, complaint.c.id), after),
    )
    query = query.order_by(complaint.c.created_at.desc(), complaint.c.id.desc()).limit(limit)
    return [Complaint(**row._asdict()) for row in session.execute(query)]


def claim_provisional(session: Session, years: Sequence[int], limit: int) -> list[Complaint]:
    """Complaints that waited for a year that is announced now, locked; those another replica holds are skipped."""
    query = select(*COLUMNS).where(complaint.c.provisional_year.in_(years)).order_by(complaint.c.id).limit(limit)
    for_update = query.with_for_update(skip_locked=True)
    return [Complaint(**row._asdict()) for row in session.execute(for_update)]


def wait_for_year(session: Session, year: int, begins: datetime, ends: datetime) -> None:
    """Open complaints whose clocks touch `year` are computed anew, also when the year was announced before."""
    session.execute(
        update(complaint)
        .where(
            complaint.c.closed_at.is_(None),
            complaint.c.received_at < ends,
            complaint.c.resolve_commitment_by >= begins,
            complaint.c.provisional_year.is_(None),
        )
        .values(provisional_year=year)
    )
