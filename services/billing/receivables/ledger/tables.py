"""STORE of the ledger: collection policy, postings of payments, and the queries of allocation.

A payment is posted once: `payment_posting` has its id as the key. What it gave each bill is read from the ledger, where
its id is the `source`. Queries that need late fee for many households at once are built from `late_fee.py`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Index,
    Integer,
    Numeric,
    Row,
    SmallInteger,
    Table,
    Text,
    Uuid,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from services.billing.receivables.ledger import rules
from services.billing.receivables.ledger.rules import Account, Bill, BookingDay, CollectionTerms, Entry
from services.billing.receivables.ledger.sql import fee_left, open_bill
from services.billing.tables import bill, estate, ledger_entry, metadata
from services.common.domain.calendar import add_months
from services.common.locks import Lock
from services.common.policies.versions_sql import in_force
from services.common.rows import row_of, rows_of

collection_policy = Table(
    "collection_policy",
    metadata,
    # 0 is the group's, which has all; where an estate's version says nothing (null), the group's holds
    Column("estate_id", Integer, primary_key=True, autoincrement=False),
    Column("allocation", Text),
    Column("late_fee_capped", Boolean),
    Column("grace_days", SmallInteger),
    Column("grace_mode", Text),
    # the order of money from this day on; cap and grace of bills due on this day or later (ADR 23)
    Column("effective_from", Date, primary_key=True, server_default="2000-01-01"),
    CheckConstraint(
        "estate_id <> 0 OR num_nulls(allocation, late_fee_capped, grace_days, grace_mode) = 0", name="whole"
    ),
    CheckConstraint("allocation IN ('principal_first', 'late_fee_first')", name="allocation"),
    CheckConstraint("grace_days >= 0", name="grace_days"),
    CheckConstraint("grace_mode IN ('from_due', 'after_grace')", name="grace_mode"),
)

late_fee_rate = Table(
    "late_fee_rate",
    metadata,
    # 0 is the group's; an estate with rates of its own uses only those
    Column("estate_id", Integer, primary_key=True, autoincrement=False),
    Column("effective_from", Date, primary_key=True),
    # null: as the group's from this day on
    Column("daily", Numeric(10, 8)),
    CheckConstraint("estate_id <> 0 OR daily IS NOT NULL", name="whole"),
    CheckConstraint("daily >= 0", name="daily"),
)

payment_posting = Table(
    "payment_posting",
    metadata,
    Column("payment_id", Uuid, primary_key=True),
    Column("household_id", BigInteger, nullable=False),
    Column("estate_id", Integer, nullable=False),
    Column("channel", Text, nullable=False),
    Column("amount_fen", BigInteger, nullable=False),
    Column("business_date", Date, nullable=False),
    Column("settled_at", DateTime(timezone=True), nullable=False),
    # as the payer named them, in order
    Column("bill_ids", ARRAY(BigInteger), nullable=False),
    Column("posted_at", DateTime(timezone=True), nullable=False),
    # who dated it back beyond policy, and why (E3)
    Column("backdated_by", Text),
    Column("backdate_reason", Text),
    # how often its money was put elsewhere since
    Column("revision", Integer, nullable=False, server_default="0"),
    CheckConstraint("amount_fen > 0", name="amount_fen"),
    Index("payment_posting_household_id_business_date_idx", "household_id", "business_date"),
    Index("payment_posting_backdated_idx", "estate_id", postgresql_where=text("backdated_by IS NOT NULL")),
)

# Bills whose principal is settled but whose late fee is not. Without it each of them would have to be looked for among
# all bills ever paid. Booking keeps it.
late_fee_left = Table(
    "late_fee_left",
    metadata,
    Column("bill_id", BigInteger, primary_key=True, autoincrement=False),
    Column("household_id", BigInteger, nullable=False),
    Index("late_fee_left_household_id_idx", "household_id"),
)

# How often bills, and what is settled of bills, moved on an estate, as far as it is folded into the totals (ADR 10):
# who kept something made of them sees whether it is still so.
estate_movement = Table(
    "estate_movement",
    metadata,
    Column("estate_id", Integer, primary_key=True, autoincrement=False),
    Column("bills", BigInteger, nullable=False, server_default="0"),
    Column("settlements", BigInteger, nullable=False, server_default="0"),
)

# Open bills are few beside paid ones: sweeps, arrears and receivable figures look at these only.
Index(
    "bill_open_idx",
    bill.c.estate_id,
    bill.c.household_id,
    bill.c.due_date,
    bill.c.id,
    postgresql_where=text(open_bill("bill")),
)
# The late fee of a group reads indexes only (C1): of those nothing was paid on, of those paid in part, with what their
# late fee needs, and of the few whose late fee is more than that.
Index(
    "bill_late_fee_unmoved_idx",
    bill.c.estate_id,
    bill.c.due_date,
    postgresql_include=["amount_fen"],
    postgresql_where=text("voided_at IS NULL AND NOT late_fee_apart AND paid_fen = 0 AND waived_fen = 0"),
)
Index(
    "bill_late_fee_moved_idx",
    bill.c.estate_id,
    bill.c.id,
    postgresql_include=["household_id", "amount_fen", "due_date", "paid_fen", "waived_fen"],
    postgresql_where=text(f"{open_bill('bill')} AND NOT late_fee_apart AND (paid_fen > 0 OR waived_fen > 0)"),
)
Index(
    "ledger_entry_reduction_idx",
    ledger_entry.c.bill_id,
    postgresql_include=["amount_fen", "booked_on", "value_on", "debit_account"],
    postgresql_where=text("credit_account = 'receivable'"),
)
Index(
    "bill_late_fee_apart_idx",
    bill.c.estate_id,
    bill.c.id,
    postgresql_where=text(f"{open_bill('bill')} AND late_fee_apart"),
)

_TERMS = TypeAdapter(CollectionTerms)
_ACCOUNT = """
SELECT h.id, h.code, h.estate_id, h.credit_fen, h.reserved_fen, e.code AS estate, e.late_fee_clause,
       COALESCE((SELECT max(c.period) + INTERVAL '1 month' FROM ledger_close c WHERE c.estate_id = h.estate_id),
                DATE '0001-01-01')::date AS first_open,
       p.allocation, p.late_fee_capped, p.grace_days, p.grace_mode,
       (SELECT json_agg(v ORDER BY v.effective_from) FROM terms v WHERE v.effective_from > p.effective_from) AS later,
       ARRAY(SELECT r.effective_from FROM rates r ORDER BY r.effective_from) AS rate_days,
       ARRAY(SELECT r.daily FROM rates r ORDER BY r.effective_from) AS rate_values
