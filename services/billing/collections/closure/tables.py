"""STORE of the closure programme (画句号工程, D6): its policy and stages as data, cases, what was done, appointments.

A household has one case for good. What it owes is read from the bills the case was given; whether it is closed or
paused is read from them and from holds at the moment of asking, so that no event can be missed.
"""

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
    Time,
    Uuid,
    text,
)

from services.billing.tables import metadata

INSTANT = DateTime(timezone=True)

closure_policy = Table(
    "closure_policy",
    metadata,
    # 0 is the group's
    Column("estate_id", Integer, primary_key=True, autoincrement=False),
    # a bill enrols its household when it is more days overdue than this
    Column("overdue_days", SmallInteger, nullable=False),
    # Asia/Shanghai, every day of the week; the end is exclusive
    Column("opens", Time, nullable=False),
    Column("closes", Time, nullable=False),
    Column("cap_count", SmallInteger, nullable=False),
    Column("cap_days", SmallInteger, nullable=False),
    CheckConstraint("overdue_days > 0 AND opens < closes AND cap_count > 0 AND cap_days > 0", name="sense"),
)

closure_stage = Table(
    "closure_stage",
    metadata,
    # 0 is the group's; an estate with stages of its own uses only those
    Column("estate_id", Integer, primary_key=True, autoincrement=False),
    Column("code", Text, primary_key=True),
    Column("position", SmallInteger, nullable=False),
    # how long a case may stay in it
    Column("days", SmallInteger, nullable=False),
    # taken instead of the other stage of its position after this outcome; null: the usual one
    Column("after_outcome", Text),
    CheckConstraint("days > 0", name="days"),
    Index("closure_stage_position_key", "estate_id", "position", text("COALESCE(after_outcome, '')"), unique=True),
)

closure_programme = Table(
    "closure_programme",
    metadata,
    # the request id: the same call again finds its run
    Column("id", Uuid, primary_key=True),
    Column("estate_id", Integer, ForeignKey("estate.id"), nullable=False),
    Column("as_of", Date, nullable=False),
    Column("requested_by", Text, nullable=False),
    Column("created_at", INSTANT, nullable=False),
    Column("enrolled", Integer, nullable=False, server_default="0"),
    Column("bills", Integer, nullable=False, server_default="0"),
)

closure_case = Table(
    "closure_case",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("household_id", BigInteger, nullable=False, unique=True),
    Column("estate_id", Integer, nullable=False),
    Column("programme_id", Uuid, ForeignKey("closure_programme.id"), nullable=False),
    Column("enrolled_on", Date, nullable=False),
    Column("stage", Text, nullable=False),
    Column("stage_since", Date, nullable=False),
    Index("closure_case_estate_id_idx", "estate_id", "id"),
)

# What the case is about, with what was paid and open on the day it came in.
closure_bill = Table(
    "closure_bill",
    metadata,
    Column("bill_id", BigInteger, primary_key=True, autoincrement=False),
    Column("case_id", BigInteger, ForeignKey("closure_case.id"), nullable=False),
    Column("paid_fen", BigInteger, nullable=False),
    Column("open_fen", BigInteger, nullable=False),
    Column("added_on", Date, nullable=False),
    Index("closure_bill_case_id_idx", "case_id"),
)

closure_event = Table(
    "closure_event",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("case_id", BigInteger, ForeignKey("closure_case.id"), nullable=False),
    Column("happened_on", Date, nullable=False),
    # the stage from then on
    Column("stage", Text, nullable=False),
    # null: enrolled, or enrolled again
    Column("outcome", Text),
    Column("note", Text),
    Column("recorded_by", Text, nullable=False),
    Column("recorded_at", INSTANT, nullable=False),
    Index("closure_event_case_id_idx", "case_id", "id"),
)

closure_appointment = Table(
    "closure_appointment",
    metadata,
    # the request id
    Column("id", Uuid, primary_key=True),
    Column("case_id", BigInteger, ForeignKey("closure_case.id"), nullable=False),
    Column("at", INSTANT, nullable=False),
    Column("place", Text, nullable=False),
    Column("who", Text, nullable=False),
    Column("stage", Text, nullable=False),
    Column("made_by", Text, nullable=False),
    # null until it took place or was cancelled
    Column("outcome", Text),
    Column("note", Text),
    Column("recorded_by", Text),
    Column("recorded_at", INSTANT),
    CheckConstraint(
        "outcome IN ('promised', 'fixed', 'refused', 'not_reached', 'service_problem', 'cancelled')", name="outcome"
    ),
    Index("closure_appointment_case_id_idx", "case_id", "at"),
)
