"""STORY of applying credit: whoever makes credit free, or something to pay, has the one pay the other (B6, ADR 17).

Called in the transaction that does it: after a run, an import, a charge, a void, a returned surplus, or when a refund
it was kept for is refused or withdrawn. Never commits.
"""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy.orm import Session

from services.billing.receivables.allocation.credit import NO_DESIGNATION, place_credit
from services.billing.receivables.allocation.portions import Designation
from services.billing.receivables.allocation.rules import Share
from services.billing.receivables.credits import tables
from services.billing.receivables.ledger import tables as ledger


def apply_credit(
    session: Session, household: str, cause: str, now: datetime, designation: Designation = NO_DESIGNATION
) -> list[Share]:
    """Pay what a household owes from its free credit, oldest due first; what each bill got, by id.

    The caller holds the estate's lock, shared or alone.
    """
    account = ledger.account(session, household, lock=True)
    return place_credit(session, account, cause, now, designation) if account else []


def apply_credits(session: Session, household_ids: Collection[int], cause: str, now: datetime) -> None:
    """The same for those of many households that have both: free credit and something to pay."""
    for household in tables.households_to_settle(session, household_ids) if household_ids else ():
        apply_credit(session, household, cause, now)
