"""STORE of the ladder as data (D1, D2)."""

from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from services.billing.collections.dunning.ladder.rules import Rung
from services.billing.collections.dunning.tables import dunning_step, dunning_track
from services.common.contracts.answers.dunning import LadderRung, LadderTrack


def steps(session: Session, estate_id: int) -> list[LadderRung]:
    """The steps of an estate's own ladder (0: the group's), in order; none: it has no own."""
    query = select(dunning_step).where(dunning_step.c.estate_id == estate_id).order_by(dunning_step.c.position)
    return [
        LadderRung(
            code=row.code,
            earliest_day=row.earliest_day,
            latest_day=row.latest_day,
            kind=row.kind,
            channels=row.channels,
            template=row.template,
            requires=row.requires,
            deadline_days=row.deadline_days,
            gap_days=row.gap_days,
        )
        for row in session.execute(query)
    ]


def tracks(session: Session) -> list[LadderTrack]:
    """What stands instead of steps, by cause."""
    query = select(dunning_track).order_by(dunning_track.c.cause, dunning_track.c.replaces)
    return [
        LadderTrack(
            cause=row.cause,
            replaces=row.replaces,
            code=row.code,
            earliest_day=row.earliest_day,
            latest_day=row.latest_day,
            kind=row.kind,
            channels=row.channels,
            template=row.template,
            requires=row.requires,
            deadline_days=row.deadline_days,
            gap_days=row.gap_days,
        )
        for row in session.execute(query)
    ]


def replace_steps(session: Session, estate_id: int, steps: Sequence[Rung]) -> None:
    """These steps and no others, positions from 1."""
    session.execute(delete(dunning_step).where(dunning_step.c.estate_id == estate_id))
    rows = [
        asdict(step)
        | {"channels": list(step.channels), "requires": list(step.requires)}
        | {"estate_id": estate_id, "position": place}
        for place, step in enumerate(steps, start=1)
    ]
    if rows:
        session.execute(insert(dunning_step), rows)
