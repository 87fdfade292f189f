"""STORE of the books: settlements, the fund ledger and its policy, sums of the ledger over a time (B2, B8)."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from decimal import Decimal
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
    Integer,
    Numeric,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    insert,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from services.billing.receivables.books.rules import CATEGORIES, FundPolicy, Transfer
from services.billing.receivables.trial_balance.rules import Flow
from services.billing.tables import ledger_close, metadata
from services.common.contracts.answers.books import FundCategory, KindMovement, QuarterReport, Surplus
from services.common.contracts.answers.trial_balance import AccountBalance
from services.common.rows import row_of, rows_of

fund_policy = Table(
    "fund_policy",
    metadata,
    # 0 is the group's default
    Column("estate_id", Integer, primary_key=True, autoincrement=False),
    # part of fees received that is the company's, 0–1
    Column("remuneration", Numeric(6, 5), nullable=False),
    # category → weight
    Column("shares", JSONB, nullable=False),
    CheckConstraint("remuneration BETWEEN 0 AND 1", name="remuneration"),
)

fund_entry = Table(
    "fund_entry",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("estate_id", Integer, ForeignKey("estate.id"), nullable=False),
    Column("booked_on", Date, nullable=False),
    Column("debit_account", Text, nullable=False),
    Column("credit_account", Text, nullable=False),
    Column("amount_fen", BigInteger, nullable=False),
    # null: the company's remuneration
    Column("category", Text),
    Column("description", Text, nullable=False),
    # the close, expense or settlement that caused it
    Column("source", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    CheckConstraint("amount_fen > 0", name="amount_fen"),
    Index("fund_entry_estate_id_booked_on_idx", "estate_id", "booked_on"),
    Index("fund_entry_source_idx", "source"),
)

ledger_settlement = Table(
    "ledger_settlement",
    metadata,
    # the request id
    Column("id", Uuid, primary_key=True),
    Column("estate_id", Integer, ForeignKey("estate.id"), nullable=False),
    Column("quarter", Text, nullable=False),
    Column("surplus", Text, nullable=False),
    Column("returned_fen", BigInteger, nullable=False),
    Column("report", JSONB, nullable=False),
    Column("settled_at", DateTime(timezone=True), nullable=False),
    Column("settled_by", Text, nullable=False),
    CheckConstraint("surplus IN ('carry', 'return')", name="surplus"),
    UniqueConstraint("estate_id", "quarter", name="ledger_settlement_key"),
)

_FIRST_ENTRY = text("SELECT min(booked_on) FROM ledger_entry WHERE estate_id = :estate_id")
_MOVEMENTS = text("""
SELECT kind, debit_account, credit_account, sum(amount_fen)::bigint AS fen FROM ledger_entry
WHERE estate_id = :estate_id AND booked_on >= :first AND booked_on <= :last
GROUP BY kind, debit_account, credit_account ORDER BY kind, debit_account, credit_account
""")
_FUND_FLOWS = text("""
SELECT debit_account, credit_account, sum(amount_fen)::bigint AS fen FROM fund_entry
WHERE estate_id = :estate_id AND booked_on >= :first AND booked_on <= :last GROUP BY debit_account, credit_account
""")
# Floor area per household: a surplus goes back by it.
_AREAS = text("""
SELECT household_id, sum(area_m2) AS area_m2 FROM unit WHERE estate_id = :estate_id GROUP BY household_id
ORDER BY household_id
""")
_LOCK_HOUSEHOLDS = text("SELECT id FROM household WHERE estate_id = :estate_id ORDER BY id FOR UPDATE")


@dataclass(frozen=True)
class Close:
    """A closed month, and how the accounts stood on its last day."""

    period: date
    closed_at: datetime
    closed_by: str
    balances: Sequence[AccountBalance]


@dataclass(frozen=True)
class FundRow:
    """An entry of the fund ledger."""

    id: int
    estate_id: int
    booked_on: date
    debit_account: str
    credit_account: str
    amount_fen: int
    category: FundCategory | None
    description: str


@dataclass(frozen=True)
class Settlement:
    """A settled quarter."""

    id: UUID
    estate_id: int
    quarter: str
    surplus: Surplus
    returned_fen: int
    report: QuarterReport
    settled_at: datetime
    settled_by: str


@dataclass(frozen=True)
class HouseholdArea:
    """A household with the floor area of its units."""

    household_id: int
    area_m2: Decimal


def first_entry_on(session: Session, estate_id: int) -> date | None:
    """The day of an estate's first posting."""
    day: date | None = session.scalar(_FIRST_ENTRY, {"estate_id": estate_id})
    return day


