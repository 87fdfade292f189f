"""VOCABULARY of the ledger (B7): what moved money, and an entry as it stands."""

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import TypedDict

from services.common.fields import Fen, Whole

# The table of postings in docs/billing.md says which debits and credits what.
MovementKind = Literal[
    "bill_issued",
    "opening_bill",
    "opening_paid",
    "credit_applied",
    "credit_applied_late_fee",
    "payment_principal",
    "payment_late_fee",
    "payment_credit",
    "reallocation",
    "principal_waived",
    "discount",
    "late_fee_waived",
    "bill_voided",
    "void_released",
    "void_fee_released",
    "waiver_reversed",
    "fee_waiver_reversed",
    "waiver_carried",
    "discount_carried",
    "fee_waiver_carried",
    "credit_refunded",
    "surplus_returned",
]


class LedgerEntry(TypedDict):
    """One balanced transfer of the append-only ledger: from `credit_account` to `debit_account` (B7)."""

    id: Whole
    estate: str
    booked_on: date
    value_on: Annotated[date | None, Field(description="The day it counts for the late fee; null: booked_on (B8)")]
    kind: MovementKind
    debit_account: str
    credit_account: str
    amount_fen: Fen
    household: str | None
    bill_id: Whole | None
    source: Annotated[str, Field(description="The run, payment, import or request that caused it")]
    recorded_at: datetime
