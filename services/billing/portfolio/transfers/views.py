"""STORY of how payers are shown: the days of each, and what was recorded (A1)."""

from datetime import date
from typing import cast

from sqlalchemy.orm import Session

from services.billing.portfolio.days import BEGINNING
from services.billing.portfolio.tables import Unit
from services.billing.portfolio.transfers import rules, tables
from services.billing.portfolio.transfers.tables import RunBill, TransferRecord
from services.common.contracts.answers.transfers import BillToReissue, PayerDays, RecordedTransfer, TransferSource
from services.common.domain.calendar import format_period


def covers(days: PayerDays, day: date) -> bool:
    """Whether a day is one of these."""
    first, last = days["from_date"], days["to_date"]
    return (first is None or first <= day) and (last is None or last >= day)


def payer_days(session: Session, unit: Unit) -> list[PayerDays]:
    """Who pays for a unit on which days; of one that never changed hands, one spell without ends."""
    spells = tables.payers(session, unit.id)
    if not spells:
        role = rules.role_by(unit.status)
        return [PayerDays(household=unit.household, role=role, from_date=None, to_date=None)]
    return [
        PayerDays(
            household=spell.household,
            role=spell.role,
            from_date=None if spell.from_date == BEGINNING else spell.from_date,
            to_date=spell.to_date,
        )
        for spell in spells
    ]


def bill_to_reissue(bill: RunBill) -> BillToReissue:
    """A bill that something recorded since has made wrong (B5)."""
    return BillToReissue(
        bill_id=bill.id,
        household=bill.household,
        fee_item=bill.fee_item,
        period=format_period(bill.period),
        amount_fen=bill.amount_fen,
        paid_fen=bill.paid_fen,
    )


def recorded(transfer: TransferRecord) -> RecordedTransfer:
    """A transfer as it stands on record."""
    return RecordedTransfer(
        id=transfer.id,
        household=transfer.household,
        role=transfer.role,
        from_date=transfer.from_date,
        to_date=transfer.to_date,
        status=transfer.status,
        source=cast("TransferSource", transfer.source),
        reason=transfer.reason,
        recorded_by=transfer.recorded_by,
        recorded_at=transfer.recorded_at,
        undone_at=transfer.undone_at,
        undone_by=transfer.undone_by,
        undone_reason=transfer.undone_reason,
    )
