"""DOORS to the journal (B7)."""

from datetime import date

from services.billing.receivables.journal import handlers
from services.billing.receivables.journal.handlers import Question
from services.common.contracts.answers.base import Page
from services.common.contracts.answers.ledger import LedgerEntry, MovementKind
from services.common.domain.access import Caller
from services.common.fields import BillId
from services.common.paging import DEFAULT_LIMIT, Limit
from services.common.process.service import EstateService, rpc


class JournalDoors(EstateService):
    """Auditors read the ledger."""

    @rpc
    def list_ledger_entries(
        self,
        caller: Caller,
        estate: str | None = None,
        household: str | None = None,
        bill_id: BillId | None = None,
        account: str | None = None,
        kind: MovementKind | None = None,
        booked_from: date | None = None,
        booked_to: date | None = None,
        limit: Limit = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> Page[LedgerEntry]:
        """Entries in scope, by estate, day and id."""
        question = Question(estate, household, bill_id, account, kind, booked_from, booked_to)
        with self.transaction() as session:
            return handlers.list_entries(session, caller, question, limit, cursor)
