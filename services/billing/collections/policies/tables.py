"""STORE of billing's policies in the tables of their parts; 0 is the group."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Table, delete, insert, select
from sqlalchemy.orm import Session

from services.billing.collections.closure.tables import closure_policy, closure_stage
from services.billing.collections.dunning.policy_tables import dunning_policy
from services.billing.collections.dunning.tables import dunning_track, lock_to_change
from services.billing.receivables.ledger.tables import collection_policy, late_fee_rate
from services.billing.receivables.plans.tables import plan_policy
from services.billing.tables import estate as estates
from services.common.policies.rows import read_row, read_version, write_row, write_version

GROUP = 0
Values = dict[str, Any]


def _key(session: Session, estate: str | None) -> dict[str, int]:
    query = select(estates.c.id).where(estates.c.code == estate)
    return {"estate_id": GROUP if estate is None else session.scalars(query).one()}


@dataclass(frozen=True)
class OneRow:
    """A policy that is one row per estate; `names`: value → column."""

    table: Table
    names: Mapping[str, str]

    def read(self, session: Session, estate: str | None, _on: date) -> Values | None:
        """As it stands."""
        return read_row(session, self.table, _key(session, estate), self.names)

    def write(self, session: Session, estate: str | None, values: Values | None, _since: date) -> None:
        """In its place."""
        write_row(session, self.table, _key(session, estate), values, self.names)


@dataclass(frozen=True)
class ByDay:
    """A policy of which there is a version from each day on; `names`: value → column."""

    table: Table
    names: Mapping[str, str]

    def read(self, session: Session, estate: str | None, on: date) -> Values | None:
        """As it holds on a day."""
        return read_version(session, self.table, _key(session, estate), self.names, on)

    def write(self, session: Session, estate: str | None, values: Values | None, since: date) -> None:
        """From a day on."""
        write_version(session, self.table, _key(session, estate), values, self.names, since)


PLAN = OneRow(plan_policy, {name: name for name in ("late_days", "revives", "backdate_days", "longest_months")})
LATE_FEE_TERMS = ByDay(
    collection_policy, {"capped": "late_fee_capped", "grace_days": "grace_days", "grace_mode": "grace_mode"}
)
ALLOCATION = ByDay(collection_policy, {"order": "allocation"})
DUNNING = OneRow(dunning_policy, {n: n for n in ("small_amount_fen", "gap_days", "promise_days", "promises_per_rung")})
RATE = ByDay(late_fee_rate, {"daily": "daily"})
_CLOSURE = OneRow(closure_policy, {name: name for name in ("overdue_days", "opens", "closes", "cap_count", "cap_days")})


def read_rate(session: Session, estate: str | None, on: date) -> Values | None:
    """The daily rate as decimal text."""
    values = RATE.read(session, estate, on)
    return values and {"daily": format(values["daily"].normalize(), "f")}


def write_rate(session: Session, estate: str | None, values: Values | None, since: date) -> None:
    """The daily rate from a day on."""
    RATE.write(session, estate, values, since)


def read_closure(session: Session, estate: str | None, on: date) -> Values | None:
    """Enrolment, window and cap; times as HH:MM."""
    values = _CLOSURE.read(session, estate, on)
    return values and values | {name: f"{values[name]:%H:%M}" for name in ("opens", "closes")}


def write_closure(session: Session, estate: str | None, values: Values | None, since: date) -> None:
    """Enrolment, window and cap."""
    _CLOSURE.write(session, estate, values, since)


STAGE = ("code", "position", "days", "after_outcome")


def read_stages(session: Session, estate: str | None, _on: date) -> Values | None:
    """The stages of the closure programme in order; None: an estate has none of its own."""
    columns = [closure_stage.c[name] for name in STAGE]
    query = select(*columns).where(closure_stage.c.estate_id == _key(session, estate)["estate_id"])
    order = (closure_stage.c.position, closure_stage.c.after_outcome.nulls_first())
    stages = [dict(row._mapping) for row in session.execute(query.order_by(*order))]
    return {"stages": stages} if stages else None


def write_stages(session: Session, estate: str | None, values: Values | None, _since: date) -> None:
    """These stages and no others; a case in one that is gone stays in it until somebody decides."""
    key = _key(session, estate)
    session.execute(delete(closure_stage).where(closure_stage.c.estate_id == key["estate_id"]))
    if values is not None:
        session.execute(insert(closure_stage), [key | stage for stage in values["stages"]])


TRACK = (
    "cause", "replaces", "code", "earliest_day", "latest_day", "kind", "channels", "template", "requires",
    "deadline_days", "gap_days",
)  # fmt: skip


def read_tracks(session: Session, _estate: str | None, _on: date) -> Values | None:
    """What stands instead of rungs, by cause; of the group."""
    columns = [dunning_track.c[name] for name in TRACK]
    query = select(*columns).order_by(dunning_track.c.cause, dunning_track.c.replaces)
    return {"tracks": [dict(row._mapping) for row in session.execute(query)]}


def write_tracks(session: Session, _estate: str | None, values: Values | None, _since: date) -> None:
    """These tracks and no others, in the middle of no sweep."""
    lock_to_change(session, GROUP)
    session.execute(delete(dunning_track))
    if values is not None and values["tracks"]:
        session.execute(insert(dunning_track), values["tracks"])