FROM household h JOIN estate e ON e.id = h.estate_id
JOIN LATERAL (SELECT * FROM terms ORDER BY effective_from LIMIT 1) p ON true
WHERE h.code = :household
"""
_RATES = f"""
WITH own AS MATERIALIZED (SELECT estate_id FROM household WHERE code = :household),
terms AS MATERIALIZED ({in_force("collection_policy", ("allocation", "late_fee_capped", "grace_days", "grace_mode"))}),
rates AS MATERIALIZED ({in_force("late_fee_rate", ("daily",))})
"""
ACCOUNT = text(_RATES + _ACCOUNT)
ACCOUNT_LOCKED = text(_RATES + _ACCOUNT + " FOR UPDATE OF h")

# Shared, like tables.lock_estate_shared, but found and locked in one round trip.
_LOCK_ESTATE_OF = text(f"SELECT {Lock.ESTATE.share('estate_id')} FROM household WHERE code = :code")
_ESTATE = text("SELECT id FROM estate WHERE code = :code")

CREDIT_MOVED_AFTER = text("""
SELECT COALESCE(sum(CASE WHEN credit_account = 'customer_credit' THEN amount_fen ELSE -amount_fen END), 0)::bigint
FROM ledger_entry WHERE household_id = :household_id AND COALESCE(value_on, booked_on) > :as_of
  AND 'customer_credit' IN (debit_account, credit_account)
