"""STORY of what others hear of a payment: where its money lies, and of each payment that was moved for it (B9, E3)."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy.orm import Session

from services.billing.receivables.allocation.decision import Change, Decision
from services.billing.receivables.allocation.rules import Share
from services.billing.receivables.allocation.tables import revise
from services.billing.receivables.ledger.rules import Account, Bill
from services.common.contracts.base import Event
from services.common.contracts.events import AdjustedBill, Allocation, PaymentAllocated, PaymentReallocated
from services.common.domain.calendar import format_period


def tell(session: Session, account: Account, decision: Decision) -> list[Event]:
    """The payment's own receipt first; then, of each later one that has another place now, its receipt as it is now.

    The parts of each always add up to its amount, and none is negative.
    """
    payment, *others = decision.changes
    moves = [change for change in others if change.shares or change.credit_fen]
    revisions = revise(session, [change.payment.id for change in moves])
    bills = decision.items.bills
    return [
        _receipt(account, payment, bills),
        *(_new_receipt(account, change, bills, revisions) for change in moves),
    ]


def _receipt(account: Account, change: Change, bills: Mapping[int, Bill]) -> PaymentAllocated:
    payment = change.payment
    return PaymentAllocated(
        payment_id=payment.id,
        household=account.code,
        estate=account.estate,
        channel=payment.channel,
        amount_fen=payment.amount_fen,
        business_date=payment.business_date,
        allocations=_allocations(change, bills),
        credit_fen=change.after.credit_fen,
    )


def _new_receipt(
    account: Account, change: Change, bills: Mapping[int, Bill], revisions: Mapping[UUID, int]
) -> PaymentReallocated:
    payment = change.payment
    return PaymentReallocated(
        payment_id=payment.id,
        revision=revisions[payment.id],
        household=account.code,
        estate=account.estate,
        channel=payment.channel,
        amount_fen=payment.amount_fen,
        business_date=payment.business_date,
        allocations=_allocations(change, bills),
        credit_fen=change.after.credit_fen,
        adjustments=_adjustments(account, change.shares, bills),
    )


def _allocations(change: Change, bills: Mapping[int, Bill]) -> list[Allocation]:
    return [_allocation(share, bills[share.bill_id]) for share in sorted(change.after.shares, key=lambda s: s.bill_id)]


def _allocation(share: Share, bill: Bill) -> Allocation:
    return Allocation(
        bill_id=share.bill_id,
        fee_item=bill.fee_item,
        period=format_period(bill.period),
        due_date=bill.due_date,
        principal_fen=share.principal_fen,
        late_fee_fen=share.late_fee_fen,
    )


def _adjustments(account: Account, shares: Sequence[Share], bills: Mapping[int, Bill]) -> list[AdjustedBill]:
    return [
        AdjustedBill(
            bill_id=share.bill_id,
            household=account.code,
            due_date=bills[share.bill_id].due_date,
            open_change_fen=-share.principal_fen,
        )
        for share in shares
        if share.principal_fen
    ]
