"""STORY of payments' policies (ADR 23): what an estate lets happen with payments."""

from sqlalchemy.orm import Session

from services.common.contracts.answers.policies import PaymentTerms
from services.common.contracts.errors import NotFound
from services.common.domain.access import Caller
from services.common.policies.handlers import Catalogue, Policy
from services.payments.policy import tables


def find_estate(session: Session, caller: Caller, code: str) -> None:
    """Forbidden outside the scope, NotFound while billing has not told of it."""
    caller.require_estate(code)
    if not tables.knows_estate(session, code):
        raise NotFound(f"There is no estate {code}.")


CATALOGUE = Catalogue({"payment": Policy(PaymentTerms, tables.read_terms, tables.write_terms)}, find_estate)
