"""STORE of payments: payments, the household directory, receipt counters, suspense; and their named queries."""

from collections.abc import Collection
from dataclasses import asdict, fields
from datetime import date, datetime
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Identity,
    Index,
    Integer,
    RowMapping,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, insert
from sqlalchemy.orm import Session

from services.common.contracts.answers.payments import Channel, ReceiptLine
from services.common.database import new_metadata
from services.common.directory import define_directory
from services.common.narrowing import among
from services.common.policies.tables import policy_change_table
from services.payments.rules import NewPayment, Payment

metadata = new_metadata()
policy_change_table(metadata)

REGISTER = define_directory(metadata, stamp="as_of")
estate, household = REGISTER.estate, REGISTER.household

# Up to which day the books of an estate are closed: no payment is dated back into them (B8).
closed_books = Table(
    "closed_books",
    metadata,
    Column("estate", Text, primary_key=True),
    Column("last_day", Date, nullable=False),
)

payment_policy = Table(
    "payment_policy",
    metadata,
    # * is the group's
    Column("estate", Text, primary_key=True, server_default="*"),
    Column("backdate_days", Integer, nullable=False),
    Column("most_orders", Integer, nullable=False),
    Column("transfer_days", Integer, nullable=False),
    CheckConstraint("backdate_days >= 0", name="backdate_days"),
    CheckConstraint("most_orders > 0", name="most_orders"),
    CheckConstraint("transfer_days > 0", name="transfer_days"),
)

