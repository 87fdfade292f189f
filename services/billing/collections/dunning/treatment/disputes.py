"""STORY of disputes (D1, D3): a bill somebody disputes leaves the ladder until that is settled; the others go on.

The bill stays owed meanwhile: it is on the statement, payments may settle it and its late fee accrues. What changes is
that no notice urges for it.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.orm import Session

from services.billing.collections.dunning.treatment import tables
from services.billing.receivables.ledger.tables import lock_estate_of
from services.common.contracts.errors import Conflict, NotFound
from services.common.domain.access import Caller
from services.common.domain.permissions import Permission
from services.common.once import same_request

Outcome = Literal["upheld", "amended", "rejected", "withdrawn"]
# The owner was right: the bill is left out of the ladder until finance has voided or waived it.
STAYS_OUT = "upheld"


@dataclass(frozen=True)
class Settlement:
    """How a dispute ended. `amended`: put right, what is left stands; `rejected`, `withdrawn`: the bill stands."""

    outcome: Outcome
    note: str


def dispute_bill(
    session: Session, caller: Caller, bill_id: int, request_id: UUID, reason: str, now: datetime
) -> dict[str, Any]:
    """Record that a bill is disputed, by its owner or by staff who were told; the same call again records nothing new.

    `{id, bill_id, household, status: open, reason, opened_at, …}`. NotFound, Forbidden, Conflict (void, settled or
    disputed already).
    """
    caller.require(Permission.DISPUTE_BILL)
    bill = _bill(session, caller, bill_id)
    row = {"id": request_id, "bill_id": bill_id, "household_id": bill.household_id, "reason": reason}
    kept = tables.dispute(session, request_id)
    if kept is None:
        _may_be_disputed(bill)
        kept = tables.open_dispute(session, row | {"opened_at": now, "opened_by": caller.sub})
    return dispute_view(same_request("dispute", kept, row), bill.household)


def settle_dispute(
    session: Session, caller: Caller, bill_id: int, request_id: UUID, settled: Settlement, now: datetime
) -> dict[str, Any]:
    """End a bill's open dispute; unless it was upheld, the bill is on the ladder again. NotFound, Conflict, Forbidden.

    The same call again changes nothing.
    """
    caller.require(Permission.SETTLE_DISPUTE)
    bill = _bill(session, caller, bill_id)
    kept = tables.settled_by_request(session, request_id)
    if kept is None:
        kept = _settle(session, caller, bill_id, request_id, settled, now)
    same_request("settlement", kept, {"bill_id": bill_id, **vars(settled)})
    return dispute_view(kept, bill.household)


def _settle(
    session: Session, caller: Caller, bill_id: int, request_id: UUID, settled: Settlement, now: datetime
) -> Row[Any]:
    found = tables.open_dispute_of(session, bill_id)
    if found is None:
        raise Conflict("This bill has no open dispute.")
    done = {"settled_at": now, "settled_by": caller.sub, "settle_request": request_id}
    if settled.outcome != STAYS_OUT:
        tables.mark_disputed(session, bill_id, None)
    return tables.close_dispute(session, found.id, done | {"outcome": settled.outcome, "note": settled.note})


def dispute_view(row: Row[Any], household: str) -> dict[str, Any]:
    """A dispute as people see it."""
    names = ("bill_id", "reason", "opened_at", "opened_by", "settled_at", "settled_by", "outcome", "note")
    fields = {name: getattr(row, name) for name in names} | {"bill_id": str(row.bill_id)}
    return {"id": str(row.id), "household": household, "status": "settled" if row.settled_at else "open", **fields}


def _bill(session: Session, caller: Caller, bill_id: int) -> Row[Any]:
    """The bill, locked in the ledger's order: estate, household, bill."""
    place = tables.household_of_bill(session, bill_id)
    if place is None:
        raise NotFound("There is no such bill.")
    caller.require_household(place.household, place.estate)
    lock_estate_of(session, place.household)
    return tables.lock_bill(session, bill_id, place.household)


def _may_be_disputed(bill: Row[Any]) -> None:
    if bill.voided_at is not None:
        raise Conflict("This bill is void.")
    if bill.amount_fen == bill.paid_fen + bill.waived_fen:
        raise Conflict("Nothing is owed on this bill any more.")
    if bill.disputed_at is not None:
        raise Conflict("This bill is disputed already.")
