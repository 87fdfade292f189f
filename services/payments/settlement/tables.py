"""STORE of settlement: receipt numbers, and money that fits nowhere (E2, E3)."""

from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import and_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from services.payments.ports import Money
from services.payments.tables import receipt_counter, suspense


def next_receipt(session: Session, estate_code: str, year: int) -> int:
    """The next number of an estate and year. The row is locked until commit, a rollback gives it back: no gaps."""
    statement = insert(receipt_counter).values(estate=estate_code, year=year, last=1)
    statement = statement.on_conflict_do_update(
        index_elements=["estate", "year"], set_={"last": receipt_counter.c.last + 1}
    )
    return int(session.execute(statement.returning(receipt_counter.c.last)).scalar_one())


@dataclass(frozen=True)
class Suspense:
    """Money that fits nowhere, as the channel told of it, and the payment and estate its order names, if any."""

    money: Money
    payment_id: UUID | None
    estate: str | None
    reason: str
    received_at: datetime


def keep_in_suspense(session: Session, new: Suspense) -> bool:
    """Keep money that fits nowhere; False when it is kept already."""
    values = {**asdict(new), **asdict(new.money)}
    del values["money"]
    statement = insert(suspense).values(values).on_conflict_do_nothing(index_elements=["channel", "transaction_id"])
    return session.execute(statement.returning(suspense.c.id)).first() is not None


def resolve_suspense(session: Session, channel: str, transaction_id: str, at: datetime) -> None:
    """Money that was in suspense has found its payment after all."""
    same = and_(suspense.c.channel == channel, suspense.c.transaction_id == transaction_id)
    session.execute(update(suspense).where(same, suspense.c.resolved_at.is_(None)).values(resolved_at=at))
