"""STORE of dunning: the ladder as data, sweeps and their slices, what was done, and contacts (D1, D3)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal
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
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from services.billing.collections.dunning.rules import WORDINGS
from services.billing.tables import household, ledger_entry, metadata
from services.common.contracts.answers.dunning import ContactKind, ContactOutcome
from services.common.contracts.answers.portfolio import Cause
from services.common.locks import Lock, hold
from services.common.rows import rows_of

OUTCOMES = "('reached', 'not_reached', 'promised', 'refused', 'disputed', 'wrong_number', 'other')"
TEMPLATES = "('" + "', '".join(WORDINGS) + "')"

dunning_step = Table(
    "dunning_step",
    metadata,
    # 0 is the group's ladder; an estate with steps of its own uses only those
    Column("estate_id", Integer, primary_key=True, autoincrement=False),
    Column("code", Text, primary_key=True),
    Column("position", SmallInteger, nullable=False),
    # days after the due date, negative before it
    Column("earliest_day", Integer, nullable=False),
    # null: for ever
    Column("latest_day", Integer),
    Column("kind", Text, nullable=False),
    Column("channels", ARRAY(Text), nullable=False),
    Column("template", Text, nullable=False),
    # no_hold: waits while a hold stands; after:<code>: that rung counts for the bill and its deadline is over
    Column("requires", ARRAY(Text), nullable=False),
    # how long the household or the steward has from the day of the sweep
    Column("deadline_days", Integer),
    # days since the household's last step when rungs are made up for (`rules.due_step`)
    Column("gap_days", SmallInteger, nullable=False, server_default="1"),
    CheckConstraint("kind IN ('message', 'task')", name="kind"),
    CheckConstraint("latest_day >= earliest_day", name="days"),
    CheckConstraint("gap_days >= 1", name="gap_days"),
    CheckConstraint(f"template IN {TEMPLATES}", name="template"),
    UniqueConstraint("estate_id", "position", name="dunning_step_position_key"),
)

# What stands on the track of a cause instead of a rung of the ladder (D2): `code` null leaves the rung out, null
# elsewhere is as the rung replaced has it. Position is always the rung's, so a track never changes the order.
dunning_track = Table(
    "dunning_track",
    metadata,
    Column("cause", Text, primary_key=True),
    Column("replaces", Text, primary_key=True),
    Column("code", Text),
    Column("earliest_day", Integer),
    Column("latest_day", Integer),
    Column("kind", Text),
    Column("channels", ARRAY(Text)),
    Column("template", Text),
    Column("requires", ARRAY(Text)),
    Column("deadline_days", Integer),
    Column("gap_days", SmallInteger),
    CheckConstraint("kind IN ('message', 'task')", name="kind"),
    CheckConstraint(f"template IN {TEMPLATES}", name="template"),
    CheckConstraint(
        "code = replaces OR code IS NULL OR kind IS NOT NULL AND channels IS NOT NULL AND template IS NOT NULL",
        name="added",
    ),
)

dunning_sweep = Table(
    "dunning_sweep",
    metadata,
    # the request id: the same call again finds its sweep
    Column("id", Uuid, primary_key=True),
    Column("as_of", Date, nullable=False),
    # as asked for; null: all in the caller's scope
    Column("estates", ARRAY(Text)),
    Column("requested_by", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
)

dunning_sweep_slice = Table(
    "dunning_sweep_slice",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("sweep_id", Uuid, ForeignKey("dunning_sweep.id"), nullable=False),
    Column("estate_id", Integer, ForeignKey("estate.id"), nullable=False),
    # the slice that was asked for by an event and takes this one with it: many small estates are one piece of work
    Column("leader_id", BigInteger),
    Column("actions", Integer, nullable=False, server_default="0"),
    # households whose step waits for a hold
    Column("held", Integer, nullable=False, server_default="0"),
    # null until done
    Column("finished_at", DateTime(timezone=True)),
    UniqueConstraint("sweep_id", "estate_id", name="dunning_sweep_slice_key"),
    Index("dunning_sweep_slice_estate_idx", "estate_id", "finished_at"),
    Index("dunning_sweep_slice_leader_idx", "leader_id"),
)

dunning_action = Table(
    "dunning_action",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("household_id", BigInteger, nullable=False),
    # the household's oldest open bill when the step was taken
    Column("bill_id", BigInteger, nullable=False),
    Column("slice_id", BigInteger, nullable=False),
    Column("overdue_fen", BigInteger, nullable=False),
    Column("late_fee_fen", BigInteger, nullable=False),
    Column("estate_id", Integer, nullable=False),
    Column("overdue_days", Integer, nullable=False),
    Column("as_of", Date, nullable=False),
    Column("due_date", Date, nullable=False),
    Column("deadline", Date),
    Column("position", SmallInteger, nullable=False),
    Column("step", Text, nullable=False),
    UniqueConstraint("household_id", "bill_id", "step", name="dunning_action_once_key"),
    Index("dunning_action_slice_id_idx", "slice_id"),
    # steps are taken day by day: a block-range index finds a span of days and costs a sweep next to nothing
    Index("dunning_action_as_of_idx", "as_of", postgresql_using="brin"),
)

dunning_contact = Table(
    "dunning_contact",
    metadata,
    # the request id
    Column("id", Uuid, primary_key=True),
    Column("household_id", BigInteger, nullable=False),
    Column("step", Text),
    Column("kind", Text, nullable=False),
    # what the owner said
    Column("answer", Text, nullable=False),
    Column("note", Text),
    Column("promised_on", Date),
    Column("cause", Text),
    Column("contacted_at", DateTime(timezone=True), nullable=False),
    Column("contacted_by", Text, nullable=False),
    # what came of it; null: not said
    Column("outcome", Text),
    CheckConstraint(f"outcome IN {OUTCOMES}", name="outcome"),
    Index("dunning_contact_household_id_idx", "household_id", "contacted_at"),
)


@dataclass(frozen=True)
class ContactRecord:
    """A talk with a household, or what staff made of one (`assessment`)."""

    id: UUID
    household_id: int
    step: str | None
    kind: ContactKind | Literal["assessment"]
    answer: str
    note: str | None
    promised_on: date | None
    cause: Cause | None
    contacted_at: datetime
    contacted_by: str
    outcome: ContactOutcome | None


@dataclass(frozen=True)
class WaitingSlice:
    """A slice of a sweep that is not done."""

    id: int
    sweep_id: UUID
    estate_id: int
    as_of: date


def restores(entry: str) -> str:
    """SQL: principal came back after it was settled (a refund, a payment placed elsewhere)."""
    return f"{entry}.debit_account = 'receivable' AND {entry}.credit_account NOT IN ('fee_income', 'opening_equity')"


# Rare, and asked for by bill.
Index(
    "ledger_entry_restored_idx",
    ledger_entry.c.estate_id,
    ledger_entry.c.bill_id,
    postgresql_where=text(restores("ledger_entry")),
)


def lock_ladder(session: Session, estate_ids: Sequence[int]) -> None:
    """One sweep at a time per estate, until the transaction ends; without it two could take rungs out of order.

    No ladder changes meanwhile either (`lock_to_change`). Locks are taken in one order whoever asks.
    """
    session.execute(_LOCK_SWEEP, {"ids": sorted(estate_ids)})


def lock_to_change(session: Session, estate_id: int) -> None:
    """Wait for running sweeps and hold off others, to change the ladder of an estate; 0 is the group's: of all."""
    hold(session, Lock.LADDER, estate_id)


