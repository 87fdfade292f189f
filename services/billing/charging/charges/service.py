"""DOORS to one-off services (B1)."""

from datetime import date
from typing import Annotated
from uuid import UUID

from pydantic import Field

from services.billing.charging.charges import handlers
from services.billing.charging.charges.handlers import ChargeRequest
from services.common.contracts.answers.charges import Charge
from services.common.domain.access import Caller
from services.common.process.service import EstateService, rpc


class ChargeDoors(EstateService):
    """Bill a service that no run bills."""

    @rpc
    def create_charge(
        self,
        caller: Caller,
        request_id: UUID,
        fee_item: str,
        amount_fen: Annotated[int, Field(gt=0)],
        description: str,
        household: str | None = None,
        unit: str | None = None,
        due_date: date | None = None,
    ) -> Charge:
        """A bill at once (B1)."""
        request = ChargeRequest(fee_item, amount_fen, description, household, unit, due_date)
        with self.transaction() as session:
            return handlers.create_charge(session, caller, request_id, request, self.clock())
