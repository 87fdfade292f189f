"""STORE of transfers: what was recorded, the days that follow from it, and what takes effect when a day comes (A1)."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Literal
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Table,
    Text,
    Uuid,
    delete,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from services.billing.portfolio.transfers.rules import Billed, Days, Transfer
from services.billing.tables import household, metadata, unit_payer
from services.common.contracts.answers.portfolio import PayerRole, UnitStatus
from services.common.domain.calendar import add_months
from services.common.rows import row_of, rows_of

# before: who paid until the first transfer
Source = Literal["before", "request", "import"]

# Append-only but for being undone. The payer from before the first transfer is a row too (source `before`), so that
# `unit_payer` can always be worked out again.
unit_transfer = Table(
    "unit_transfer",
    metadata,
    # the request id
    Column("id", Uuid, primary_key=True),
    Column("number", BigInteger, Identity(), nullable=False),
    Column("unit_id", BigInteger, ForeignKey("unit.id"), nullable=False),
    Column("household_id", BigInteger, ForeignKey("household.id"), nullable=False),
    Column("role", Text, nullable=False),
    Column("from_date", Date, nullable=False),
    # a tenant's last day, inclusive
    Column("to_date", Date),
    # of the unit from that day on; null: as it was
    Column("status", Text),
    # of transfers from before statuses had days (ADR 20)
    Column("status_before", Text),
    Column("source", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("recorded_by", Text, nullable=False),
    Column("recorded_at", DateTime(timezone=True), nullable=False),
    Column("asked_sha256", Text),
    Column("answer", JSONB),
    # when a units file last named this payer as the unit's (A3)
    Column("filed_at", DateTime(timezone=True)),
    Column("took_effect_at", DateTime(timezone=True)),
    Column("undone_at", DateTime(timezone=True)),
    Column("undone_by", Text),
    Column("undone_reason", Text),
    CheckConstraint("role IN ('owner', 'tenant', 'developer')", name="role"),
    CheckConstraint("source IN ('before', 'request', 'import')", name="source"),
    CheckConstraint("status IN ('occupied', 'vacant', 'unsold')", name="status"),
    CheckConstraint("to_date IS NULL OR to_date >= from_date", name="dates"),
    Index(
        "unit_transfer_standing_key", "unit_id", "from_date", unique=True, postgresql_where=text("undone_at IS NULL")
    ),
    Index("unit_transfer_unit_id_idx", "unit_id", "number"),
)


@dataclass(frozen=True)
class NewTransfer:
    """A transfer to be recorded."""

    id: UUID
    unit_id: int
    household_id: int
    role: PayerRole
    from_date: date
    source: Source
    reason: str
    to_date: date | None = None
    status: UnitStatus | None = None
    asked_sha256: str | None = None
    filed_at: datetime | None = None


@dataclass(frozen=True)
class TransferRecord:
    """A transfer on record, with the code of the household; `answer` is what was answered, as JSON."""

    id: UUID
    unit_id: int
    household_id: int
    household: str
    role: PayerRole
    from_date: date
    to_date: date | None
    status: UnitStatus | None
    source: Source
    reason: str
    recorded_by: str
    recorded_at: datetime
    asked_sha256: str | None
    answer: object
    took_effect_at: datetime | None
    undone_at: datetime | None
    undone_by: str | None
    undone_reason: str | None


@dataclass(frozen=True)
class PayerSpell:
    """A household pays for a unit on these days, both inclusive."""

    household: str
    role: PayerRole
    from_date: date
    to_date: date | None


@dataclass(frozen=True)
class RunBill:
    """A standing bill of a run; `metered_from`: the first day of the consumption it caught up."""

    id: int
    household: str
    fee_item: str
    period: date
    months: int
    amount_fen: int
    paid_fen: int
    metered_from: date | None


@dataclass(frozen=True)
class EverTransferred:
    """A unit that ever changed hands: its payer of today, the one files named last (`filed`), and by their days the
    transfers people recorded (`days`) and all of them (`since`)."""

    estate: str
    unit: str
    unit_id: int
    household: str
    filed: str
    days: list[date]
    day_households: list[str]
    since: list[date]
    since_households: list[str]


_RECORDS = select(unit_transfer, household.c.code.label("household")).join(household)


def load(session: Session, transfer_id: UUID) -> TransferRecord | None:
    """One transfer."""
    return row_of(TransferRecord, session.execute(_RECORDS.where(unit_transfer.c.id == transfer_id)).one_or_none())


def standing(session: Session, unit_ids: Collection[int]) -> Mapping[int, list[TransferRecord]]:
    """Unit → its transfers that were not undone, in the order they were recorded; nothing for those that have none."""
    records: dict[int, list[TransferRecord]] = defaultdict(list)
    query = _RECORDS.where(unit_transfer.c.unit_id.in_(unit_ids), unit_transfer.c.undone_at.is_(None))
    for record in rows_of(TransferRecord, session.execute(query.order_by(unit_transfer.c.number))):
        records[record.unit_id].append(record)
    return records


def recorded(session: Session, unit_id: int) -> list[TransferRecord]:
    """All transfers of a unit, newest first; not the payer from before."""
    query = _RECORDS.where(unit_transfer.c.unit_id == unit_id, unit_transfer.c.source != "before")
    return rows_of(TransferRecord, session.execute(query.order_by(unit_transfer.c.number.desc())))


def add(session: Session, transfers: Sequence[NewTransfer], by: str, now: datetime) -> None:
    """Record transfers."""
    if transfers:
        stamp = {"recorded_by": by, "recorded_at": now}
        session.execute(insert(unit_transfer), [asdict(each) | stamp for each in transfers])


def answer(session: Session, transfer_id: UUID, reply: object) -> None:
    """Keep what was answered, as JSON, so that the same request is answered the same."""
    session.execute(update(unit_transfer).where(unit_transfer.c.id == transfer_id).values(answer=reply))


def undo(session: Session, ids: Collection[UUID], by: str, reason: str, now: datetime) -> None:
    """These transfers never were."""
    undoing = {"undone_at": now, "undone_by": by, "undone_reason": reason}
    session.execute(update(unit_transfer).where(unit_transfer.c.id.in_(ids)).values(**undoing))


def as_rules(records: Sequence[TransferRecord]) -> list[Transfer]:
    """Transfers as the rules want them."""
    return [Transfer(record.household_id, record.role, record.from_date, record.to_date) for record in records]


def write_days(session: Session, days: Mapping[int, Sequence[Days]], today: date) -> None:
    """Replace who pays for these units on which days."""
    session.execute(delete(unit_payer).where(unit_payer.c.unit_id.in_(days)))
    rows = [
        {
            "unit_id": unit_id,
            "household_id": spell.household_id,
            "role": spell.role,
            "from_date": spell.first,
            "to_date": spell.last,
            "pending": spell.first > today,
        }
        for unit_id, spells in days.items()
        for spell in spells
    ]
    session.execute(insert(unit_payer), rows)


_DUE_UNITS = text("""
SELECT DISTINCT u.id FROM unit_payer p JOIN unit u ON u.id = p.unit_id
WHERE p.pending AND p.from_date <= :today AND u.estate_id = :estate_id ORDER BY u.id
""")
_BILLS = text("""
SELECT b.id, h.code AS household, b.fee_item, b.period, b.months, b.amount_fen, b.paid_fen,
       (SELECT min((m.value->>'from_on')::date) + 1 FROM jsonb_array_elements(b.inputs->'meters') m) AS metered_from
