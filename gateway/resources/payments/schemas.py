"""Requests for payments (E)."""

from pydantic import BaseModel

from gateway.resources.base import example
from services.common.contracts.answers.payments import Channel
from services.common.fields import BillIds, Code, Day, PositiveFen, Reason


class PaymentRequest(BaseModel):
    """Money to be taken. `received_on`: a past business day, for cash, pos and transfer only; `reason`: why."""

    model_config = example(household="GZ01-1-0101", channel="wechat", amount_fen=31862, bill_ids=[48211])
    household: Code
    channel: Channel
    amount_fen: PositiveFen
    bill_ids: BillIds | None = None
    received_on: Day | None = None
    reason: Reason | None = None
