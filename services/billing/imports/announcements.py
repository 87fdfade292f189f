"""STORY of telling other services what an import changed: only what is new or different, in batches (A3)."""

from collections.abc import Sequence
from datetime import date, datetime
from itertools import groupby

from sqlalchemy.orm import Session

from services.billing.imports.opening import BroughtIn
from services.common.contracts.events import BillsIssued, IssuedBill
from services.common.domain.calendar import format_period
from services.common.messaging import record_many
from services.common.messaging.batches import batches


def tell_bills(session: Session, bills: Sequence[BroughtIn], now: datetime) -> None:
    """BillsIssued of opening balances, one event for each estate, fee item, period and due date."""
    for (estate, fee_item, period, due_date), group in groupby(bills, key=_batch):
        events = [
            BillsIssued(
                run_id=None,
                estate=estate,
                fee_item=fee_item,
                period=format_period(period),
                due_date=due_date,
                bills=[IssuedBill.model_validate(bill, from_attributes=True) for bill in batch],
            )
            for batch in batches(group)
        ]
        record_many(session, events, aggregate=f"estate:{estate}", at=now)


def _batch(bill: BroughtIn) -> tuple[str, str, date, date]:
    return bill.estate, bill.fee_item, bill.period, bill.due_date
