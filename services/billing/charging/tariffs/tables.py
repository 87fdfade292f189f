"""STORE of tariffs: named queries (B1)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from services.billing.tables import billing_policy, estate, tariff, unit


def tariffs_of(session: Session, estate_id: int) -> Sequence[Row[Any]]:
    """Every version of every price of an estate."""
    order = (tariff.c.fee_item, tariff.c.usage, tariff.c.effective_from)
    return session.execute(select(tariff).where(tariff.c.estate_id == estate_id).order_by(*order)).all()


def estate_of(session: Session, tariff_id: int) -> Row[Any] | None:
    """The estate a tariff belongs to: id and code."""
    query = select(estate.c.id, estate.c.code).join(tariff).where(tariff.c.id == tariff_id)
    return session.execute(query).first()


def load_tariff(session: Session, tariff_id: int) -> Row[Any]:
    """One version."""
    return session.execute(select(tariff).where(tariff.c.id == tariff_id)).one()


def publish(session: Session, estate_id: int, tariff_id: int | None, now: datetime) -> int:
    """Publish one waiting tariff of an estate, or all (None); returns how many waited."""
    waiting = update(tariff).where(tariff.c.estate_id == estate_id, tariff.c.published_at.is_(None))
    if tariff_id is not None:
        waiting = waiting.where(tariff.c.id == tariff_id)
    return len(session.execute(waiting.values(published_at=now).returning(tariff.c.id)).all())


def has_policy(session: Session, estate_id: int) -> bool:
    """Whether an estate has a billing policy of its own."""
    query = select(billing_policy.c.estate_id).where(billing_policy.c.estate_id == estate_id)
    return session.execute(query).first() is not None


def keep_policy(session: Session, estate_id: int, policy: dict[str, Any]) -> None:
    """Write an estate's own billing policy (B3)."""
    statement = insert(billing_policy).values(estate_id=estate_id, **policy)
    session.execute(statement.on_conflict_do_update(index_elements=[billing_policy.c.estate_id], set_=policy))


def has_building(session: Session, estate_id: int, building: str) -> bool:
    """Whether an estate has a unit in that building."""
    query = select(unit.c.id).where(unit.c.estate_id == estate_id, unit.c.building == building).limit(1)
    return session.execute(query).first() is not None
