"""STORY of disputes (D1, D3): a bill somebody disputes leaves the ladder until that is settled; the others go on.

The bill stays owed meanwhile: it is on the statement, payments may settle it and its late fee accrues. What changes is
that no notice urges for it.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from services.billing.collections.dunning.treatment import tables
from services.billing.collections.dunning.treatment.tables import DisputeRecord, LockedBill
from services.billing.receivables.ledger.tables import lock_estate_of
from services.common.contracts.answers.dunning import Dispute, DisputeOutcome
from services.common.contracts.errors import Conflict, NotFound
from services.common.domain.access import Caller
from services.common.domain.permissions import Permission
from services.common.once import same_request

# The owner was right: the bill is left out of the ladder until finance has voided or waived it.
STAYS_OUT = "upheld"


@dataclass(frozen=True)
class Settlement:
    """How a dispute ended. `amended`: put right, what is left stands; `rejected`, `withdrawn`: the bill stands."""

    outcome: DisputeOutcome
    note: str


def dispute_bill(
    session: Session, caller: Caller, bill_id: int, request_id: UUID, reason: str, now: datetime
) -> Dispute:
    """Record that a bill is disputed, by its owner or by staff who were told; the same call again records nothing new.

    NotFound, Forbidden, Conflict (void, settled or disputed already).
    """
    caller.require(Permission.DISPUTE_BILL)
    bill = _bill(session, caller, bill_id)
    row = {"id": request_id, "household_id": bill.household_id, "reason": reason}
    record = tables.dispute(session, request_id)
    if record is None:
        _may_be_disputed(bill)
        record = tables.open_dispute(session, bill_id, row | {"opened_by": caller.sub}, now)
    return dispute_view(same_request("dispute", record, row | {"bill_id": bill_id}), bill.household)


def settle_dispute(
    session: Session, caller: Caller, bill_id: int, request_id: UUID, settlement: Settlement, now: datetime
) -> Dispute:
    """End a bill's open dispute; unless it was upheld, the bill is on the ladder again. NotFound, Conflict, Forbidden.

    The same call again changes nothing.
    """
    caller.require(Permission.SETTLE_DISPUTE)
    bill = _bill(session, caller, bill_id)
    earlier = tables.settled_by_request(session, request_id)
    if earlier is None:
        earlier = _settle(session, caller, bill_id, request_id, settlement, now)
    same_request("settlement", earlier, {"bill_id": bill_id, **vars(settlement)})
    return dispute_view(earlier, bill.household)


def _settle(
    session: Session, caller: Caller, bill_id: int, request_id: UUID, settlement: Settlement, now: datetime
) -> DisputeRecord:
    dispute = tables.open_dispute_of(session, bill_id)
    if dispute is None:
        raise Conflict("This bill has no open dispute.")
    ending = {"settled_at": now, "settled_by": caller.sub, "settle_request": request_id}
    if settlement.outcome != STAYS_OUT:
        tables.mark_disputed(session, bill_id, None)
    return tables.close_dispute(session, dispute.id, ending | {"outcome": settlement.outcome, "note": settlement.note})


def dispute_view(record: DisputeRecord, household: str) -> Dispute:
    """A dispute as people see it."""
    return Dispute(
        id=record.id,
        bill_id=record.bill_id,
        household=household,
        status="settled" if record.settled_at else "open",
        reason=record.reason,
        opened_at=record.opened_at,
        opened_by=record.opened_by,
        settled_at=record.settled_at,
        settled_by=record.settled_by,
        outcome=record.outcome,
        note=record.note,
    )


def _bill(session: Session, caller: Caller, bill_id: int) -> LockedBill:
    """The bill, locked in the ledger's order: estate, household, bill."""
    place = tables.household_of_bill(session, bill_id)
    if place is None:
        raise NotFound("There is no such bill.")
    caller.require_household(place.household, place.estate)
    lock_estate_of(session, place.household)
    return tables.lock_bill(session, bill_id, place.household)


def _may_be_disputed(bill: LockedBill) -> None:
    if bill.voided_at is not None:
        raise Conflict("This bill is void.")
    if bill.amount_fen == bill.paid_fen + bill.waived_fen:
        raise Conflict("Nothing is owed on this bill any more.")
    if bill.disputed_at is not None:
        raise Conflict("This bill is disputed already.")
