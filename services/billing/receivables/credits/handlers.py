"""STORY of credit applied by hand to open bills (B6). Never commits."""

from dataclasses import asdict
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from services.billing.portfolio.tables import find_household
from services.billing.receivables.allocation.credit import place_credit
from services.billing.receivables.allocation.portions import Designation
from services.billing.receivables.credits import tables
from services.billing.receivables.credits.tables import ApplicationRow
from services.billing.receivables.ledger import tables as ledger
from services.billing.receivables.ledger.rules import Account
from services.common.contracts.answers.credits import CreditApplication
from services.common.contracts.errors import Conflict, Invalid, NotFound
from services.common.domain.access import Caller
from services.common.domain.permissions import Permission
from services.common.once import same_request


def lock_account(session: Session, caller: Caller, household: str) -> Account:
    """A household in scope, locked, with its estate held against runs. NotFound, Forbidden."""
    find_household(session, caller, household)
    ledger.lock_estate_of(session, household)
    account = ledger.account(session, household, lock=True)
    if account is None:
        raise NotFound(f"There is no household {household}.")
    return account


def apply_standing_credit(
    session: Session, caller: Caller, request_id: UUID, household: str, bill_ids: list[int], now: datetime
) -> CreditApplication:
    """Settle open bills from the household's credit: those named first, then oldest due first (B6, B9).

    The same call again answers the same. NotFound, Forbidden, Invalid (bills of others), Conflict (no credit; a void
    bill; id used for another application).
    """
    caller.require(Permission.APPLY_CREDIT)
    account = lock_account(session, caller, household)
    standing = tables.application(session, request_id)
    if standing is None:
        standing = _apply(session, caller, request_id, account, bill_ids, now)
    same_request("application of credit", standing, {"household_id": account.id, "bill_ids": bill_ids})
    return CreditApplication(
        id=request_id,
        household=household,
        applied_fen=sum(share["principal_fen"] + share["late_fee_fen"] for share in standing.shares),
        bills=standing.shares,
        credit_fen=standing.credit_left_fen,
    )


def _check_bills(session: Session, account: Account, bill_ids: list[int]) -> None:
    """Nobody's credit pays what was not meant: bills that are named are the household's own, and not void."""
    own = tables.own_bills(session, account.id, bill_ids)
    unknown = [bill_id for bill_id in bill_ids if bill_id not in own]
    if unknown:
        errors = [{"loc": "bill_ids", "msg": f"{bill_id} is no bill of this household"} for bill_id in unknown]
        raise Invalid("Some bills are not of this household.", errors)
    void = [bill_id for bill_id, is_void in own.items() if is_void]
    if void:
        raise Conflict(f"Bill {void[0]} is void.")


def _apply(
    session: Session, caller: Caller, request_id: UUID, account: Account, bill_ids: list[int], now: datetime
) -> ApplicationRow:
    _check_bills(session, account, bill_ids)
    if not account.free_credit_fen:
        raise Conflict("The household has no credit.")
    shares = place_credit(session, account, str(request_id), now, Designation(bill_ids))
    row = {"id": request_id, "household_id": account.id, "bill_ids": bill_ids, "applied_by": caller.sub}
    credit_left_fen = account.credit_fen - sum(share.total_fen for share in shares)
    outcome = {"shares": [asdict(share) for share in shares], "credit_left_fen": credit_left_fen, "applied_at": now}
    return tables.add_application(session, row | outcome)
