"""STORE of waivers: requests and their fate, what they mean for each bill, and the authority matrix (C2)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
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
    Numeric,
    Select,
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
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from services.billing.receivables.late_fee.sql import LATE_FEE
from services.billing.receivables.waivers.rules import Band, GrantedBefore
from services.billing.tables import estate, household, metadata
from services.common.contracts.answers.waivers import WaiverKind, WaiverStatus
from services.common.narrowing import among, below, equals
from services.common.rows import row_of, rows_of

COUNTED_DAYS = timedelta(days=365)

waiver_authority = Table(
    "waiver_authority",
    metadata,
    # 0 is the group's matrix; an estate with bands of its own for a kind uses only those
    Column("estate_id", Integer, primary_key=True, autoincrement=False),
    Column("kind", Text, primary_key=True),
    Column("position", SmallInteger, primary_key=True, autoincrement=False),
    # null: no limit
    Column("up_to_fen", BigInteger),
    # of the base of a request; null: no limit
    Column("up_to_ratio", Numeric(5, 4)),
    # empty: granted at once, by rule
    Column("roles", ARRAY(Text), nullable=False),
    # of the owners' committee (业主大会/业委会决议)
    Column("needs_resolution", Boolean, nullable=False),
    # whoever asked may not grant it
    Column("four_eyes", Boolean, nullable=False, server_default=text("false")),
    # null: as it came, or set by the release before
    Column("set_by", Text),
    CheckConstraint("kind IN ('late_fee', 'principal')", name="kind"),
    CheckConstraint("up_to_fen > 0", name="up_to_fen"),
    CheckConstraint("up_to_ratio > 0 AND up_to_ratio <= 1", name="up_to_ratio"),
)

waiver = Table(
    "waiver",
    metadata,
    # the request id: the same call again finds its waiver
    Column("id", Uuid, primary_key=True),
    Column("estate_id", Integer, ForeignKey("estate.id"), nullable=False),
    Column("household_id", BigInteger, ForeignKey("household.id"), nullable=False),
    Column("kind", Text, nullable=False),
    # as asked for: one of the two
    Column("ratio", Numeric(5, 4)),
    Column("amount_fen", BigInteger),
    Column("reason", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("requested_by", Text, nullable=False),
    Column("requested_at", DateTime(timezone=True), nullable=False),
    # late fee is waived up to the end of this day
    Column("base_on", Date, nullable=False),
    # who approved, rejected or withdrew it; "rule" when nobody had to
    Column("decided_by", Text),
    Column("decided_at", DateTime(timezone=True)),
    # business day of the decision
    Column("decided_on", Date),
    Column("decision_reason", Text),
    Column("resolution", Text),
    CheckConstraint("kind IN ('late_fee', 'principal')", name="kind"),
    CheckConstraint("status IN ('pending', 'approved', 'rejected', 'withdrawn')", name="status"),
    CheckConstraint("(ratio IS NULL) <> (amount_fen IS NULL)", name="asked"),
    CheckConstraint("(status = 'pending') = (decided_at IS NULL)", name="decided"),
    Index("waiver_household_id_idx", "household_id", "requested_at"),
    Index("waiver_estate_id_idx", "estate_id", "requested_at"),
)

waiver_bill = Table(
    "waiver_bill",
    metadata,
    Column("waiver_id", Uuid, ForeignKey("waiver.id"), primary_key=True),
    Column("bill_id", BigInteger, primary_key=True, autoincrement=False),
    # late fee due, or open principal, when it was asked for
    Column("base_fen", BigInteger, nullable=False),
    Column("asked_fen", BigInteger, nullable=False),
    # null until approved
    Column("granted_fen", BigInteger),
    CheckConstraint("asked_fen BETWEEN 0 AND base_fen", name="fen"),
    CheckConstraint("granted_fen BETWEEN 0 AND asked_fen", name="granted_fen"),
    Index("waiver_bill_bill_id_idx", "bill_id"),
)

_BILLS = text("""
SELECT b.*, h.code AS household, e.code AS estate
FROM bill b JOIN household h ON h.id = b.household_id JOIN estate e ON e.id = b.estate_id
WHERE b.id = ANY (:bills) ORDER BY b.id
""")
_FEES_DUE = text(f"""
WITH subject AS (SELECT CAST(:household_id AS bigint) AS household_id), {LATE_FEE}
SELECT bill_id, due_fen FROM late_fee WHERE bill_id = ANY (:bills) AND due_fen > 0
""")
_PENDING = text("""
SELECT w.id, w.kind, b.bill_id FROM waiver_bill b JOIN waiver w ON w.id = b.waiver_id
WHERE b.bill_id = ANY (:bills) AND w.status = 'pending' ORDER BY w.requested_at, b.bill_id LIMIT 1
""")
_GRANTED_BEFORE = text("""
SELECT COALESCE(sum(g.fen) FILTER (WHERE w.decided_on > :since), 0)::bigint AS household_fen,
       COALESCE(sum(g.fen) FILTER (WHERE g.bill_id = ANY (:bills)), 0)::bigint AS bills_fen
