"""LAW of transfers: from what was recorded follows who pays for a unit on every day, without gap or overlap (A1).

A transfer says who pays from a day on, until the next transfer by date. A tenant may come with a last day; afterwards
the owner pays again who was in place when the tenant came. Recording order does not matter, only the days do.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import zip_longest

from services.billing.portfolio.days import BEGINNING, ONE_DAY, YEARS_AHEAD, latest_day
from services.common.contracts.answers.portfolio import PayerRole, UnitStatus


@dataclass(frozen=True)
class Transfer:
    """A household pays from `from_date` on; `to_date` is the last day of a tenant who will leave (None: open)."""

    household_id: int
    role: PayerRole
    from_date: date
    to_date: date | None = None


@dataclass(frozen=True)
class Days:
    """Who pays from `first` to `last`, both inclusive; `last` None: from then on."""

    household_id: int
    role: PayerRole
    first: date
    last: date | None


@dataclass(frozen=True)
class Billed:
    """What is looked at of a bill: its days and its id."""

    bill_id: int
    first: date
    last: date


def timeline(transfers: Sequence[Transfer]) -> list[Days]:
    """Who pays on which days. The first transfer is from BEGINNING and not a tenant's; no two start on one day."""
    by_day = sorted(transfers, key=lambda transfer: transfer.from_date)
    owner = by_day[0]
    days: list[Days] = []
    for current, following in zip_longest(by_day, by_day[1:]):
        last = following.from_date - ONE_DAY if following else None
        owner = owner if current.role == "tenant" else current
        days += _spell(current, owner, last)
    return days


def _spell(current: Transfer, owner: Transfer, last: date | None) -> Iterator[Days]:
    """The days of one transfer up to `last`; the owner's again after a tenant's last day."""
    if current.to_date is None or (last is not None and last <= current.to_date):
        yield Days(current.household_id, current.role, current.from_date, last)
    else:
        yield Days(current.household_id, current.role, current.from_date, current.to_date)
        yield Days(owner.household_id, owner.role, current.to_date + ONE_DAY, last)


def payer_on(days: Sequence[Days], day: date) -> Days:
    """Who pays on a day."""
    return next(spell for spell in reversed(days) if spell.first <= day)


def cut(days: Sequence[Days], first: date, last: date) -> list[Days]:
    """The part from `first` to `last`; spells of one household and role that touch are one."""
    pieces: list[Days] = []
    for spell in days:
        start, end = max(spell.first, first), last if spell.last is None else min(spell.last, last)
        if start > end:
            continue
        if pieces and (pieces[-1].household_id, pieces[-1].role) == (spell.household_id, spell.role):
            start = pieces.pop().first
        pieces.append(Days(spell.household_id, spell.role, start, end))
    return pieces


def outdated(bills: Sequence[Billed], before: Sequence[Days], after: Sequence[Days]) -> list[int]:
    """Bills for days that have another payer now; they stay as they are until somebody voids and reissues them (B5)."""
    return [b.bill_id for b in bills if cut(before, b.first, b.last) != cut(after, b.first, b.last)]


def role_by(status: UnitStatus) -> PayerRole:
    """As what somebody pays who is not said to be a tenant: an unsold unit is the developer's."""
    return "developer" if status == "unsold" else "owner"


def status_given(role: PayerRole, requested_status: UnitStatus | None, before: UnitStatus) -> UnitStatus | None:
    """The unit's status from the transfer's day on: a unit that was sold is no longer unsold. None: as it is."""
    if requested_status is not None:
        return requested_status
    if role == "developer":
        return "unsold"
    return "occupied" if role == "owner" and before == "unsold" else None


def complaints(
    role: PayerRole, from_date: date, to_date: date | None, status: UnitStatus | None, today: date
) -> list[dict[str, str]]:
    """Everything wrong with a transfer in itself, as `{"loc", "msg"}`."""
    errors = []
    if not BEGINNING < from_date <= latest_day(today):
        errors.append({"loc": "from_date", "msg": f"after {BEGINNING} and less than {YEARS_AHEAD} years ahead"})
    if to_date is not None and role != "tenant":
        errors.append({"loc": "to_date", "msg": "only a tenant pays up to a day"})
    if to_date is not None and not from_date <= to_date <= latest_day(today):
        errors.append({"loc": "to_date", "msg": f"not before from_date and less than {YEARS_AHEAD} years ahead"})
    if status is not None and (status == "unsold") != (role == "developer") and role != "tenant":
        errors.append({"loc": "status", "msg": "a developer's unit is unsold, an owner's is not"})
    return errors