def closes(session: Session, estate_id: int) -> list[Close]:
    """The closed months of an estate, oldest first."""
    query = select(ledger_close).where(ledger_close.c.estate_id == estate_id).order_by(ledger_close.c.period)
    return [
        Close(row.period, row.closed_at, row.closed_by, [AccountBalance(**line) for line in row.balances])
        for row in session.execute(query)
    ]


def insert_close(session: Session, estate_id: int, close: Close) -> None:
    """Seal a month."""
    session.execute(insert(ledger_close).values(estate_id=estate_id, **asdict(close)))


def movements(session: Session, estate_id: int, first: date, last: date) -> list[KindMovement]:
    """What moved from one account to another on an estate, by kind, booked from `first` to `last`."""
    rows = session.execute(_MOVEMENTS, {"estate_id": estate_id, "first": first, "last": last})
    return [
        KindMovement(kind=row.kind, debit_account=row.debit_account, credit_account=row.credit_account, fen=row.fen)
        for row in rows
    ]


def fund_flows(session: Session, estate_id: int, first: date, last: date) -> list[Flow]:
    """The same of the fund ledger."""
    rows = session.execute(_FUND_FLOWS, {"estate_id": estate_id, "first": first, "last": last})
    return [Flow(estate_id, row.debit_account, row.credit_account, row.fen) for row in rows]


def load_fund_policy(session: Session, estate_id: int) -> FundPolicy:
    """The estate's own policy, or else the group's."""
    query = select(fund_policy).where(fund_policy.c.estate_id.in_([estate_id, 0]))
    row = session.execute(query.order_by(fund_policy.c.estate_id.desc()).limit(1)).one()
    return FundPolicy(row.remuneration, {name: Decimal(str(row.shares.get(name, 0))) for name in CATEGORIES})


def keep_fund_policy(session: Session, estate_id: int, remuneration: Decimal, shares: dict[str, str]) -> None:
    """Replace the policy of an estate, or of the group (0)."""
    row = {"remuneration": remuneration, "shares": shares}
    statement = upsert(fund_policy).values(estate_id=estate_id, **row)
    session.execute(statement.on_conflict_do_update(index_elements=["estate_id"], set_=row))


def post_fund(
    session: Session,
    estate_id: int,
    transfers: Iterable[Transfer],
    booked_on: date,
    source: str,
    description: str,
    now: datetime,
) -> None:
    """Append to the fund ledger."""
    common = {"estate_id": estate_id, "booked_on": booked_on, "source": source, "created_at": now}
    rows = [
        common
        | {"debit_account": t.debit, "credit_account": t.credit, "amount_fen": t.amount_fen, "category": t.category}
        | {"description": description}
        for t in transfers
    ]
    if rows:
        session.execute(insert(fund_entry), rows)


def fund_entries(session: Session, estate_id: int, first: date, last: date) -> list[FundRow]:
    """The fund ledger of an estate from `first` to `last`."""
    where = (fund_entry.c.estate_id == estate_id, fund_entry.c.booked_on.between(first, last))
    query = select(fund_entry).where(*where).order_by(fund_entry.c.booked_on, fund_entry.c.id)
    return rows_of(FundRow, session.execute(query))


def fund_entry_of(session: Session, source: str) -> FundRow | None:
    """The entry a source caused."""
    return row_of(FundRow, session.execute(select(fund_entry).where(fund_entry.c.source == source)).first())


def household_areas(session: Session, estate_id: int) -> list[HouseholdArea]:
    """Lock the households of an estate; their floor areas, by id."""
    session.execute(_LOCK_HOUSEHOLDS, {"estate_id": estate_id})
    return rows_of(HouseholdArea, session.execute(_AREAS, {"estate_id": estate_id}))


def settlement_of(session: Session, estate_id: int, quarter: str) -> Settlement | None:
    """The settlement of a quarter."""
    where = (ledger_settlement.c.estate_id == estate_id, ledger_settlement.c.quarter == quarter)
    return row_of(Settlement, session.execute(select(ledger_settlement).where(*where)).one_or_none())


def settlement_by_id(session: Session, settlement_id: UUID) -> Settlement | None:
    """A settlement by the request that made it."""
    query = select(ledger_settlement).where(ledger_settlement.c.id == settlement_id)
    return row_of(Settlement, session.execute(query).one_or_none())


def settlements(session: Session, estate_id: int) -> list[Settlement]:
    """All settlements of an estate, oldest first."""
    query = select(ledger_settlement).where(ledger_settlement.c.estate_id == estate_id)
    return rows_of(Settlement, session.execute(query.order_by(ledger_settlement.c.quarter)))


def insert_settlement(session: Session, settlement: Settlement) -> None:
    """Keep a settlement."""
    session.execute(insert(ledger_settlement).values(vars(settlement)))
