"""SIGNALS that wait for the commit: a counter must not count what was rolled back, nor twice what was repeated."""

from collections.abc import Callable

from sqlalchemy import event
from sqlalchemy.orm import Session

_WAITING = "when_committed"
Effect = Callable[[], None]


def when_committed(session: Session, effect: Effect) -> None:
    """Run `effect` once, after `session` commits; a rollback forgets it. It must not use the session."""
    if _WAITING not in session.info:
        session.info[_WAITING] = []
        event.listen(session, "after_commit", _run)
        event.listen(session, "after_soft_rollback", _forget)
    session.info[_WAITING].append(effect)


def _run(session: Session) -> None:
    effects: list[Effect] = session.info[_WAITING]
    while effects:
        effects.pop()()


def _forget(session: Session, *_previous: object) -> None:
    session.info[_WAITING].clear()