""")

_BILLS = f"""
SELECT b.id, b.estate_id, b.run_id, b.building, b.fee_item, b.period, b.issued_on, b.due_date, b.amount_fen,
       {fee_left("b")} AS fee_left, b.first_issued_on, e.figures_since
FROM bill b JOIN estate e ON e.id = b.estate_id WHERE b.household_id = :household_id AND b.voided_at IS NULL
"""
_BILLS_TO_PAY = text(f"""{_BILLS}
  AND (b.amount_fen > b.paid_fen + b.waived_fen OR b.id = ANY (:bills) OR {fee_left("b")})
ORDER BY b.id FOR UPDATE OF b
""")
_BILLS_NAMED = text(f"{_BILLS} AND b.id = ANY (:bills) ORDER BY b.id FOR UPDATE OF b")

_ENTRY = (
    "SELECT bill_id, kind, booked_on, value_on, amount_fen, debit_account, credit_account, source FROM ledger_entry"
)
ENTRIES = text(f"{_ENTRY} WHERE bill_id = ANY (:bills) ORDER BY id")
CREDIT_ENTRIES = text(f"""{_ENTRY}
WHERE household_id = :household_id AND 'customer_credit' IN (debit_account, credit_account) ORDER BY id
""")

PAYMENT_ENTRIES = text("""
SELECT n.source, n.bill_id, n.amount_fen, n.debit_account, n.credit_account,
       b.voided_at IS NOT NULL AS voided
FROM ledger_entry n LEFT JOIN bill b ON b.id = n.bill_id
WHERE n.household_id = :household_id AND n.source = ANY (:payments) ORDER BY n.id
""")

LATER_POSTINGS = text("""
SELECT payment_id, channel, amount_fen, business_date, settled_at, bill_ids FROM payment_posting
WHERE household_id = :household_id
  AND (business_date, settled_at, payment_id) > (:business_date, :settled_at, :payment_id)
ORDER BY business_date, settled_at, payment_id
""")

CLAIM_POSTING = text("""
INSERT INTO payment_posting (payment_id, household_id, estate_id, channel, amount_fen, business_date, settled_at,
                             bill_ids, posted_at, backdated_by, backdate_reason)
VALUES (:payment_id, :household_id, :estate_id, :channel, :amount_fen, :business_date, :settled_at, :bill_ids, :now,
        :backdated_by, :backdate_reason)
ON CONFLICT (payment_id) DO NOTHING RETURNING payment_id
""")

_LAST_CLOSED = text("SELECT max(period) FROM ledger_close WHERE estate_id = :estate_id")


@dataclass(frozen=True)
class PaymentPosting:
    """A payment as it was posted; `bill_ids` are those it was meant for."""

    payment_id: UUID
    channel: str
    amount_fen: int
    business_date: date
    settled_at: datetime
    bill_ids: list[int]


@dataclass(frozen=True)
class NewPosting(PaymentPosting):
    """A payment to be posted; who dated it back beyond policy, and why, if anybody did."""

    backdated_by: str | None
    backdate_reason: str | None


@dataclass(frozen=True)
class PlacedEntry:
    """What the ledger holds of a payment on a bill that may be void since, or as credit."""

    source: str
    bill_id: int | None
    amount_fen: int
    debit_account: str
    credit_account: str
    voided: bool


def booking_day(session: Session, estate_id: int, on: date) -> BookingDay:
    """Where something of that day is booked: on it, or on the first day that is still open (B8).

    The caller holds the estate's lock, shared or alone, so that the month cannot be closed meanwhile.
    """
    last_closed: date | None = session.scalar(_LAST_CLOSED, {"estate_id": estate_id})
    first_open = date.min if last_closed is None else add_months(last_closed, 1)
    return rules.booking_day(on, first_open)


def account(session: Session, household: str, *, lock: bool = False) -> Account | None:
    """A household with its estate, credit and collection policy; `lock` holds the household.

    Who books by its `first_open` holds the estate's lock, shared or alone, so that no month is closed meanwhile.
    """
    row = session.execute(ACCOUNT_LOCKED if lock else ACCOUNT, {"household": household}).one_or_none()
    if row is None:
        return None
    later = tuple(_TERMS.validate_python(terms) for terms in row.later or ())
    return replace(row_of(Account, row), later=later)


def lock_estate_of(session: Session, household: str) -> bool:
    """Hold off runs and imports of a household's estate until the transaction ends; False: no such household."""
    return session.execute(_LOCK_ESTATE_OF, {"code": household}).first() is not None


