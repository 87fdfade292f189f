"""STORY of instalment plans (C3): sign, show, list, cancel. Never commits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from services.billing.holds import handlers as holds
from services.billing.receivables.late_fee.events import bill_events
from services.billing.receivables.late_fee.open_bills import policy_of
from services.billing.receivables.late_fee.rules import BillEvent, Instalment, late_fee, outstanding
from services.billing.receivables.ledger import tables as ledger
from services.billing.receivables.ledger.history import entries_by_bill
from services.billing.receivables.ledger.rules import Account
from services.billing.receivables.plans import standing as keeping
from services.billing.receivables.plans import tables
from services.billing.receivables.plans.rules import (
    MOST_INSTALMENTS,
    Plan,
    PlanPolicy,
    plan_status,
    received_fen,
    split,
    standings,
)
from services.billing.receivables.plans.tables import Agreement, BillToPlan, PlanFilter, SignedPlan
from services.common.contracts.answers.base import Page
from services.common.contracts.answers.plans import (
    BillPart,
    InstalmentPlan,
    InstalmentPlanSummary,
    PlannedInstalment,
    PlanStatus,
)
from services.common.contracts.errors import Conflict, Forbidden, Invalid, NotFound
from services.common.domain.access import Caller
from services.common.domain.calendar import business_date
from services.common.domain.permissions import Permission
from services.common.once import another_request
from services.common.paging import page, position

# How far back a plan may be recorded, and how far ahead an instalment may lie: ten years.
MOST_AHEAD = timedelta(days=3_653)


@dataclass(frozen=True)
class Offer:
    """A plan as it is asked for."""

    household: str
    bill_ids: frozenset[int]
    signed_on: date
    instalments: tuple[Instalment, ...]


@dataclass(frozen=True)
class _Bill:
    """A bill to be planned, with what happened to it."""

    row: BillToPlan
    events: Sequence[BillEvent]

    def owed_fen(self, on: date) -> int:
        return outstanding(self.row.amount_fen, self.events, on)


def sign_plan(session: Session, caller: Caller, plan_id: UUID, offer: Offer, now: datetime) -> InstalmentPlan:
    """Agree on instalments: late fee and dunning stand still from the signing day while they are kept.

    The instalments add up to the principal that is owed on the bills at the end of the signing day; late fee accrued
    until then stays due apart from them. The same id again gives the same plan, with other content a Conflict.
    Invalid, NotFound, Forbidden.
    """
    caller.require(Permission.SIGN_INSTALMENT_PLAN)
    today = business_date(now)
    exists = ledger.lock_estate_of(session, offer.household)
    account = ledger.account(session, offer.household, lock=True) if exists else None
    if account is None:
        raise NotFound(f"There is no household {offer.household}.")
    caller.require_household(offer.household, account.estate)
    if tables.plan(session, plan_id, today) is None:
        policy = tables.policy(session, account.estate_id)
        _check_days(account, offer, today)
        _check_policy(caller, policy, offer, today)
        bills = _bills(session, account, offer, now)
        _make(session, caller, account, plan_id, offer, policy, bills, now)
    elif not _same(session, account, plan_id, offer):
        raise another_request("plan")
    return _plan_view(session, plan_id, today)


def get_plan(session: Session, caller: Caller, plan_id: UUID, today: date) -> InstalmentPlan:
    """A plan, how it stands today, and its instalments with what was received for each. NotFound, Forbidden."""
    caller.require(Permission.READ_INSTALMENT_PLANS)
    row = tables.plan(session, plan_id, today)
    if row is None:
        raise NotFound("There is no such plan.")
    caller.require_household(row.household, row.estate)
    return _plan_view(session, plan_id, today)


def list_plans(
    session: Session,
    caller: Caller,
    household: str | None,
    estate: str | None,
    status: PlanStatus | None,
    limit: int,
    cursor: str | None,
    today: date,
) -> Page[InstalmentPlanSummary]:
    """Plans without their instalments, paged; an owner sees the own household's. Forbidden."""
    caller.require(Permission.READ_INSTALMENT_PLANS)
    scope = caller.scope(estate, household)
    after = position(cursor, UUID)
    estates = None if scope.estates is None else sorted(scope.estates)
    cut = PlanFilter(estates, scope.household, status, after[0] if after else None, limit + 1)
    rows, next_cursor = page(tables.plans(session, cut, today), limit, lambda row: [str(row.id)])
    return Page(items=[_summary(row) for row in rows], next_cursor=next_cursor)


def cancel_plan(session: Session, caller: Caller, plan_id: UUID, reason: str, now: datetime) -> InstalmentPlan:
    """End a plan by staff from today on: what remains accrues from the signing day, as when it is broken.

    Cancelling it again changes nothing. Conflict when it is completed; NotFound, Forbidden.
    """
    caller.require(Permission.SIGN_INSTALMENT_PLAN)
    today = business_date(now)
    household = tables.household_of(session, plan_id)
    exists = household is not None and ledger.lock_estate_of(session, household)
    account = ledger.account(session, household, lock=True) if household is not None and exists else None
    if household is None or account is None:
        raise NotFound("There is no such plan.")
    caller.require_household(household, account.estate)
    row = tables.plan(session, plan_id, today)
    if row is not None and row.standing == "completed":
        raise Conflict("This plan is completed.")
    tables.cancel_plan(session, plan_id, today, caller.sub, reason)
    keeping.reckon(session, account.id, household, now)
    return _plan_view(session, plan_id, today)


