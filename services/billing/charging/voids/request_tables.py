"""STORE of voids that a second person decides on, and of how far a void acts at once (B5, ADR 18)."""

from dataclasses import dataclass
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
    Select,
    Table,
    Text,
    Uuid,
    delete,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from services.billing.tables import estate, household, metadata
from services.common.contracts.answers.voids import VoidStatus
from services.common.narrowing import among, below, equals
from services.common.rows import row_of, rows_of

void_authority = Table(
    "void_authority",
    metadata,
    # 0 is the group's
    Column("estate_id", Integer, primary_key=True, autoincrement=False),
    # what a void may move without a second person
    Column("automatic_up_to_fen", BigInteger, nullable=False),
    # null: as it came
    Column("set_by", Text),
    CheckConstraint("automatic_up_to_fen >= 0", name="automatic_up_to_fen"),
)

void_request = Table(
    "void_request",
    metadata,
    # the request id, and that of the credit note it becomes
    Column("id", Uuid, primary_key=True),
    Column("estate_id", Integer, ForeignKey("estate.id"), nullable=False),
    Column("household_id", BigInteger, nullable=False),
    Column("bill_id", BigInteger, nullable=False),
    Column("fee_item", Text, nullable=False),
    Column("period", Date, nullable=False),
    Column("amount_fen", BigInteger, nullable=False),
    # what was on the bill when it was asked for
    Column("released_fen", BigInteger, nullable=False),
    Column("released_late_fee_fen", BigInteger, nullable=False),
    Column("waived_fen", BigInteger, nullable=False),
    Column("waived_late_fee_fen", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("reissue", Boolean, nullable=False),
    Column("status", Text, nullable=False),
    Column("requested_by", Text, nullable=False),
    Column("requested_at", DateTime(timezone=True), nullable=False),
    Column("decided_by", Text),
    Column("decided_at", DateTime(timezone=True)),
    Column("decision_reason", Text),
    CheckConstraint("status IN ('requested', 'void', 'rejected', 'withdrawn')", name="status"),
    CheckConstraint("(status = 'requested') = (decided_at IS NULL)", name="decided"),
    Index("void_request_pending_key", "bill_id", unique=True, postgresql_where=text("status = 'requested'")),
    Index("void_request_estate_id_idx", "estate_id", "requested_at"),
)


@dataclass(frozen=True)
class AuthorityRow:
    """Up to how much a void acts at once on an estate (0: the group), and who said so; None: it is as it came."""

    estate_id: int
    automatic_up_to_fen: int
    set_by: str | None

    def automatic_fen(self, sub: str) -> int:
        """For somebody's void: nothing for who set the figure (FC1)."""
        return 0 if self.set_by == sub else self.automatic_up_to_fen


@dataclass(frozen=True)
class NewRequest:
    """A void as it is asked for, with what is on the bill."""

    id: UUID
    estate_id: int
    household_id: int
    bill_id: int
    fee_item: str
    period: date
    amount_fen: int
    released_fen: int
    released_late_fee_fen: int
    waived_fen: int
    waived_late_fee_fen: int
    reason: str
    reissue: bool
    requested_by: str
    requested_at: datetime


@dataclass(frozen=True)
class RequestRow:
    """A void that was asked for, with the codes of household and estate."""

    id: UUID
    estate: str
    household: str
    bill_id: int
    fee_item: str
    period: date
    amount_fen: int
    released_fen: int
    released_late_fee_fen: int
    waived_fen: int
    waived_late_fee_fen: int
    reason: str
    reissue: bool
    status: VoidStatus
    requested_by: str
    requested_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    decision_reason: str | None


@dataclass(frozen=True)
class Verdict:
    """What became of a request, by whom, and why."""

    status: VoidStatus
    decided_by: str
    decided_at: datetime
    decision_reason: str | None = None


def authority(session: Session, estate_id: int) -> AuthorityRow:
    """How far a void acts at once on an estate: its own figure, or else the group's."""
    query = select(void_authority).where(void_authority.c.estate_id.in_([estate_id, 0]))
    return AuthorityRow(**session.execute(query.order_by(void_authority.c.estate_id.desc()).limit(1)).one()._asdict())


def keep_automatic(session: Session, estate_id: int, fen: int | None, by: str) -> None:
    """Say it for an estate, or the group (0); None: the estate goes by the group's again."""
    if fen is None:
        session.execute(delete(void_authority).where(void_authority.c.estate_id == estate_id))
        return
    figure = {"automatic_up_to_fen": fen, "set_by": by}
    statement = upsert(void_authority).values(estate_id=estate_id, **figure)
    session.execute(statement.on_conflict_do_update(index_elements=["estate_id"], set_=figure))


def add(session: Session, new: NewRequest) -> None:
    """Write a request."""
    session.execute(insert(void_request).values(**vars(new), status="requested"))


def _requests() -> Select[Any]:
    query = select(void_request, household.c.code.label("household"), estate.c.code.label("estate"))
    query = query.join(household, household.c.id == void_request.c.household_id)
    return query.join(estate, estate.c.id == void_request.c.estate_id)


def request(session: Session, request_id: UUID) -> RequestRow | None:
    """A request. Who decides holds the estate alone."""
    return row_of(RequestRow, session.execute(_requests().where(void_request.c.id == request_id)).one_or_none())


def pending_of(session: Session, bill_id: int) -> RequestRow | None:
    """The request that waits for a bill."""
    mine = (void_request.c.bill_id == bill_id, void_request.c.status == "requested")
    return row_of(RequestRow, session.execute(_requests().where(*mine)).one_or_none())


def decide(session: Session, request_id: UUID, verdict: Verdict) -> None:
    """Close a pending request."""
    session.execute(update(void_request).where(void_request.c.id == request_id).values(vars(verdict)))


def requests_before(
    session: Session,
    estates: frozenset[str] | None,
    household_code: str | None,
    status: VoidStatus | None,
    before: tuple[datetime, UUID] | None,
    limit: int,
) -> list[RequestRow]:
    """Requests, newest first."""
    query = _requests().where(
        among(estate.c.code, estates),
        equals(household.c.code, household_code),
        equals(void_request.c.status, status),
        below((void_request.c.requested_at, void_request.c.id), before),
    )
    query = query.order_by(void_request.c.requested_at.desc(), void_request.c.id.desc())
    return rows_of(RequestRow, session.execute(query.limit(limit)))
