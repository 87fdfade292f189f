"""VOCABULARY of one-off services (B1)."""

from uuid import UUID

from services.common.contracts.answers.bills import BillSummary
from services.common.fields import Whole


class Charge(BillSummary):
    """The bill of a one-off service."""

    charge_id: UUID
    bill_id: Whole
    household: str
    description: str
