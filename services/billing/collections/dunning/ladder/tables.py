"""STORE of the ladder as data (D1, D2)."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Row, delete, insert, select
from sqlalchemy.orm import Session

from services.billing.collections.dunning.ladder.rules import Rung
from services.billing.collections.dunning.tables import dunning_step, dunning_track

_SHOWN = [column for column in dunning_step.c if column.name not in ("estate_id", "position")]


def steps(session: Session, estate_id: int) -> Sequence[Row[Any]]:
    """The steps of an estate's own ladder (0: the group's), in order; none: it has no own."""
    query = select(*_SHOWN).where(dunning_step.c.estate_id == estate_id).order_by(dunning_step.c.position)
    return session.execute(query).all()


def tracks(session: Session) -> Sequence[Row[Any]]:
    """What stands instead of steps, by cause."""
    return session.execute(select(dunning_track).order_by(dunning_track.c.cause, dunning_track.c.replaces)).all()


def replace_steps(session: Session, estate_id: int, steps: Sequence[Rung]) -> None:
    """These steps and no others, positions from 1."""
    session.execute(delete(dunning_step).where(dunning_step.c.estate_id == estate_id))
    rows = [asdict(step) | {"estate_id": estate_id, "position": place} for place, step in enumerate(steps, start=1)]
    if rows:
        session.execute(insert(dunning_step), [_lists(row) for row in rows])


def _lists(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"channels": list(row["channels"]), "requires": list(row["requires"])}
