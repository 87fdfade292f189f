"""DOORS to the trial balance (B7)."""

from services.billing.receivables.trial_balance import handlers
from services.billing.settings import settings
from services.common.contracts.answers.trial_balance import TrialBalance
from services.common.database import allow_long_statements
from services.common.domain.access import Caller
from services.common.process.service import EstateService, rpc


class TrialBalanceDoors(EstateService):
    """The balance is struck."""

    @rpc
    def trial_balance(self, caller: Caller, estate: str | None = None) -> TrialBalance:
        """Accounts and the checks on them."""
        with self.transaction() as session:
            allow_long_statements(session, settings().ledger_check_timeout_ms)
            return handlers.trial_balance(session, caller, estate)
