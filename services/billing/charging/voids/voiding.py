"""STORY of one void (B5): credit note → everything on the bill undone → money back to credit → perhaps billed again."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from services.billing.charging.voids import carrying, reissuing, rules, tables
from services.billing.charging.voids.rules import Standing
from services.billing.charging.voids.tables import BillToVoid
from services.billing.receivables.booking.handlers import book
from services.billing.receivables.booking.open_items import items_of
from services.billing.receivables.booking.rules import OpenItems
from services.billing.receivables.credits.applying import apply_credit
from services.billing.receivables.ledger import tables as ledger
from services.billing.receivables.ledger.rules import (
    BILL_VOIDED,
    CUSTOMER_CREDIT,
    FEE_INCOME,
    LATE_FEE_INCOME,
    LATE_FEE_WAIVED,
    RECEIVABLE,
    WAIVER_REVERSED,
    Account,
    BookingDay,
    Movement,
    MovementKind,
)
from services.billing.receivables.waivers.tables import pending
from services.billing.tables import lock_estate
from services.common.contracts.errors import Conflict, NotFound
from services.common.domain.access import Caller
from services.common.domain.calendar import business_date


@dataclass(frozen=True)
class Void:
    """Which bill is void, why, and whether it is billed again at once."""

    bill_id: int
    reason: str
    reissue: bool = False


@dataclass(frozen=True)
class Scene:
    """A bill that may be voided, its locked household, and what stands on it."""

    bill: BillToVoid
    account: Account
    items: OpenItems
    stands: Standing


def lock_bill(session: Session, caller: Caller, bill_id: int) -> BillToVoid:
    """The bill as it is once nobody else posts on its estate any more. NotFound, Forbidden."""
    snapshot = tables.bill(session, bill_id)
    if snapshot is None:
        raise NotFound(f"There is no bill {bill_id}.")
    caller.require_estate(snapshot.estate)
    lock_estate(session, snapshot.estate_id)
    bill = tables.bill(session, bill_id)
    if bill is None:
        raise NotFound(f"There is no bill {bill_id}.")
    return bill


def judge(session: Session, bill: BillToVoid) -> Scene:
    """What a void finds, asked for or approved. Conflict: the bill is void, or a waiver or a plan stands against it."""
    account = ledger.account(session, bill.household, lock=True)
    if account is None:
        raise NotFound(f"There is no household {bill.household}.")
    _refuse_if_bound(session, bill)
    items = items_of(session, account, [bill.id])
    return Scene(bill, account, items, rules.standing(items.entries[bill.id], bill.due_date))


def _refuse_if_bound(session: Session, bill: BillToVoid) -> None:
    if bill.voided_at is not None:
        note = tables.note_of(session, bill.id)
        by = f" by credit note {rules.number(note.estate, note.number)}" if note else ""
        raise Conflict(f"Bill {bill.id} is void already{by}.")
    waits = pending(session, [bill.id])
    if waits is not None:
        raise Conflict(f"Waiver {waits.id} waits for bill {bill.id}; decide on it or withdraw it first.")
    plan = tables.performing_plan(session, bill.household_id)
    if plan is not None:
        raise Conflict(f"Instalment plan {plan} of this household is performing; end it first.")


def void_now(session: Session, caller: Caller, request_id: UUID, scene: Scene, request: Void, now: datetime) -> None:
    """Void the bill; what was granted on it goes on to the reissue, or comes back."""
    bill, account = scene.bill, scene.account
    day = account.booking_day(business_date(now))
    book(session, account, _movements(bill, scene.stands, day, str(request_id)), now, scene.items)
    tables.mark_void(session, bill.id, now)
    tables.add_note(session, _note(session, caller, request_id, scene, request, day, now))
    payers = (
        reissuing.bill_again(session, caller, request_id, bill, now, is_void_now=True) if request.reissue else set()
    )
    if bill.household_id not in payers:
        carrying.give_back(session, account, bill, request_id, now)
    apply_credit(session, bill.household, str(request_id), now)


def _movements(bill: BillToVoid, stands: Standing, day: BookingDay, cause: str) -> Iterator[Movement]:
    """Everything on the bill the other way round. Money is credit from the day it came, as if there were no bill."""

    def movement(kind: MovementKind, debit: str, credit: str, fen: int, came: BookingDay = day) -> Movement:
        return Movement(kind, debit, credit, fen, came, cause, bill.id)

    for receipt in stands.receipts:
        came = BookingDay(day.booked_on, None if receipt.on == day.booked_on else receipt.on)
        yield movement("void_released", RECEIVABLE, CUSTOMER_CREDIT, receipt.principal_fen, came)
        yield movement("void_fee_released", LATE_FEE_INCOME, CUSTOMER_CREDIT, receipt.late_fee_fen, came)
    yield movement(WAIVER_REVERSED, RECEIVABLE, FEE_INCOME, stands.waived_fen)
    yield movement("fee_waiver_reversed", LATE_FEE_INCOME, LATE_FEE_WAIVED, stands.waived_late_fee_fen)
    yield movement(BILL_VOIDED, stands.charged_to, RECEIVABLE, bill.amount_fen)


def _note(
    session: Session, caller: Caller, request_id: UUID, scene: Scene, request: Void, day: BookingDay, now: datetime
) -> dict[str, object]:
    bill = scene.bill
    names = ("estate_id", "household_id", "unit_id", "fee_item", "period", "amount_fen")
    return (
        {name: getattr(bill, name) for name in names}
        | scene.stands.sums
        | {
            "id": request_id,
            "number": tables.next_number(session, bill.estate_id),
            "bill_id": bill.id,
            "reason": request.reason,
            "reissue": request.reissue,
            "booked_on": day.booked_on,
            "voided_by": caller.sub,
            "voided_at": now,
        }
    )