FROM waiver w CROSS JOIN LATERAL (
  SELECT e.bill_id, CASE WHEN e.credit_account IN ('receivable', 'late_fee_income') THEN e.amount_fen
                         ELSE -e.amount_fen END AS fen
  FROM ledger_entry e JOIN bill b ON b.id = e.bill_id AND b.voided_at IS NULL
  WHERE e.household_id = w.household_id AND e.source = w.id::text) g
WHERE w.household_id = :household_id AND w.kind = :kind AND w.status = 'approved'
""")
_GRANT = text("UPDATE waiver_bill SET granted_fen = :fen WHERE waiver_id = :waiver_id AND bill_id = :bill_id")


@dataclass(frozen=True)
class BillToWaive:
    """A bill a waiver is asked for, with the codes of its household and estate."""

    id: int
    estate_id: int
    estate: str
    household_id: int
    household: str
    building: str
    fee_item: str
    period: date
    due_date: date
    amount_fen: int
    paid_fen: int
    waived_fen: int
    voided_at: datetime | None

    @property
    def open_fen(self) -> int:
        """Principal that is open."""
        return self.amount_fen - self.paid_fen - self.waived_fen


@dataclass(frozen=True)
class NewWaiver:
    """A waiver as it is asked for."""

    id: UUID
    estate_id: int
    household_id: int
    kind: WaiverKind
    ratio: Decimal | None
    amount_fen: int | None
    reason: str
    requested_by: str
    requested_at: datetime
    base_on: date


@dataclass(frozen=True)
class Fate:
    """What became of a waiver, by whom, and why."""

    status: WaiverStatus
    decided_by: str
    decided_at: datetime
    decided_on: date
    decision_reason: str | None = None
    resolution: str | None = None


@dataclass(frozen=True)
class WaiverRow:
    """A waiver with the codes of household and estate; it asks for a ratio or an amount."""

    id: UUID
    estate_id: int
    estate: str
    household_id: int
    household: str
    kind: WaiverKind
    ratio: Decimal | None
    amount_fen: int | None
    reason: str
    status: WaiverStatus
    base_on: date
    requested_by: str
    requested_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    decision_reason: str | None
    resolution: str | None


@dataclass(frozen=True)
class WaiverLine:
    """What is asked of one bill, and, once approved, granted."""

    waiver_id: UUID
    bill_id: int
    base_fen: int
    asked_fen: int
    granted_fen: int | None = None


@dataclass(frozen=True)
class PendingWaiver:
    """A waiver that waits, and for which bill."""

    id: UUID
    bill_id: int


def bills(session: Session, ids: Sequence[int]) -> list[BillToWaive]:
    """Bills by id."""
    return rows_of(BillToWaive, session.execute(_BILLS, {"bills": list(ids)}))


def fees_due(
    session: Session, household_id: int, ids: Sequence[int], as_of: date, *, past: bool = False
) -> dict[int, int]:
    """Late fee due of some bills of a household at the end of a day; bills without any are left out.

    `past`: with the bills settled since.
    """
    key = {"household_id": household_id, "bills": list(ids), "as_of": as_of, "past": past}
    return {row.bill_id: row.due_fen for row in session.execute(_FEES_DUE, key)}


def pending(session: Session, ids: Sequence[int]) -> PendingWaiver | None:
    """The waiver that has waited longest for one of these bills."""
    return row_of(PendingWaiver, session.execute(_PENDING, {"bills": list(ids)}).first())


def pending_of_kind(session: Session, ids: Sequence[int], kind: WaiverKind) -> PendingWaiver | None:
    """The same, of one kind."""
    query = select(waiver.c.id, waiver_bill.c.bill_id).join(waiver_bill)
    query = query.where(waiver_bill.c.bill_id.in_(ids), waiver.c.status == "pending", waiver.c.kind == kind)
    return row_of(PendingWaiver, session.execute(query.limit(1)).first())


def bands(session: Session, estate_id: int, kind: WaiverKind) -> list[Band]:
    """The authority matrix of an estate for a kind: its own, or else the group's."""
    query = select(waiver_authority).where(waiver_authority.c.estate_id.in_([estate_id, 0]))
    rows = session.execute(query.where(waiver_authority.c.kind == kind).order_by(waiver_authority.c.position)).all()
    own = max((row.estate_id for row in rows), default=0)
    return [
        Band(row.up_to_fen, row.up_to_ratio, tuple(row.roles), row.needs_resolution, row.four_eyes)
        for row in rows
        if row.estate_id == own
    ]