payment = Table(
    "payment",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("household", Text, nullable=False),
    Column("estate", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("amount_fen", BigInteger, nullable=False),
    Column("bill_ids", ARRAY(BigInteger, as_tuple=True), nullable=False),
    Column("received_on", Date),
    Column("status", Text, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("reference", Text, unique=True),
    Column("code_url", Text),
    Column("order_attempted_at", DateTime(timezone=True)),
    Column("expires_at", DateTime(timezone=True)),
    Column("next_check_at", DateTime(timezone=True)),
    Column("checks", Integer, nullable=False, server_default=text("0")),
    Column("transaction_id", Text),
    Column("receipt_no", Text, unique=True),
    Column("settled_at", DateTime(timezone=True)),
    Column("business_date", Date),
    Column("allocations", JSONB),
    Column("credit_fen", BigInteger),
    # of where the money lies, as billing counts: an older word never undoes a newer one
    Column("revision", Integer, nullable=False, server_default=text("0")),
    # what was said with the request
    Column("reason", Text),
    # dated back further than the policy lets the desk (E3)
    Column("beyond_policy", Boolean, nullable=False, server_default=text("false")),
    CheckConstraint("amount_fen > 0", name="amount_positive"),
    CheckConstraint(
        "status IN ('pending', 'settled', 'expired', 'refunded', 'partially_refunded', 'suspense')",
        name="status_known",
    ),
    CheckConstraint(
        "status NOT IN ('settled', 'refunded', 'partially_refunded') OR (transaction_id IS NOT NULL"
        " AND receipt_no IS NOT NULL AND settled_at IS NOT NULL AND business_date IS NOT NULL)",
        name="settled_whole",
    ),
    UniqueConstraint("channel", "transaction_id"),  # money is posted once (E2)
    Index("payment_household_idx", "household", "created_at", "id"),
    Index("payment_business_date_idx", "business_date", "estate"),
    Index("payment_check_idx", "next_check_at", postgresql_where=text("status = 'pending'")),
    Index("payment_pending_idx", "estate", postgresql_where=text("status = 'pending'")),
)

receipt_counter = Table(
    "receipt_counter",
    metadata,
    Column("estate", Text, primary_key=True),
    Column("year", Integer, primary_key=True, autoincrement=False),
    Column("last", BigInteger, nullable=False),
)

suspense = Table(
    "suspense",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("channel", Text, nullable=False),
    Column("transaction_id", Text, nullable=False),
    Column("out_trade_no", Text, nullable=False),
    Column("payment_id", Uuid),
    Column("estate", Text),
    Column("amount_fen", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("succeeded_at", DateTime(timezone=True), nullable=False),
    Column("received_at", DateTime(timezone=True), nullable=False),
    Column("resolved_at", DateTime(timezone=True)),
    UniqueConstraint("channel", "transaction_id"),
    Index("suspense_open_idx", "estate", postgresql_where=text("resolved_at IS NULL")),
)

_COLUMNS = tuple(payment.c[field.name] for field in fields(Payment))
ORDERED_BY_AGE = (payment.c.created_at.desc(), payment.c.id.desc())
_LINES = TypeAdapter(list[ReceiptLine] | None)


def payment_of(row: RowMapping) -> Payment:
    """The frozen payment of a row of `_COLUMNS`."""
    return Payment(**{**row, "allocations": _LINES.validate_python(row["allocations"])})


def insert_payment(session: Session, new: NewPayment) -> Payment | None:
    """Keep a new payment; None when its id is there already (waits for whoever is writing it)."""
    values = {**asdict(new), **asdict(new.request), "status": "pending"}
    del values["request"]
    statement = insert(payment).values(values).on_conflict_do_nothing(index_elements=["id"]).returning(*_COLUMNS)
    return _payment_of(session.execute(statement).mappings().first())


def find_payment(session: Session, payment_id: UUID, *, lock: bool = False) -> Payment | None:
    """The payment of that id, locked until the transaction ends when `lock`."""
    query = select(*_COLUMNS).where(payment.c.id == payment_id)
    return _payment_of(session.execute(query.with_for_update() if lock else query).mappings().first())


def update_payment(session: Session, payment_id: UUID, **values: object) -> Payment:
    """Change columns of a payment that exists."""
    statement = update(payment).where(payment.c.id == payment_id).values(**values).returning(*_COLUMNS)
    return payment_of(session.execute(statement).mappings().one())


def _payment_of(row: RowMapping | None) -> Payment | None:
    return payment_of(row) if row is not None else None


def payments_of_household(
    session: Session, code: str, *, limit: int, before: tuple[datetime, UUID] | None
) -> list[Payment]:
    """Newest first, one more than `limit`, those after the cursor."""
    query = select(*_COLUMNS).where(payment.c.household == code)
    if before is not None:
        query = query.where(tuple_(payment.c.created_at, payment.c.id) < before)
    newest = session.execute(query.order_by(*ORDERED_BY_AGE).limit(limit + 1))
    return [payment_of(row) for row in newest.mappings()]


def is_posted(session: Session, channel: str, transaction_id: str) -> bool:
    """Whether this money has settled a payment (E2)."""
    return (
        session.scalar(
            select(payment.c.id).where(payment.c.channel == channel, payment.c.transaction_id == transaction_id)
        )
        is not None
    )


def claim_order(session: Session, payment_id: UUID, *, now: datetime, attempted_before: datetime) -> Payment | None:
    """Take the right to place an order at its channel; None when it is placed, over, or somebody just tried."""
    statement = (
        update(payment)
        .where(
            payment.c.id == payment_id,
            payment.c.status == "pending",
            payment.c.code_url.is_(None),
            payment.c.expires_at > now,
            payment.c.order_attempted_at.is_(None) | (payment.c.order_attempted_at <= attempted_before),
        )
        .values(order_attempted_at=now)
    )
    return _payment_of(session.execute(statement.returning(*_COLUMNS)).mappings().first())


def due_for_check(session: Session, now: datetime, limit: int) -> list[Payment]:
    """Pending online payments at which it is time to look, locked; those another replica holds are skipped."""
    query = (
        select(*_COLUMNS)
        .where(payment.c.status == "pending", payment.c.next_check_at <= now)
        .order_by(payment.c.next_check_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return [payment_of(row) for row in session.execute(query).mappings()]


def close_books(session: Session, estate_code: str, last_day: date) -> None:
    """Remember the last closed day; an older one, delivered late, changes nothing."""
    statement = insert(closed_books).values(estate=estate_code, last_day=last_day)
    newest = func.greatest(closed_books.c.last_day, statement.excluded.last_day)
    session.execute(statement.on_conflict_do_update(index_elements=["estate"], set_={"last_day": newest}))


def books_closed_until(session: Session, estate_code: str) -> date | None:
    """The last closed day of an estate's books."""
    day: date | None = session.scalar(select(closed_books.c.last_day).where(closed_books.c.estate == estate_code))
    return day


def estate_of_household(session: Session, code: str) -> str | None:
    """The estate a household belongs to; None when it is unknown here."""
    estate: str | None = session.scalar(select(household.c.estate).where(household.c.code == code))
    return estate


def count_open_orders(session: Session, code: str, now: datetime) -> int:
    """Payments of a household that wait for money and can still be paid; the household stays locked, so that the count
    holds until the transaction ends."""
    session.execute(select(household.c.code).where(household.c.code == code).with_for_update())
    is_payable = payment.c.expires_at.is_(None) | (payment.c.expires_at > now)
    waiting = (payment.c.household == code, payment.c.status == "pending", is_payable)
    return int(session.scalar(select(func.count()).select_from(payment).where(*waiting)) or 0)


def received_by_channel(session: Session, day: date, estates: Collection[str] | None) -> dict[Channel, int]:
    """Fen received on a business day by channel, over some estates or all."""
    of_day = (payment.c.business_date == day, among(payment.c.estate, estates))
    query = select(payment.c.channel, func.sum(payment.c.amount_fen)).where(*of_day)
    rows = session.execute(query.group_by(payment.c.channel).order_by(payment.c.channel))
    return {channel: int(total) for channel, total in rows}


def count_pending(session: Session, estates: Collection[str] | None) -> int:
    """Payments in flight."""
    pending = (payment.c.status == "pending", among(payment.c.estate, estates))
    query = select(func.count()).select_from(payment).where(*pending)
    return int(session.scalar(query) or 0)


def count_suspense(session: Session, estates: Collection[str] | None) -> int:
    """Amounts waiting in suspense; those without an estate count for the whole group only."""
    waiting = (suspense.c.resolved_at.is_(None), among(suspense.c.estate, estates))
    query = select(func.count()).select_from(suspense).where(*waiting)
    return int(session.scalar(query) or 0)


def open_suspense_by_channel(session: Session) -> dict[str, int]:
    """How many amounts wait in suspense, by channel."""
    query = select(suspense.c.channel, func.count()).where(suspense.c.resolved_at.is_(None))
    return {channel: int(count) for channel, count in session.execute(query.group_by(suspense.c.channel))}
