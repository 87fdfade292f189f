"""STORY of a unit's status over the counter: asked → recorded from its day on → bills it makes wrong named (A1, B3)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.orm import Session

from services.billing.portfolio import tables as portfolio
from services.billing.portfolio.days import BEGINNING, YEARS_AHEAD, latest_day
from services.billing.portfolio.statuses import recording, rules
from services.billing.portfolio.statuses.rules import StatusDays
from services.billing.portfolio.statuses.tables import NewStatus
from services.billing.portfolio.tables import Unit
from services.billing.portfolio.transfers.handlers import Place
from services.billing.portfolio.transfers.tables import RunBill, as_billed, bills
from services.billing.portfolio.transfers.views import bill_to_reissue
from services.billing.tables import lock_estate
from services.common.contracts.answers.portfolio import UnitStatus
from services.common.contracts.answers.statuses import ChangedStatus, StatusSpell, UnitStatuses
from services.common.contracts.errors import Invalid
from services.common.domain.access import Caller
from services.common.domain.calendar import business_date
from services.common.domain.permissions import Permission


@dataclass(frozen=True)
class StatusRequest:
    """A unit has this status from a day on."""

    status: UnitStatus
    from_date: date


def set_status(session: Session, caller: Caller, place: Place, request: StatusRequest, now: datetime) -> ChangedStatus:
    """Give a unit a status from a day on, until the next one on record (A1). The same again changes nothing.

    Issued bills stay; those for days that have another status now are named, to be voided and reissued (B5). Invalid,
    NotFound, Forbidden.
    """
    caller.require(Permission.SET_UNIT_STATUS)
    estate_id = portfolio.find_estate(session, caller, place.estate).id
    lock_estate(session, estate_id)
    unit, today = portfolio.find_unit(session, estate_id, place.unit), business_date(now)
    if not BEGINNING < request.from_date <= latest_day(today):
        msg = f"after {BEGINNING} and less than {YEARS_AHEAD} years ahead"
        raise Invalid("The status is not valid.", [{"loc": "from_date", "msg": msg}])
    before = recording.days_of(session, unit)
    if rules.status_on(before, request.from_date) != request.status:
        change = NewStatus(unit.id, request.status, request.from_date, "request")
        recording.record(session, [change], caller.sub, now)
        recording.settle(session, [unit.id], today)
    after = recording.days_of(session, unit)
    wrong = [bill for bill in bills(session, unit.id) if _is_wrong(bill, before, after)]
    return ChangedStatus(**_view(place, after, today), bills_to_reissue=[bill_to_reissue(bill) for bill in wrong])


def _is_wrong(bill: RunBill, before: Sequence[StatusDays], after: Sequence[StatusDays]) -> bool:
    days = as_billed(bill)
    return bill.metered_from is None and rules.differ(before, after, days.first, days.last)


def statuses(session: Session, caller: Caller, place: Place, today: date) -> UnitStatuses:
    """The status a unit had, has and will have (A1). NotFound, Forbidden."""
    caller.require(Permission.READ_UNITS)
    unit = _unit(session, caller, place)
    return _view(place, recording.days_of(session, unit), today)


def _unit(session: Session, caller: Caller, place: Place) -> Unit:
    return portfolio.find_unit(session, portfolio.find_estate(session, caller, place.estate).id, place.unit)


def _view(place: Place, days: Sequence[StatusDays], today: date) -> UnitStatuses:
    spells = [
        StatusSpell(
            status=spell.status,
            from_date=None if spell.first == BEGINNING else spell.first,
            to_date=spell.last,
            current=spell.first <= today and (spell.last is None or today <= spell.last),
        )
        for spell in days
    ]
    unit = f"{place.estate}/{place.unit}"
    return UnitStatuses(unit=unit, status=rules.status_on(days, today), items=spells, next_cursor=None)