FROM bill b JOIN household h ON h.id = b.household_id
WHERE b.unit_id = :unit_id AND b.voided_at IS NULL AND b.charge_id IS NULL AND b.tariff_id IS NOT NULL
ORDER BY b.period, b.fee_item, b.id
""")
_BILLED = text("SELECT DISTINCT unit_id FROM bill WHERE unit_id = ANY (:ids) AND voided_at IS NULL")


# A file is compared with what the last file said: the payer a file named last, at first the one from before.
_EVER = text("""
SELECT e.code AS estate, u.code AS unit, u.id AS unit_id, h.code AS household,
       (array_agg(o.code ORDER BY t.filed_at DESC, t.number DESC) FILTER (WHERE t.filed_at IS NOT NULL))[1] AS filed,
       array_remove(array_agg(CASE WHEN t.source = 'request' THEN t.from_date END), NULL) AS days,
       array_remove(array_agg(CASE WHEN t.source = 'request' THEN o.code END), NULL) AS day_households,
       array_remove(array_agg(CASE WHEN t.source <> 'before' THEN t.from_date END), NULL) AS since,
       array_remove(array_agg(CASE WHEN t.source <> 'before' THEN o.code END), NULL) AS since_households
FROM unit_transfer t JOIN unit u ON u.id = t.unit_id JOIN estate e ON e.id = u.estate_id
JOIN household o ON o.id = t.household_id JOIN household h ON h.id = u.household_id
WHERE t.undone_at IS NULL AND u.estate_id = ANY (:estate_ids)
GROUP BY e.code, u.code, u.id, h.code
""")
_FILE_CURRENT = text("""
UPDATE unit_transfer t SET filed_at = :now
FROM (SELECT DISTINCT ON (x.unit_id) x.id FROM unit_transfer x JOIN unit u ON u.id = x.unit_id
      WHERE x.unit_id = ANY (:ids) AND x.undone_at IS NULL AND x.from_date <= :today
        AND x.household_id = u.household_id
      ORDER BY x.unit_id, x.from_date DESC) current
WHERE t.id = current.id
""")


def ever_transferred(session: Session, estate_ids: Collection[int]) -> list[EverTransferred]:
    """The units of some estates that ever changed hands."""
    return rows_of(EverTransferred, session.execute(_EVER, {"estate_ids": list(estate_ids)}))


def file_current(session: Session, unit_ids: Collection[int], today: date, now: datetime) -> None:
    """A file names the payers these units have today."""
    session.execute(_FILE_CURRENT, {"ids": list(unit_ids), "today": today, "now": now})


def due_units(session: Session, estate_id: int, today: date) -> list[int]:
    """Units of an estate on which somebody else pays by now."""
    return list(session.scalars(_DUE_UNITS, {"estate_id": estate_id, "today": today}))


def bills(session: Session, unit_id: int) -> list[RunBill]:
    """The standing bills of a unit that a run has issued, by period; opening balances and one-off charges are apart."""
    return rows_of(RunBill, session.execute(_BILLS, {"unit_id": unit_id}))


def billed(session: Session, unit_ids: Collection[int]) -> set[int]:
    """Those of the units that have a standing bill."""
    return set(session.scalars(_BILLED, {"ids": list(unit_ids)}))


def payers(session: Session, unit_id: int) -> list[PayerSpell]:
    """Who pays for a unit on which days, by day."""
    query = select(unit_payer, household.c.code.label("household")).join(household)
    spells = query.where(unit_payer.c.unit_id == unit_id).order_by(unit_payer.c.from_date)
    return rows_of(PayerSpell, session.execute(spells))


def as_billed(bill: RunBill) -> Billed:
    """A bill as the rules want it: the months it was issued for, and what consumption it caught up."""
    last = add_months(bill.period, bill.months) - timedelta(days=1)
    return Billed(bill.id, min(bill.period, bill.metered_from or bill.period), last)
