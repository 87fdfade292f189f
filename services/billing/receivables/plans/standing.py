"""STORY of keeping plans (C3): reckon how they stand when something happened, and tell dunning when that changes.

`book` restates the plans of a household it moves money of. What merely time does is found by the timer; it is in
`instalment_plan_standing` already, so nothing that counts late fee waits.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from uuid import UUID

from sqlalchemy.orm import Session

from services.billing.holds import handlers as holds
from services.billing.receivables.late_fee.events import bill_events
from services.billing.receivables.ledger import tables as ledger
from services.billing.receivables.ledger.history import entries_by_bill
from services.billing.receivables.ledger.rules import Entry
from services.billing.receivables.plans import tables
from services.billing.receivables.plans.rules import (
    Frozen,
    HouseholdPlans,
    PlannedBill,
    Standing,
    frozen_bills,
    standings,
)
from services.common.domain.calendar import business_date
from services.common.observability.logs import get_logger

BATCH = 200
log = get_logger(__name__)


def frozen(plans: HouseholdPlans, entries: Mapping[int, Sequence[Entry]], as_of: date) -> Frozen:
    """What a household's plans do to its bills on a day."""
    return frozen_bills(plans.by_id.values(), planned_bills(plans, entries), as_of)


def planned_bills(plans: HouseholdPlans, entries: Mapping[int, Sequence[Entry]]) -> dict[int, PlannedBill]:
    """Every bill of a household's plans, by id."""
    return {
        bill_id: PlannedBill(bill_id, fen, bill_events(entries.get(bill_id, ())))
        for bill_id, fen in plans.principal.items()
    }


def reckon(session: Session, household_id: int, household: str, now: datetime) -> None:
    """Find anew how the household's plans stand. The caller holds the household's row."""
    plans = tables.household_plans(session, household_id)
    restate_plans(session, household, plans, entries_by_bill(session, sorted(plans.principal)), now)


def restate_plans(
    session: Session, household: str, plans: HouseholdPlans, entries: Mapping[int, Sequence[Entry]], now: datetime
) -> None:
    """Keep how plans stand, on every day, by what happened to their bills; tell dunning of what is different today."""
    bills = planned_bills(plans, entries)
    for plan_id, plan in plans.by_id.items():
        timeline = standings(plan, [bills[bill_id] for bill_id in sorted(plan.bill_ids)])
        tables.keep_standings(session, plan_id, timeline)
        _tell(session, plan_id, household, timeline, now)


def standing_on(timeline: Sequence[Standing], day: date) -> Standing:
    """The one that holds on a day, the first for days before it."""
    return next((standing for standing in reversed(timeline) if standing.from_on <= day), timeline[0])


def _tell(session: Session, plan_id: UUID, household: str, timeline: Sequence[Standing], now: datetime) -> None:
    status = standing_on(timeline, business_date(now)).status
    before = tables.announced_status(session, plan_id)
    if status == before:
        return
    tables.tell(session, plan_id, status, now)
    if status == "performing":
        holds.hold(session, "plan", plan_id, household, now, holds_dunning=True)
    elif before == "performing":
        holds.release(session, "plan", plan_id, household, now)
    log.info("plan changed", extra={"plan_id": str(plan_id), "status": status, "before": before})


def households_to_tell(session: Session, today: date) -> list[str]:
    """Households of which time has ended or broken a plan; a batch at a time."""
    return tables.untold(session, today, BATCH)


def reckon_household(session: Session, household: str, now: datetime) -> None:
    """What the timer does for one household; left to whoever else is at it, once."""
    ledger.lock_estate_of(session, household)
    household_id = tables.claim_household(session, household)
    if household_id is not None:
        reckon(session, household_id, household, now)
