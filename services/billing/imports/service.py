"""DOORS to imports (A3)."""

from uuid import UUID

from eventlet import tpool

from services.billing.imports.handlers import import_sheet, read
from services.billing.settings import settings
from services.common.contracts.answers.imports import ImportResult
from services.common.domain.access import Caller
from services.common.process.service import EstateService, rpc


class ImportDoors(EstateService):
    """One door for all kinds. Reading and checking a large file is done in a thread, so that others are served."""

    @rpc
    def import_csv(self, caller: Caller, kind: str, content: str, request_id: UUID) -> ImportResult:
        """Load a CSV file whole or not at all."""
        knobs, offload = settings(), tpool.execute
        sheet = read(caller, kind, content, settings=knobs, offload=offload)
        with self.transaction() as session:
            return import_sheet(session, caller, sheet, request_id, now=self.clock(), settings=knobs, offload=offload)
