"""STORE of holds (D3).

`dunning_hold` is one row per source (a complaint, an order, a payment) and answers "does it hold now"; every opening
and closing is kept in `dunning_hold_fact`, so that the record is whole and events may arrive in any order.
"""

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, Date, DateTime, Index, Table, Text, Uuid, text

from services.billing.tables import metadata

dunning_hold = Table(
    "dunning_hold",
    metadata,
    Column("source_kind", Text, primary_key=True),
    Column("source_id", Uuid, primary_key=True),
    Column("household_id", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    # last opening; null: only its closing has arrived yet
    Column("since", DateTime(timezone=True)),
    # last closing
    Column("released_at", DateTime(timezone=True)),
    # last day it stands, whatever else happens; null: for as long as it is open
    Column("until", Date),
    # cannot open again, whatever arrives
    Column("ended", Boolean, nullable=False, server_default="false"),
    CheckConstraint(
        "source_kind IN ('complaint', 'work_order', 'payment', 'plan', 'waiver', 'problem', 'void', 'promise')",
        name="source_kind",
    ),
    Index("dunning_hold_household_id_idx", "household_id"),
)

dunning_hold_fact = Table(
    "dunning_hold_fact",
    metadata,
    Column("source_kind", Text, primary_key=True),
    Column("source_id", Uuid, primary_key=True),
    Column("at", DateTime(timezone=True), primary_key=True),
    Column("holds", Boolean, primary_key=True),
)


def stands(hold: str) -> str:
    """SQL: a row of dunning_hold stands for its household."""
    is_released = f"{hold}.released_at IS NULL OR {hold}.released_at < {hold}.since"
    return f"{hold}.since IS NOT NULL AND NOT {hold}.ended AND ({is_released})"


def stands_on(hold: str, day: str) -> str:
    """SQL: it stands, and its own last day, if it has one, is not over on the day."""
    return f"{stands(hold)} AND ({hold}.until IS NULL OR {hold}.until >= {day})"


# GREATEST ignores nulls: the last opening and the last closing win, whichever arrives first.
UPSERT = text("""
INSERT INTO dunning_hold AS o (source_kind, source_id, household_id, reason, since, released_at, until, ended)
SELECT :kind, :source_id, h.id, :reason, CAST(:since AS timestamptz), CAST(:released_at AS timestamptz),
       CAST(:until AS date), :ended
FROM household h WHERE h.code = :household
ON CONFLICT (source_kind, source_id) DO UPDATE SET since = GREATEST(o.since, excluded.since),
  released_at = GREATEST(o.released_at, excluded.released_at), ended = o.ended OR excluded.ended,
  until = COALESCE(excluded.until, o.until)
RETURNING household_id
""")

FACT = text("""
INSERT INTO dunning_hold_fact (source_kind, source_id, at, holds) VALUES (:kind, :source_id, :at, :holds)
ON CONFLICT DO NOTHING
""")

STANDING = text(f"""
SELECT o.code AS household, e.code AS estate
FROM dunning_hold h JOIN household o ON o.id = h.household_id JOIN estate e ON e.id = o.estate_id
WHERE h.source_kind = :kind AND h.source_id = :source_id AND {stands("h")}
""")

# A payment that was posted cannot be in flight, even when the news of its start comes last. The household's row
# orders this against the posting: whoever comes second sees what the first did.
LOCK_HOUSEHOLD = text("SELECT id FROM household WHERE code = :household FOR UPDATE")
POSTING = text("SELECT settled_at FROM payment_posting WHERE payment_id = :payment_id")

END_PAYMENT = text("""
UPDATE dunning_hold SET released_at = GREATEST(since, CAST(:at AS timestamptz)), ended = true
WHERE source_kind = 'payment' AND source_id = :payment_id RETURNING released_at
""")
