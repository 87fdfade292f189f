"""STORE of payment policies: the group's, and an estate's own where it has one."""

from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.common.policies.rows import read_row, write_row
from services.payments.policy.rules import PaymentPolicy
from services.payments.tables import estate as estates
from services.payments.tables import payment_policy

GROUP = "*"


def policy_of(session: Session, estate: str) -> PaymentPolicy:
    """The estate's own policy, or else the group's."""
    columns = (payment_policy.c[name] for name in PaymentPolicy.__dataclass_fields__)
    query = select(*columns).where(payment_policy.c.estate.in_([estate, GROUP]))
    return PaymentPolicy(*session.execute(query.order_by(payment_policy.c.estate == GROUP).limit(1)).one())


NAMES = {name: name for name in PaymentPolicy.__dataclass_fields__}


def read_terms(session: Session, estate: str | None, _on: date) -> dict[str, Any] | None:
    """The group's row or an estate's own; None: it has none."""
    return read_row(session, payment_policy, {"estate": estate or GROUP}, NAMES)


def write_terms(session: Session, estate: str | None, values: dict[str, Any] | None, _since: date) -> None:
    """In the place of the row that stands."""
    write_row(session, payment_policy, {"estate": estate or GROUP}, values, NAMES)


def knows_estate(session: Session, code: str) -> bool:
    """Whether billing has told of an estate."""
    return session.scalar(select(estates.c.code).where(estates.c.code == code)) is not None