_LOCK_SWEEP = text(f"""
SELECT {Lock.LADDER.share("0")}, (
  SELECT count({Lock.LADDER.exclusive("id")}) FROM (SELECT unnest(CAST(:ids AS int[])) AS id) ordered)
""")


def plan_slices(session: Session, sweep_id: UUID, estate_ids: Sequence[int], together: int) -> list[int]:
    """One slice per estate, `together` of them to a leader; returns the leaders' ids."""
    key = {"sweep_id": sweep_id, "estate_ids": list(estate_ids), "together": together}
    return list(session.scalars(_PLAN, key)) if estate_ids else []


_PLAN = text("""
WITH planned AS (
  SELECT estate_id, place, nextval(pg_get_serial_sequence('dunning_sweep_slice', 'id')) AS id
  FROM unnest(CAST(:estate_ids AS int[])) WITH ORDINALITY AS e (estate_id, place) ORDER BY place
), led AS (
  INSERT INTO dunning_sweep_slice (id, sweep_id, estate_id, leader_id)
  SELECT id, CAST(:sweep_id AS uuid), estate_id,
         first_value(id) OVER (PARTITION BY (place - 1) / :together ORDER BY place)
  FROM planned ORDER BY place
  RETURNING id, leader_id
)
SELECT id FROM led WHERE id = leader_id ORDER BY id
""")

_WAITING = text("""
SELECT s.id, s.sweep_id, s.estate_id, w.as_of FROM dunning_sweep_slice s JOIN dunning_sweep w ON w.id = s.sweep_id
WHERE (s.id = :slice_id OR s.leader_id = :slice_id) AND s.finished_at IS NULL ORDER BY s.id
""")


def waiting_slices(session: Session, slice_id: int) -> list[WaitingSlice]:
    """A slice and those it takes with it, as far as they are not done."""
    return rows_of(WaitingSlice, session.execute(_WAITING, {"slice_id": slice_id}))


def set_cause(session: Session, household_id: int, cause: Cause) -> None:
    """Why the household does not pay (D2)."""
    session.execute(update(household).where(household.c.id == household_id).values(arrears_cause=cause))
