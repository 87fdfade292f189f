"""STORY of reissues (B5): a bill run over one unit and one fee item that keeps the original due date."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from services.billing.charging.bills import handlers as bills
from services.billing.charging.bills.views.handlers import bill_view
from services.billing.charging.bills.views.tables import load_bill
from services.billing.charging.slices import tables as slices
from services.billing.charging.voids import carrying, tables
from services.billing.charging.voids.carrying import Inheritance
from services.billing.charging.voids.tables import BillToVoid, StandingBill
from services.billing.receivables.allocation.portions import Designation, movements
from services.billing.receivables.booking.handlers import book
from services.billing.receivables.credits.applying import apply_credit
from services.billing.receivables.ledger import tables as ledger
from services.billing.settings import settings
from services.billing.tables import bill_run
from services.common.contracts.answers.voids import ReissuedBill
from services.common.contracts.errors import Conflict
from services.common.domain.access import Caller
from services.common.domain.calendar import business_date, format_period
from services.common.once import another_request, insert_once


def bill_again(
    session: Session, caller: Caller, request_id: UUID, void: BillToVoid, now: datetime, *, is_void_now: bool = False
) -> set[int]:
    """Bill the unit, fee item and month of a void bill at the prices and payers now on record; the households billed.

    The caller holds the estate alone. `is_void_now`: it is void by this very request. Conflict when another bill of
    that month stands, or when nothing is to be billed.
    """
    key = (void.unit_id, void.fee_item, void.period)
    month = f"{void.fee_item} of {format_period(void.period)}"
    if void.charge_id is not None:
        raise Conflict("A one-off charge is not reissued; charge it again.")
    stand = tables.standing_bills(session, *key)
    if stand:
        raise Conflict(f"Bill {stand[0].id} for {month} stands; void it first, then both are billed again.")
    _run(session, caller, request_id, void, now)
    fresh = tables.standing_bills(session, *key)
    if not fresh:
        raise Conflict(f"No published tariff gives this unit anything to pay for {month}.")
    before = tables.predecessors(session, *key)
    for row in fresh:
        previous_id = before.get(row.household_id)
        tables.replace(session, row.id, previous_id or void.id, void.originally_issued_on)
        previous = tables.bill(session, previous_id) if previous_id else None
        if previous is None:
            apply_credit(session, row.household, str(request_id), now)
        else:
            _inherit(session, row, previous, request_id, now, is_void_now=is_void_now and previous.id == void.id)
    record = {"id": request_id, "bill_id": void.id, "bill_ids": [row.id for row in fresh]}
    tables.add_reissue(session, record | {"reissued_by": caller.sub, "reissued_at": now})
    return {row.household_id for row in fresh}


def _inherit(
    session: Session, fresh: StandingBill, void: BillToVoid, request_id: UUID, now: datetime, *, is_void_now: bool
) -> None:
    """Grants first, for they were there before some of the money; then the money on the days it came.

    What the void gave the household's other bills is the reissue's: it is taken back from them.
    """
    _take_back(session, fresh.household, void.id, str(request_id), now)
    account = ledger.account(session, fresh.household, lock=True)
    grants = carrying.grants_of(session, void, is_void_now=is_void_now)
    if account is not None and grants:
        carrying.carry(session, account, void, fresh, grants, now)
    apply_credit(session, fresh.household, str(request_id), now, Designation([fresh.id], void.id))
    if account is not None and grants:
        carrying.settle(session, account, Inheritance(void, fresh), grants, request_id, now)


def _run(session: Session, caller: Caller, run_id: UUID, void: BillToVoid, now: datetime) -> None:
    run = {"id": run_id, "period": void.period, "estates": [void.estate], "fee_items": [void.fee_item]}
    run |= {"dry_run": False, "requested_by": caller.sub, "created_at": now}
    if not insert_once(session, bill_run, run):
        raise another_request("bill run")
    slice_id = tables.add_slice(session, run_id, void.estate_id, void.unit_id)
    [piece] = slices.load(session, [slice_id])
    issued_on = void.originally_issued_on
    bills.issue_as_due(session, piece, void.months, void.due_date, issued_on, now=now, settings=settings())


def _take_back(session: Session, household: str, void_id: int, cause: str, now: datetime) -> None:
    account = ledger.account(session, household, lock=True)
    if account is not None:
        use_sums = {use: -fen for use, fen in tables.given_elsewhere(session, account.id, void_id).items()}
        day = account.booking_day(business_date(now))
        book(session, account, movements(use_sums, day, cause), now)


def made_by(session: Session, request_id: UUID) -> list[ReissuedBill]:
    """The bills a request made, as they are now; none when it made none."""
    reissue = tables.reissue(session, request_id)
    rows = [load_bill(session, bill_id) for bill_id in reissue.bill_ids] if reissue else []
    return [ReissuedBill(**bill_view(row), reissue_of=row.reissue_of, household=row.household) for row in rows if row]