def bills_to_pay(session: Session, household_id: int, bill_ids: Iterable[int] = ()) -> dict[int, Bill]:
    """A household's bills on which principal or late fee is left, and those named, by id, locked; void ones never."""
    rows = session.execute(_BILLS_TO_PAY, {"household_id": household_id, "bills": sorted(bill_ids)})
    return {bill.id: bill for bill in rows_of(Bill, rows)}


def bills_named(session: Session, household_id: int, bills: Iterable[int]) -> dict[int, Bill]:
    """Those of some bills that are a household's and not void, by id, locked."""
    rows = session.execute(_BILLS_NAMED, {"household_id": household_id, "bills": sorted(bills)})
    return {bill.id: bill for bill in rows_of(Bill, rows)}


def entries_of(session: Session, bills: Sequence[int]) -> list[Entry]:
    """Every ledger entry of some bills, oldest first."""
    rows = session.execute(ENTRIES, {"bills": list(bills)}) if bills else ()
    return [_entry(row) for row in rows]


def credit_entries(session: Session, household_id: int) -> list[Entry]:
    """Every ledger entry of a household's prepaid balance, oldest first."""
    return [_entry(row) for row in session.execute(CREDIT_ENTRIES, {"household_id": household_id})]


def _entry(row: Row[Any]) -> Entry:
    return Entry(
        kind=row.kind,
        debit_account=row.debit_account,
        credit_account=row.credit_account,
        amount_fen=row.amount_fen,
        day=BookingDay(row.booked_on, row.value_on),
        source=row.source,
        bill_id=row.bill_id,
    )


def claim_posting(session: Session, posting: NewPosting, household_id: int, estate_id: int, now: datetime) -> bool:
    """True once per payment id, whatever the inbox knows."""
    key = {"household_id": household_id, "estate_id": estate_id, "now": now}
    return session.execute(CLAIM_POSTING, vars(posting) | key).first() is not None


def credit_as_of(session: Session, household_id: int, credit_now_fen: int, as_of: date) -> int:
    """The prepaid balance at the end of a day (B6)."""
    change_fen = session.scalar(CREDIT_MOVED_AFTER, {"household_id": household_id, "as_of": as_of})
    return credit_now_fen - int(change_fen or 0)


def later_postings(
    session: Session, household_id: int, business_date: date, settled_at: datetime, payment_id: UUID
) -> list[PaymentPosting]:
    """Payments of a household that count after the one named but were posted before it."""
    key = {"business_date": business_date, "settled_at": settled_at, "payment_id": payment_id}
    return rows_of(PaymentPosting, session.execute(LATER_POSTINGS, {"household_id": household_id, **key}))


def payment_entries(session: Session, household_id: int, payments: Sequence[UUID]) -> list[PlacedEntry]:
    """What the ledger holds of some payments."""
    if not payments:
        return []
    key = {"household_id": household_id, "payments": [str(payment) for payment in payments]}
    return rows_of(PlacedEntry, session.execute(PAYMENT_ENTRIES, key))


def estate_ids(session: Session, codes: Iterable[str]) -> list[int]:
    """The ids of the estates named that there are."""
    return list(session.scalars(select(estate.c.id).where(estate.c.code.in_(list(codes)))))


def estate_id_of(session: Session, estate: str) -> int | None:
    """The id of an estate by its code."""
    return session.execute(_ESTATE, {"code": estate}).scalar_one_or_none()
