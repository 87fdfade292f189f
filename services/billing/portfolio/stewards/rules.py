"""LAW of stewardship: one steward a building and day; an appointment holds until the next one by date (A4)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Term:
    """A steward answers for a building from `first` to `last`, both inclusive; `last` None: while it lasts."""

    staff: str
    first: date
    last: date | None
    set_by: str | None = None
    set_at: datetime | None = None


def appoint(terms: Sequence[Term], staff: str, day: date, by: str, at: datetime) -> list[Term]:
    """The terms with `staff` in office from `day` until the next appointment; one of the same day is replaced."""
    in_office = holder(terms, day)
    if in_office is not None and in_office.staff == staff:
        return list(terms)
    others = _without(terms, day)
    later = [term.first for term in others if term.first > day]
    last = min(later) - ONE_DAY if later else None
    return sorted([*others, Term(staff, day, last, by, at)], key=lambda term: term.first)


def dismiss(terms: Sequence[Term], staff: str, day: date) -> list[Term]:
    """The terms, `staff` out of office from `day` on when in office on it; planned appointments stay."""
    in_office = holder(terms, day)
    return list(terms) if in_office is None or in_office.staff != staff else _without(terms, day)


def holder(terms: Sequence[Term], day: date) -> Term | None:
    """The term that covers a day."""
    return next((t for t in terms if t.first <= day and (t.last is None or t.last >= day)), None)


def _without(terms: Sequence[Term], day: date) -> list[Term]:
    """The terms, the one that covers `day` ended before it; one that began on it never was."""
    return [_end_of(term, day) if term.first < day else term for term in terms if term.first != day]


def _end_of(term: Term, day: date) -> Term:
    ends = term.last is None or term.last >= day
    return replace(term, last=day - ONE_DAY) if ends else term
