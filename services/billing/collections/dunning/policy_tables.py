"""STORE of the dunning policy: one row per estate that has its own, and the group's (D1, ADR 21).

`policy_of` is the only loader, and `policy_row` what statements over many estates use instead of it.
"""

from sqlalchemy import BigInteger, CheckConstraint, Column, Integer, SmallInteger, Table, text
from sqlalchemy.orm import Session

from services.billing.collections.dunning.rules import DunningPolicy
from services.billing.tables import metadata
from services.common.rows import row_of

dunning_policy = Table(
    "dunning_policy",
    metadata,
    # 0 is the group's
    Column("estate_id", Integer, primary_key=True, autoincrement=False),
    # for a claim of this much or less nobody is urged
    Column("small_amount_fen", BigInteger, nullable=False),
    # least days between two rungs of escalation for a household; a rung may ask for more
    Column("gap_days", SmallInteger, nullable=False),
    # how far ahead a promise to pay may lie, and how many of them pause the ladder between two rungs
    Column("promise_days", SmallInteger, nullable=False),
    Column("promises_per_rung", SmallInteger, nullable=False),
    CheckConstraint("small_amount_fen >= 0", name="small_amount_fen"),
    CheckConstraint("gap_days >= 1", name="gap_days"),
    CheckConstraint("promise_days >= 0 AND promises_per_rung >= 0", name="promises"),
)


def policy_row(estate_id: str) -> str:
    """SQL: the row of `dunning_policy` that applies on an estate, in brackets, for a FROM or a scalar."""
    return f"(SELECT * FROM dunning_policy WHERE estate_id IN ({estate_id}, 0) ORDER BY estate_id DESC LIMIT 1)"


_POLICY = text(f"SELECT * FROM {policy_row('CAST(:id AS int)')} policy")


def policy_of(session: Session, estate_id: int) -> DunningPolicy:
    """The policy that applies on an estate: its own, else the group's."""
    return row_of(DunningPolicy, session.execute(_POLICY, {"id": estate_id}).one())
