"""STORE of payment policies: the group's, and an estate's own where it has one."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.payments.policy.rules import PaymentPolicy
from services.payments.tables import payment_policy

GROUP = "*"


def policy_of(session: Session, estate: str) -> PaymentPolicy:
    """The estate's own policy, or else the group's."""
    columns = (payment_policy.c[name] for name in PaymentPolicy.__dataclass_fields__)
    query = select(*columns).where(payment_policy.c.estate.in_([estate, GROUP]))
    return PaymentPolicy(*session.execute(query.order_by(payment_policy.c.estate == GROUP).limit(1)).one())
