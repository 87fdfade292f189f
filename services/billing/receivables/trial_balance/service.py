"""DOORS to the trial balance (B7)."""

from typing import Any

from services.billing.receivables.trial_balance import handlers
from services.billing.settings import settings
from services.common.access import Caller
from services.common.database import allow_long_statements
from services.common.service import EstateService, rpc


class TrialBalanceDoors(EstateService):
    """The balance is struck."""

    @rpc
    def trial_balance(self, caller: Caller, estate: str | None = None) -> dict[str, Any]:
        """Accounts and the checks on them."""
        with self.transaction() as session:
            allow_long_statements(session, settings().ledger_check_timeout_ms)
            return handlers.trial_balance(session, caller, estate)