def _check_days(account: Account, offer: Offer, today: date) -> None:
    errors = []
    if offer.signed_on > today:
        errors.append(_error("signed_on", "must not be after today"))
    elif offer.signed_on < today - MOST_AHEAD:
        errors.append(_error("signed_on", f"must not be before {today - MOST_AHEAD}"))
    elif account.booking_day(offer.signed_on).value_on is not None:
        errors.append(_error("signed_on", "its month is closed"))
    if not 1 <= len(offer.instalments) <= MOST_INSTALMENTS:
        errors.append(_error("instalments", f"1 to {MOST_INSTALMENTS} of them"))
    before = offer.signed_on
    for number, instalment in enumerate(offer.instalments):
        if instalment.due <= before:
            after = "the one before" if number else "signed_on"
            errors.append(_error(f"instalments.{number}.due_date", f"must be after {after}"))
        elif instalment.due > today + MOST_AHEAD:
            errors.append(_error(f"instalments.{number}.due_date", f"must not be after {today + MOST_AHEAD}"))
        if instalment.amount_fen <= 0:
            errors.append(_error(f"instalments.{number}.amount_fen", "must be greater than 0"))
        before = max(before, instalment.due)
    _refuse(errors)


def _check_policy(caller: Caller, policy: PlanPolicy, offer: Offer, today: date) -> None:
    """Forbidden for days beyond the policy by whom it is not for: each of them holds late fee and dunning (C3)."""
    errors = []
    if offer.signed_on < policy.earliest_signing(today):
        errors.append(_error("signed_on", f"must be at most {policy.backdate_days} days ago"))
    last = offer.instalments[-1].due
    if last > policy.latest_due(offer.signed_on):
        number = len(offer.instalments) - 1
        msg = f"must be at most {policy.longest_months} months after signed_on"
        errors.append(_error(f"instalments.{number}.due_date", msg))
    if errors and not caller.may(Permission.EXCEED_PLAN_POLICY):
        raise Forbidden("A plan dated back further, or running longer, is for finance.", errors)


def _bills(session: Session, account: Account, offer: Offer, now: datetime) -> list[_Bill]:
    """The bills of the offer, locked, oldest due first; Invalid when they cannot be planned like this."""
    rows = tables.bills_to_plan(session, sorted(offer.bill_ids))
    mine = [row for row in rows if row.household_id == account.id]
    missing = offer.bill_ids - {row.id for row in mine}
    errors = [_error("bill_ids", f"{bill_id} is no bill of this household") for bill_id in sorted(missing)]
    entries = entries_by_bill(session, [row.id for row in mine])
    bills = [_Bill(row, bill_events(entries[row.id])) for row in mine]
    errors += [_error("bill_ids", message) for bill in bills if (message := _unfit(bill, offer.signed_on))]
    _refuse(errors)
    _refuse([_error("bill_ids", message) for message in _planned_already(session, account, offer, now)])
    owed_fen = sum(bill.owed_fen(offer.signed_on) for bill in bills)
    offered_fen = sum(instalment.amount_fen for instalment in offer.instalments)
    if owed_fen != offered_fen:
        message = f"add up to {offered_fen} fen; the principal owed on the signing day is {owed_fen} fen"
        _refuse([_error("instalments", message)])
    return bills


def _unfit(bill: _Bill, signed_on: date) -> str | None:
    if bill.row.voided_at is not None:
        return f"{bill.row.id} is void"
    if bill.row.issued_on > signed_on:
        return f"{bill.row.id} was issued on {bill.row.issued_on}, after the signing day"
    if bill.row.open_fen == 0 or bill.owed_fen(signed_on) == 0:
        return f"{bill.row.id} is paid"
    return None


def _planned_already(session: Session, account: Account, offer: Offer, now: datetime) -> list[str]:
    """Bills that are in a plan which is, or was on the signing day, no thing of the past."""
    plans = tables.household_plans(session, account.id)
    bills = keeping.planned_bills(plans, entries_by_bill(session, sorted(plans.principal)))
    messages = []
    for plan in plans.by_id.values():
        standing = plan_status(plan, [bills[bill_id] for bill_id in sorted(plan.bill_ids)], business_date(now))
        over = standing is not None and standing.frozen_to is not None and standing.frozen_to < offer.signed_on
        overlap = plan.bill_ids & offer.bill_ids
        messages += [f"{bill_id} is in another plan" for bill_id in sorted(overlap) if not over]
    return messages


