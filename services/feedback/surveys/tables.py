"""STORE of ratings: invitations, answers, tallies."""

from collections.abc import Collection
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from uuid import UUID

from sqlalchemy import RowMapping, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from services.common.domain.access import Scope
from services.common.narrowing import among, below, equals
from services.feedback.surveys.rules import SATISFIED_SCORES, Survey, Tally
from services.feedback.tables import survey

COLUMNS = [survey.c[field.name] for field in fields(Survey)]


@dataclass(frozen=True)
class Filter:
    """What was asked for; None: whatever there is."""

    estate: str | None = None
    household: str | None = None
    work_order: UUID | None = None


def invite(session: Session, new: Survey) -> bool:
    """Insert an invitation; False while an earlier one for the same order still waits for its answer."""
    statement = insert(survey).values(**asdict(new)).on_conflict_do_nothing()
    return session.execute(statement.returning(survey.c.id)).first() is not None


def find(session: Session, survey_id: UUID) -> Survey | None:
    """The survey as it is."""
    return _survey_of(session.execute(select(*COLUMNS).where(survey.c.id == survey_id)).mappings().first())


def lock(session: Session, survey_id: UUID) -> Survey | None:
    """The survey, locked until the transaction ends: one answer."""
    query = select(*COLUMNS).where(survey.c.id == survey_id).with_for_update()
    return _survey_of(session.execute(query).mappings().first())


def _survey_of(row: RowMapping | None) -> Survey | None:
    return None if row is None else Survey(**row)


def save(session: Session, survey_after: Survey) -> None:
    """Write the survey back."""
    session.execute(update(survey).where(survey.c.id == survey_after.id).values(**asdict(survey_after)))


def listed(
    session: Session, scope: Scope, cut: Filter, limit: int, after: tuple[datetime, UUID] | None
) -> list[Survey]:
    """Up to `limit` surveys within `scope` after the key `(invited_at, id)`, newest first."""
    query = select(*COLUMNS).where(
        among(survey.c.estate, scope.estates),
        equals(survey.c.household, scope.household),
        equals(survey.c.work_order_id, cut.work_order),
        below((survey.c.invited_at, survey.c.id), after),
    )
    query = query.order_by(survey.c.invited_at.desc(), survey.c.id.desc()).limit(limit)
    return [Survey(**row._asdict()) for row in session.execute(query)]


def tallies(session: Session, estates: Collection[str] | None, since: datetime) -> dict[str, Tally]:
    """Per estate over the invitations sent since `since`."""
    query = (
        select(
            survey.c.estate,
            func.count(),
            func.count(survey.c.score),
            func.count().filter(survey.c.score.in_(SATISFIED_SCORES)),
            func.coalesce(func.sum(survey.c.score), 0),
        )
        .where(survey.c.invited_at >= since, among(survey.c.estate, estates))
        .group_by(survey.c.estate)
    )
    return {estate: Tally(*numbers) for estate, *numbers in session.execute(query)}
