"""STORE of alarms of service clocks (G2, H2): planned for a thing that has clocks, each raised once by one replica."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Table, delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from services.common.rows import Kind, rows_of


@dataclass(frozen=True)
class Alarms:
    """The table of alarms, the table of what they are about, and the column by which they name it.

    `at_once`: an alarm is due at its very instant; otherwise after it, because what is done at it is in time.
    """

    alarm: Table
    about: Table
    key: str
    at_once: bool = True

    def replan(self, session: Session, about: UUID, alarms: Iterable[Any]) -> None:
        """Replace what was planned and not raised; an alarm that was raised stays and is not raised again."""
        waiting = (self.alarm.c[self.key] == about, self.alarm.c.raised_at.is_(None))
        session.execute(delete(self.alarm).where(*waiting))
        rows = [{self.key: about, **asdict(alarm)} for alarm in alarms]
        if rows:
            session.execute(insert(self.alarm).values(rows).on_conflict_do_nothing())

    def claim_due(self, session: Session, kind: type[Kind], now: datetime, limit: int) -> list[Kind]:
        """Alarms whose time has come, locked; those another replica holds are skipped.

        `kind` is a dataclass whose fields are columns of the alarm, or else of what it is about.
        """
        names = [field.name for field in fields(kind)]
        columns = [self.alarm.c[name] if name in self.alarm.c else self.about.c[name] for name in names]
        due = self.alarm.c.alarm_at <= now if self.at_once else self.alarm.c.alarm_at < now
        query = (
            select(*columns)
            .join(self.about, self.about.c.id == self.alarm.c[self.key])
            .where(self.alarm.c.raised_at.is_(None), due)
            .order_by(self.alarm.c.alarm_at)
            .limit(limit)
            .with_for_update(of=self.alarm, skip_locked=True)
        )
        return rows_of(kind, session.execute(query))

    def mark_raised(self, session: Session, due: Any, now: datetime) -> None:
        """This alarm is never raised again."""
        this = (column == getattr(due, column.name) for column in self.alarm.primary_key)
        session.execute(update(self.alarm).where(*this).values(raised_at=now))