def _make(
    session: Session,
    caller: Caller,
    account: Account,
    plan_id: UUID,
    offer: Offer,
    policy: PlanPolicy,
    bills: Sequence[_Bill],
    now: datetime,
) -> None:
    fees = _fees(session, account, offer.signed_on, bills)
    agreement = Agreement(
        id=plan_id,
        household_id=account.id,
        estate_id=account.estate_id,
        signed_on=offer.signed_on,
        late_days=policy.late_days,
        revives=policy.revives,
        late_fee_fen=fees,
        created_by=caller.sub,
        created_at=now,
    )
    parts = split(offer.instalments, {bill.row.id: bill.owed_fen(offer.signed_on) for bill in bills})
    _end_broken(session, caller, account, offer)
    tables.insert_plan(session, agreement, parts)
    holds.hold(session, "plan", plan_id, account.code, now, holds_dunning=True)
    keeping.reckon(session, account.id, account.code, now)


def _fees(session: Session, account: Account, on: date, bills: Sequence[_Bill]) -> int:
    """Late fee due on the bills on the signing day, earlier plans considered."""
    plans = tables.household_plans(session, account.id)
    frozen = keeping.frozen(plans, entries_by_bill(session, sorted(plans.principal)), on)
    policy = policy_of(account)
    return sum(
        late_fee(bill.row.amount_fen, bill.row.due_date, bill.events, on, policy, frozen.of(bill.row.id)).due_fen
        for bill in bills
    )


def _end_broken(session: Session, caller: Caller, account: Account, offer: Offer) -> None:
    """A broken plan whose bills are planned anew cannot be mended any more."""
    for plan_id, plan in tables.household_plans(session, account.id).by_id.items():
        if plan.bill_ids & offer.bill_ids and plan.cancelled_on is None:
            tables.cancel_plan(session, plan_id, offer.signed_on, caller.sub, "planned anew")


def _same(session: Session, account: Account, plan_id: UUID, offer: Offer) -> bool:
    parts = tables.parts_of(session, plan_id)
    days: dict[date, int] = {}
    for part in parts:
        days[part.due] = days.get(part.due, 0) + part.amount_fen
    instalments = {instalment.due: instalment.amount_fen for instalment in offer.instalments}
    row = tables.plan(session, plan_id, offer.signed_on)
    return (
        row is not None
        and (row.household_id, row.signed_on) == (account.id, offer.signed_on)
        and {part.bill_id for part in parts} == offer.bill_ids
        and (days, len(instalments)) == (instalments, len(offer.instalments))
    )


def _plan_view(session: Session, plan_id: UUID, today: date) -> InstalmentPlan:
    row = tables.plan(session, plan_id, today)
    if row is None:
        raise NotFound("There is no such plan.")
    plans = tables.household_plans(session, row.household_id)
    plan = plans.by_id[plan_id]
    bills_by_id = keeping.planned_bills(plans, entries_by_bill(session, sorted(plan.bill_ids)))
    bills = [bills_by_id[bill_id] for bill_id in sorted(plan.bill_ids)]
    ahead = [standing for standing in standings(plan, bills) if standing.from_on > today]
    return InstalmentPlan(
        **_summary(row),
        instalments=_instalments(plan, received_fen(bills, plan.signed_on, today), today),
        breaks_on=next((standing.from_on for standing in ahead if standing.status == "broken"), None),
    )


def _instalments(plan: Plan, covered_fen: int, today: date) -> list[PlannedInstalment]:
    remainder_fen = covered_fen
    views = []
    for instalment in plan.instalments:
        paid_fen = min(remainder_fen, instalment.amount_fen)
        remainder_fen -= paid_fen
        views.append(_instalment(plan, instalment, paid_fen, today))
    return views


def _instalment(plan: Plan, instalment: Instalment, paid_fen: int, today: date) -> PlannedInstalment:
    parts = [part for part in plan.parts if part.due == instalment.due]
    return PlannedInstalment(
        due_date=instalment.due,
        amount_fen=instalment.amount_fen,
        paid_fen=paid_fen,
        status="paid" if paid_fen == instalment.amount_fen else "missed" if instalment.due < today else "due",
        bills=[BillPart(bill_id=part.bill_id, amount_fen=part.amount_fen) for part in parts],
    )


def _summary(row: SignedPlan) -> InstalmentPlanSummary:
    return InstalmentPlanSummary(
        id=row.id,
        household=row.household,
        estate=row.estate,
        signed_on=row.signed_on,
        status=row.standing,
        status_since=row.standing_since,
        bill_ids=row.bill_ids,
        principal_fen=row.principal_fen,
        late_fee_fen=row.late_fee_fen,
        broken_after_days=row.late_days,
        created_by=row.created_by,
        created_at=row.created_at,
        cancelled_on=row.cancelled_on,
        cancel_reason=row.cancel_reason,
    )


def _error(loc: str, message: str) -> Mapping[str, str]:
    return {"loc": loc, "msg": message}


def _refuse(errors: Sequence[Mapping[str, str]]) -> None:
    if errors:
        raise Invalid("The plan is not valid.", [dict(error) for error in errors])
