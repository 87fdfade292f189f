"""DOORS of the receivables wing, part by part (B6-B9, C)."""

from services.billing.receivables.allocation.service import AllocationDoors
from services.billing.receivables.books.service import BookDoors
from services.billing.receivables.credits.service import CreditDoors
from services.billing.receivables.incentives.service import IncentiveDoors
from services.billing.receivables.journal.service import JournalDoors
from services.billing.receivables.late_fee.service import LateFeeDoors
from services.billing.receivables.plans.service import PlanDoors
from services.billing.receivables.statement.service import StatementDoors
from services.billing.receivables.trial_balance.service import TrialBalanceDoors
from services.billing.receivables.waivers.service import WaiverDoors


class ReceivableDoors(
    AllocationDoors,
    BookDoors,
    CreditDoors,
    IncentiveDoors,
    JournalDoors,
    LateFeeDoors,
    PlanDoors,
    StatementDoors,
    TrialBalanceDoors,
    WaiverDoors,
):
    """What is owed, and what pays, waives or moves it."""
