"""STORY of telling other services what an import changed: only what is new or different, in batches (A3)."""

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import Row
from sqlalchemy.orm import Session

from services.common.calendar import format_period
from services.common.contracts.events import BillsIssued, IssuedBill
from services.common.messaging import record_many
from services.common.messaging.batches import batches


def tell_bills(session: Session, rows: Sequence[Row[Any]], now: datetime) -> None:
    """BillsIssued of opening balances, one event for each estate, fee item, period and due date."""
    for (estate, fee_item, period, due_date), group in groupby(rows, key=lambda row: tuple(row[:4])):
        events = [
            BillsIssued(
                run_id=None,
                estate=estate,
                fee_item=fee_item,
                period=format_period(period),
                due_date=due_date,
                bills=[IssuedBill.model_validate(row, from_attributes=True) for row in batch],
            )
            for batch in batches(group)
        ]
        record_many(session, events, aggregate=f"estate:{estate}", at=now)
