"""STORY of the account a payment is about, held until the transaction ends."""

from uuid import UUID

from sqlalchemy.orm import Session

from services.billing.holds.handlers import UnknownHousehold
from services.billing.receivables.ledger import tables
from services.billing.receivables.ledger.rules import Account


def locked_account(session: Session, household: str, payment_id: UUID) -> Account:
    """The household's account, locked after its estate. UnknownHousehold."""
    exists = tables.lock_estate_of(session, household)
    account = tables.account(session, household, lock=True) if exists else None
    if account is None:
        raise UnknownHousehold(f"payment {payment_id} is of a household that is not known here")
    return account