def matrix_set_by(session: Session, estate_id: int, kind: WaiverKind) -> str | None:
    """Who set the matrix that counts for an estate; None: it is as it came."""
    query = select(waiver_authority.c.set_by).where(waiver_authority.c.estate_id.in_([estate_id, 0]))
    query = query.where(waiver_authority.c.kind == kind).order_by(waiver_authority.c.estate_id.desc())
    by: str | None = session.scalar(query.limit(1))
    return by


def keep_bands(session: Session, estate_id: int, kind: WaiverKind, bands: Sequence[Band], by: str) -> None:
    """Replace the bands of an estate, or of the group (0), for a kind; the caller holds the estate alone."""
    mine = (waiver_authority.c.estate_id == estate_id, waiver_authority.c.kind == kind)
    session.execute(delete(waiver_authority).where(*mine))
    key = {"estate_id": estate_id, "kind": kind, "set_by": by}
    rows = [{**key, "position": at, **vars(band)} for at, band in enumerate(bands, 1)]
    if rows:
        session.execute(insert(waiver_authority), rows)


def granted_before(
    session: Session, household_id: int, kind: WaiverKind, today: date, bill_ids: Sequence[int]
) -> GrantedBefore:
    """What a household was granted of a kind, in fen, on bills that stand; on a reissue what it kept (B5)."""
    key = {"household_id": household_id, "kind": kind, "since": today - COUNTED_DAYS, "bills": list(bill_ids)}
    return GrantedBefore(**session.execute(_GRANTED_BEFORE, key).one()._asdict())


def add(session: Session, new: NewWaiver, lines: Sequence[WaiverLine]) -> None:
    """Write a request with its bills."""
    session.execute(insert(waiver).values(**vars(new), status="pending"))
    session.execute(insert(waiver_bill), [vars(line) for line in lines])


def _waivers() -> Select[Any]:
    query = select(waiver, household.c.code.label("household"), estate.c.code.label("estate"))
    query = query.join(household, household.c.id == waiver.c.household_id)
    return query.join(estate, estate.c.id == waiver.c.estate_id)


def load(session: Session, waiver_id: UUID) -> WaiverRow | None:
    """A waiver. Who decides holds the household's row."""
    return row_of(WaiverRow, session.execute(_waivers().where(waiver.c.id == waiver_id)).one_or_none())


def lines_of(session: Session, ids: Sequence[UUID]) -> dict[UUID, list[WaiverLine]]:
    """The bills of some waivers, by id."""
    lines: dict[UUID, list[WaiverLine]] = {waiver_id: [] for waiver_id in ids}
    query = select(waiver_bill).where(waiver_bill.c.waiver_id.in_(ids)).order_by(waiver_bill.c.bill_id)
    for line in rows_of(WaiverLine, session.execute(query)):
        lines[line.waiver_id].append(line)
    return lines


def decide(session: Session, waiver_id: UUID, fate: Fate) -> None:
    """Close a pending waiver."""
    session.execute(update(waiver).where(waiver.c.id == waiver_id).values(vars(fate)))


def grant(session: Session, waiver_id: UUID, amounts: Mapping[int, int]) -> None:
    """Keep what each bill was granted."""
    rows = [{"waiver_id": waiver_id, "bill_id": bill_id, "fen": fen} for bill_id, fen in amounts.items()]
    session.execute(_GRANT, rows)


def page_of(
    session: Session,
    estates: frozenset[str] | None,
    household_code: str | None,
    status: WaiverStatus | None,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> list[WaiverRow]:
    """Waivers, newest first."""
    query = _waivers().where(
        among(estate.c.code, estates),
        equals(household.c.code, household_code),
        equals(waiver.c.status, status),
        below((waiver.c.requested_at, waiver.c.id), after),
    )
    query = query.order_by(waiver.c.requested_at.desc(), waiver.c.id.desc()).limit(limit)
    return rows_of(WaiverRow, session.execute(query))
