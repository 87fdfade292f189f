"""STORE of legal: what is proven delivered, what the committee urged, files by history, consents, warnings given (D4).

Nothing here is ever changed but a delivery fact by a later one, a file's closing day and a consent's withdrawal.
"""

from collections.abc import Mapping
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
    SmallInteger,
    Table,
    Text,
    Uuid,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from services.billing.collections.legal.rules import LegalPolicy
from services.billing.tables import metadata
from services.common.contracts.answers.legal import FileStatus, LegalKind
from services.common.rows import row_of, rows_of

INSTANT = DateTime(timezone=True)
KINDS = "kind IN ('lawyers_letter', 'mediation', 'suit', 'arbitration')"

legal_policy = Table(
    "legal_policy",
    metadata,
    # 0 is the group's
    Column("estate_id", Integer, primary_key=True, autoincrement=False),
    Column("suit_days", SmallInteger, nullable=False),
    Column("demand_days", SmallInteger, nullable=False),
    # putting debtors on show: off, and not without consent either
    Column("publication", Boolean, nullable=False, server_default="false"),
    CheckConstraint("suit_days >= 0 AND demand_days >= 0", name="days"),
)

# One row per message or lawyer's letter; of several facts the last recorded counts, whatever the order of arrival.
delivery_fact = Table(
    "delivery_fact",
    metadata,
    Column("message_id", Uuid, primary_key=True),
    Column("household_id", BigInteger, nullable=False),
    Column("bill_id", BigInteger),
    Column("step", Text, nullable=False),
    Column("cause", Text, nullable=False),
    Column("template", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    # the business day the message speaks of
    Column("stated_on", Date, nullable=False),
    Column("delivered_on", Date, nullable=False),
    Column("deadline", Date),
    Column("proof", Text, nullable=False),
    Column("recorded_at", INSTANT, nullable=False),
    CheckConstraint("outcome IN ('delivered', 'failed')", name="outcome"),
    Index("delivery_fact_household_id_idx", "household_id"),
)

committee_urging = Table(
    "committee_urging",
    metadata,
    # the request id
    Column("id", Uuid, primary_key=True),
    Column("household_id", BigInteger, nullable=False),
    Column("urged_on", Date, nullable=False),
    # resolution or letter of the owners' committee
    Column("reference", Text, nullable=False),
    Column("note", Text),
    Column("logged_by", Text, nullable=False),
    Column("logged_at", INSTANT, nullable=False),
    Index("committee_urging_household_id_idx", "household_id"),
)

legal_file = Table(
    "legal_file",
    metadata,
    # the request id
    Column("id", Uuid, primary_key=True),
    Column("household_id", BigInteger, nullable=False),
    Column("estate_id", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("note", Text),
    Column("opened_on", Date, nullable=False),
    # the conditions of the gate as they stood
    Column("gate", JSONB, nullable=False),
    # when its status became final
    Column("closed_on", Date),
    CheckConstraint(KINDS, name="kind"),
    Index("legal_file_household_id_idx", "household_id", "opened_on"),
    Index("legal_file_open_key", "household_id", "kind", unique=True, postgresql_where=text("closed_on IS NULL")),
)

legal_file_event = Table(
    "legal_file_event",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    # the request id, so that a repeat adds nothing
    Column("request_id", Uuid, nullable=False, unique=True),
    Column("file_id", Uuid, ForeignKey("legal_file.id"), nullable=False),
    Column("status", Text, nullable=False),
    Column("happened_on", Date, nullable=False),
    Column("note", Text),
    Column("recorded_by", Text, nullable=False),
    Column("recorded_at", INSTANT, nullable=False),
    CheckConstraint("status IN ('opened', 'filed', 'settled', 'withdrawn', 'judgment')", name="status"),
    Index("legal_file_event_file_id_idx", "file_id", "id"),
)

publication_consent = Table(
    "publication_consent",
    metadata,
    # the request id
    Column("id", Uuid, primary_key=True),
    Column("household_id", BigInteger, nullable=False),
    Column("given_on", Date, nullable=False),
    Column("reference", Text, nullable=False),
    Column("recorded_by", Text, nullable=False),
    Column("withdrawn_on", Date),
    Index("publication_consent_household_id_idx", "household_id"),
)

limitation_warning = Table(
    "limitation_warning",
    metadata,
    Column("bill_id", BigInteger, primary_key=True, autoincrement=False),
    Column("threshold", SmallInteger, primary_key=True, autoincrement=False),
    Column("expires_on", Date, primary_key=True),
    Column("warned_on", Date, nullable=False),
)

# Up to which day the claims of an estate were looked at.
limitation_check = Table(
    "limitation_check",
    metadata,
    Column("estate_id", Integer, ForeignKey("estate.id"), primary_key=True, autoincrement=False),
    Column("checked_on", Date, nullable=False),
)

_KEEP_FACT = text("""
INSERT INTO delivery_fact AS o (message_id, household_id, bill_id, step, cause, template, channel, outcome, stated_on,
                                delivered_on, deadline, proof, recorded_at)
SELECT :message_id, h.id, :bill_id, :step, :cause, :template, :channel, :outcome, :stated_on, :delivered_on, :deadline,
       :proof, :recorded_at
FROM household h WHERE h.code = :household
ON CONFLICT (message_id) DO UPDATE SET outcome = excluded.outcome, channel = excluded.channel,
  delivered_on = excluded.delivered_on, proof = excluded.proof, recorded_at = excluded.recorded_at
WHERE (o.recorded_at, o.outcome = 'delivered') < (excluded.recorded_at, excluded.outcome = 'delivered')
""")
_HOUSEHOLD = text("SELECT id FROM household WHERE code = :code")
_POLICY = text("SELECT suit_days, demand_days, publication FROM legal_policy WHERE estate_id IN (:id, 0) "
               "ORDER BY estate_id DESC LIMIT 1")  # fmt: skip
_WITHDRAWN = text("""
UPDATE publication_consent c SET withdrawn_on = COALESCE(c.withdrawn_on, :today)
FROM household h JOIN estate e ON e.id = h.estate_id
WHERE c.id = :id AND h.id = c.household_id RETURNING c.*, h.code AS household, e.code AS estate
""")
_FILES = text("""
SELECT f.id, f.household_id, h.code AS household, e.code AS estate, f.kind, f.note, f.opened_on, f.closed_on, f.gate,
  last.status, last.happened_on AS status_on
FROM legal_file f
JOIN household h ON h.id = f.household_id
JOIN estate e ON e.id = f.estate_id
JOIN LATERAL (SELECT v.status, v.happened_on FROM legal_file_event v WHERE v.file_id = f.id ORDER BY v.id DESC LIMIT 1)
  last ON true
WHERE (CAST(:id AS uuid) IS NULL OR f.id = :id)
  AND (CAST(:estates AS text[]) IS NULL OR e.code = ANY (:estates))
  AND (CAST(:household AS text) IS NULL OR h.code = :household)
  AND (CAST(:kind AS text) IS NULL OR f.kind = :kind)
  AND (CAST(:status AS text) IS NULL OR last.status = :status)
  AND (CAST(:after_on AS date) IS NULL OR (f.opened_on, f.id) < (:after_on, CAST(:after_id AS uuid)))
ORDER BY f.opened_on DESC, f.id DESC LIMIT :limit
""")


@dataclass(frozen=True)
class UrgingRecord:
    """The owners' committee urged a household."""

    id: UUID
    household_id: int
    urged_on: date
    reference: str
    note: str | None
    logged_by: str
    logged_at: datetime


@dataclass(frozen=True)
class ConsentRecord:
    """A household's consent to be named."""

    id: UUID
    household_id: int
    given_on: date
    reference: str
    recorded_by: str
    withdrawn_on: date | None


@dataclass(frozen=True)
class HouseholdConsent(ConsentRecord):
    """The same with the codes of household and estate."""

    household: str
    estate: str


@dataclass(frozen=True)
class FileRecord:
    """A file with its last status; `gate`: the conditions as they stood when it was opened, as JSON."""

    id: UUID
    household_id: int
    household: str
    estate: str
    kind: LegalKind
    note: str | None
    opened_on: date
    closed_on: date | None
    gate: object
    status: FileStatus
    status_on: date


@dataclass(frozen=True)
class FileEvent:
    """A status a file got on a day."""

    file_id: UUID
    status: FileStatus
    happened_on: date
    note: str | None
    recorded_by: str
    recorded_at: datetime


@dataclass(frozen=True)
class Delivery:
    """A message or letter was received."""

    delivered_on: date
    proof: str


def keep_fact(session: Session, fact: Mapping[str, object]) -> bool:
    """Keep what is known of a delivery; False when billing does not know the household (yet)."""
    if session.execute(_HOUSEHOLD, {"code": fact["household"]}).first() is None:
        return False
    session.execute(_KEEP_FACT, fact)
    return True


def policy_of(session: Session, estate_id: int) -> LegalPolicy:
    """The estate's own policy, else the group's."""
    return row_of(LegalPolicy, session.execute(_POLICY, {"id": estate_id}).one())


def urged_on(session: Session, household_id: int) -> list[date]:
    """The days on which the owners' committee urged a household."""
    query = select(committee_urging.c.urged_on).where(committee_urging.c.household_id == household_id)
    return list(session.scalars(query.order_by(committee_urging.c.urged_on)))


def deliveries(session: Session, household_id: int, cause: str) -> list[Delivery]:
    """What a household received because of something, by day."""
    facts = delivery_fact.c
    query = select(delivery_fact).where(facts.household_id == household_id, facts.cause == cause)
    return rows_of(Delivery, session.execute(query.order_by(facts.delivered_on, facts.message_id)))


def files(session: Session, wanted: Mapping[str, object]) -> list[FileRecord]:
    """Files with their last status, newest first; what `wanted` does not name is not looked at."""
    names = ("id", "estates", "household", "kind", "status", "after_on", "after_id")
    return rows_of(FileRecord, session.execute(_FILES, {**dict.fromkeys(names), "limit": 1, **wanted}))


def file_events(session: Session, file_id: UUID) -> list[FileEvent]:
    """A file's history, oldest first."""
    query = select(legal_file_event).where(legal_file_event.c.file_id == file_id).order_by(legal_file_event.c.id)
    return rows_of(FileEvent, session.execute(query))


def file_event(session: Session, request_id: UUID) -> FileEvent | None:
    """The change a request made."""
    query = select(legal_file_event).where(legal_file_event.c.request_id == request_id)
    return row_of(FileEvent, session.execute(query).one_or_none())


def add_file_event(session: Session, row: Mapping[str, object]) -> None:
    """Add to a file's history."""
    session.execute(insert(legal_file_event).values(row))


def lock_file(session: Session, file_id: UUID) -> None:
    """Hold a file until the transaction ends: one change at a time."""
    session.execute(select(legal_file.c.id).where(legal_file.c.id == file_id).with_for_update())


def close_file(session: Session, file_id: UUID, on: date) -> None:
    """The file's status is final from that day."""
    session.execute(update(legal_file).where(legal_file.c.id == file_id).values(closed_on=on))


def open_file(session: Session, household_id: int, kind: LegalKind) -> UUID | None:
    """The file of that kind that is not closed."""
    query = select(legal_file.c.id).where(legal_file.c.household_id == household_id, legal_file.c.kind == kind)
    return session.scalar(query.where(legal_file.c.closed_on.is_(None)))


def withdraw_consent(session: Session, consent_id: UUID, today: date) -> HouseholdConsent | None:
    """The consent, withdrawn today at the latest; None: there is none."""
    return row_of(HouseholdConsent, session.execute(_WITHDRAWN, {"id": consent_id, "today": today}).one_or_none())


def consent_since(session: Session, household_id: int) -> date | None:
    """The day of the consent that stands."""
    query = select(publication_consent.c.given_on).where(publication_consent.c.household_id == household_id)
    return session.scalar(query.where(publication_consent.c.withdrawn_on.is_(None)).order_by("given_on").limit(1))
