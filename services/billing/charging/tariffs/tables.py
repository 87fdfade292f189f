"""STORE of tariffs: named queries (B1)."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from services.billing.charging.tariffs.cycles import BillingPolicy
from services.billing.tables import billing_policy, estate, tariff, unit
from services.common.contracts.answers.portfolio import Usage
from services.common.contracts.answers.tariffs import Method
from services.common.rows import row_of, rows_of


@dataclass(frozen=True)
class TariffRow:
    """A version of a price as it was filed; decimals within lists are text."""

    id: int
    fee_item: str
    method: Method
    usage: Usage
    version: int
    unit_price: Decimal
    effective_from: date
    effective_to: date | None
    vacancy_ratio: Decimal | None
    basis: str | None
    # what it is made of: use, yuan
    composition: list[tuple[str, str]] | None
    # quantity a month above which a price holds, price
    tiers: list[tuple[str, str]] | None
    grade_factors: dict[str, str] | None
    published_at: datetime | None


@dataclass(frozen=True)
class TariffEstate:
    """The estate a tariff belongs to."""

    id: int
    code: str


def tariffs_of(session: Session, estate_id: int) -> list[TariffRow]:
    """Every version of every price of an estate."""
    order = (tariff.c.fee_item, tariff.c.usage, tariff.c.effective_from)
    query = select(tariff).where(tariff.c.estate_id == estate_id).order_by(*order)
    return rows_of(TariffRow, session.execute(query))


def estate_of(session: Session, tariff_id: int) -> TariffEstate | None:
    """The estate a tariff belongs to."""
    query = select(estate.c.id, estate.c.code).join(tariff).where(tariff.c.id == tariff_id)
    return row_of(TariffEstate, session.execute(query).first())


def load_tariff(session: Session, tariff_id: int) -> TariffRow:
    """One version."""
    return row_of(TariffRow, session.execute(select(tariff).where(tariff.c.id == tariff_id)).one())


def publish(session: Session, estate_id: int, tariff_id: int | None, now: datetime) -> int:
    """Publish one waiting tariff of an estate, or all (None); returns how many waited."""
    waiting = update(tariff).where(tariff.c.estate_id == estate_id, tariff.c.published_at.is_(None))
    if tariff_id is not None:
        waiting = waiting.where(tariff.c.id == tariff_id)
    return len(session.execute(waiting.values(published_at=now).returning(tariff.c.id)).all())


# Bills for any of the days on which it held, consumption they caught up included, void or not: those of its price that
# were issued once it was published. Days are compared, because a bill names only the last version of its months.
_HAS_BILLS = text("""
SELECT EXISTS (
  SELECT FROM bill b JOIN tariff t ON t.id = b.tariff_id
  WHERE b.estate_id = :estate_id AND t.fee_item = :fee_item AND t.usage = :usage
    AND b.issued_on >= (CAST(:published_at AS timestamptz) AT TIME ZONE 'Asia/Shanghai')::date
    AND b.period + make_interval(months => b.months) > :first
    AND least(b.period, (SELECT min((m.value->>'from_on')::date) + 1 FROM jsonb_array_elements(b.inputs->'meters') m))
        <= :last)
""")


def is_used(session: Session, estate_id: int, row: TariffRow, first: date, last: date) -> bool:
    """Whether a bill was made from a published version, which holds from `first` to `last`."""
    price = {"estate_id": estate_id, "fee_item": row.fee_item, "usage": row.usage}
    days = {"published_at": row.published_at, "first": first, "last": last}
    return first <= last and bool(session.scalar(_HAS_BILLS, price | days))


def withdraw(session: Session, tariff_id: int) -> None:
    """A version waits to be published again."""
    session.execute(update(tariff).where(tariff.c.id == tariff_id).values(published_at=None))


def has_policy(session: Session, estate_id: int) -> bool:
    """Whether an estate has a billing policy of its own."""
    query = select(billing_policy.c.estate_id).where(billing_policy.c.estate_id == estate_id)
    return session.execute(query).first() is not None


def keep_policy(session: Session, estate_id: int, policy: BillingPolicy) -> None:
    """Write an estate's own billing policy (B3)."""
    statement = insert(billing_policy).values(estate_id=estate_id, **vars(policy))
    session.execute(statement.on_conflict_do_update(index_elements=[billing_policy.c.estate_id], set_=vars(policy)))


def has_building(session: Session, estate_id: int, building: str) -> bool:
    """Whether an estate has a unit in that building."""
    query = select(unit.c.id).where(unit.c.estate_id == estate_id, unit.c.building == building).limit(1)
    return session.execute(query).first() is not None
