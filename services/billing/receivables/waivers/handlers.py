"""STORY of waivers (C2): asked for with a reason → granted by rule, approved, rejected or withdrawn. Never commits.

Everything of a household happens under its row's lock, so that a request, its approval and payments meet one by one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy.orm import Session

from services.billing.holds import handlers as holds
from services.billing.receivables.ledger import tables as ledger
from services.billing.receivables.ledger.rules import Account
from services.billing.receivables.waivers import tables, views
from services.billing.receivables.waivers.granting import grant
from services.billing.receivables.waivers.rules import RULE, authority, by_amount, by_another, by_ratio, grant_amounts
from services.billing.receivables.waivers.tables import Fate, NewWaiver, WaiverLine, WaiverRow
from services.common.contracts.answers.waivers import WaiverDetail, WaiverKind, WaiverStatus
from services.common.contracts.errors import Conflict, Forbidden, Invalid, NotFound
from services.common.domain.access import Caller
from services.common.domain.calendar import business_date
from services.common.domain.permissions import Permission
from services.common.once import another_request, same_request


@dataclass(frozen=True)
class Ask:
    """What is asked for: a part of each bill's base, or an amount over all of them."""

    bill_ids: Sequence[int]
    kind: WaiverKind
    reason: str
    ratio: Decimal | None = None
    amount_fen: int | None = None


def request_waiver(session: Session, caller: Caller, request_id: UUID, ask: Ask, now: datetime) -> WaiverDetail:
    """Ask for a waiver over bills of one household; granted at once where the matrix needs nobody (C2).

    The same call again answers the same. Errors: Forbidden, Invalid (bills unknown, of several households, more than
    there is), Conflict (void, nothing to waive, another one waits, id used for another request).
    """
    caller.require(Permission.REQUEST_WAIVER)
    _check(ask)
    account = _lock_account(session, _whose(session, caller, ask))
    before = tables.load(session, request_id)
    if before is not None:
        return views.waiver_detail(session, _same(session, before, ask, caller))
    today = business_date(now)
    bases = _bases(session, account, ask, today)
    amounts = _amounts(ask, bases)
    lines = [WaiverLine(request_id, bill_id, base, amounts[bill_id]) for bill_id, base in bases.items()]
    tables.add(session, _new(request_id, account, caller, ask, now), lines)
    _grant_or_wait(session, account, request_id, now)
    return views.get_waiver(session, caller, request_id)


def _check(ask: Ask) -> None:
    if (ask.ratio is None) == (ask.amount_fen is None):
        raise Invalid("Ask for a ratio or an amount.", [{"loc": "ratio", "msg": "give ratio or amount_fen, not both"}])
    if not ask.reason.strip():
        raise Invalid("A waiver needs a reason.", [{"loc": "reason", "msg": "say why"}])


def _whose(session: Session, caller: Caller, ask: Ask) -> str:
    rows = tables.bills(session, ask.bill_ids)
    unknown = sorted(set(ask.bill_ids) - {row.id for row in rows})
    if unknown or not rows:
        errors = [{"loc": "bill_ids", "msg": f"there is no bill {bill_id}"} for bill_id in unknown]
        raise Invalid("Some bills are unknown.", errors)
    for row in rows:
        caller.require_estate(row.estate)
    households: set[str] = {row.household for row in rows}
    if len(households) > 1:
        errors = [{"loc": "bill_ids", "msg": "bills of several households"}]
        raise Invalid("A waiver is about bills of one household.", errors)
    return households.pop()


def _lock_account(session: Session, household: str) -> Account:
    ledger.lock_estate_of(session, household)
    account = ledger.account(session, household, lock=True)
    if account is None:
        raise NotFound(f"There is no household {household}.")
    return account


def _same(session: Session, row: WaiverRow, ask: Ask, caller: Caller) -> WaiverRow:
    bills = {line.bill_id for line in tables.lines_of(session, [row.id])[row.id]}
    if bills != set(ask.bill_ids):
        raise another_request("waiver")
    terms = {"kind": ask.kind, "reason": ask.reason, "ratio": ask.ratio, "amount_fen": ask.amount_fen}
    return same_request("waiver", row, terms | {"requested_by": caller.sub})


def _bases(session: Session, account: Account, ask: Ask, today: date) -> dict[int, int]:
    ids = sorted(set(ask.bill_ids))
    void = [row.id for row in tables.bills(session, ids) if row.voided_at is not None]
    if void:
        raise Conflict(f"Bill {void[0]} is void.")
    waits = tables.pending_of_kind(session, ids, ask.kind)
    if waits is not None:
        raise Conflict(f"Waiver {waits.id} waits for bill {waits.bill_id} already; decide on that one first.")
    waivable = _waivable(session, account, ask.kind, ids, today, today)
    return {bill_id: waivable.get(bill_id, 0) for bill_id in ids}


def _waivable(
    session: Session, account: Account, kind: WaiverKind, ids: Sequence[int], base_on: date, today: date
) -> dict[int, int]:
    """What can still be waived of each bill: open principal, or late fee that was due on the day of the request.

    What accrued since then is owed, also where a payment dated back has left less late fee on that day.
    """
    if kind == "principal":
        return {bill.id: bill.open_fen for bill in tables.bills(session, ids)}
    due = tables.fees_due(session, account.id, ids, today)
    if base_on == today:
        return due
    due_then = tables.fees_due(session, account.id, ids, base_on, past=True)
    return {bill_id: min(fen, due_then.get(bill_id, 0)) for bill_id, fen in due.items()}


def _amounts(ask: Ask, bases: Mapping[int, int]) -> dict[int, int]:
    if ask.ratio is not None:
        amounts = by_ratio(bases, ask.ratio)
    else:
        try:
            amounts = by_amount(bases, ask.amount_fen or 0)
        except ValueError as error:
            errors = [{"loc": "amount_fen", "msg": str(error)}]
            raise Invalid("More is asked for than there is to waive.", errors) from error
    if not any(amounts.values()):
        raise Conflict("There is nothing to waive on these bills.")
    return amounts


def _new(request_id: UUID, account: Account, caller: Caller, ask: Ask, now: datetime) -> NewWaiver:
    return NewWaiver(
        id=request_id,
        estate_id=account.estate_id,
        household_id=account.id,
        kind=ask.kind,
        ratio=ask.ratio,
        amount_fen=ask.amount_fen,
        reason=ask.reason,
        requested_by=caller.sub,
        requested_at=now,
        base_on=business_date(now),
    )


def _grant_or_wait(session: Session, account: Account, waiver_id: UUID, now: datetime) -> None:
    decision = _decision(session, account, waiver_id, business_date(now))
    if decision.automatic:
        _approve(session, account, decision, RULE, now)
    else:
        holds.hold(session, "waiver", waiver_id, account.code, now, holds_dunning=True)


@dataclass(frozen=True)
class Decision:
    """A pending waiver as it would be granted now, and who may."""

    waiver: WaiverRow
    amounts: Mapping[int, int]
    roles: frozenset[str]
    needs_resolution: bool
    four_eyes: bool
    automatic: bool


def _decision(session: Session, account: Account, waiver_id: UUID, today: date) -> Decision:
    waiver = tables.load(session, waiver_id)
    if waiver is None:
        raise NotFound("There is no such waiver.")
    lines = tables.lines_of(session, [waiver_id])[waiver_id]
    ids = [line.bill_id for line in lines]
    waivable = _waivable(session, account, waiver.kind, ids, waiver.base_on, today)
    amounts = grant_amounts({line.bill_id: line.asked_fen for line in lines}, waivable)
    before = tables.granted_before(session, account.id, waiver.kind, today, ids)
    bands = tables.bands(session, account.estate_id, waiver.kind)
    who = authority(bands, sum(amounts.values()), sum(line.base_fen for line in lines), before)
    if who is None:
        raise Conflict("Nobody has the authority to waive so much; see the authority matrix.")
    if waiver.requested_by == tables.matrix_set_by(session, account.estate_id, waiver.kind):
        who = by_another(who, Permission.APPROVE_WAIVER.roles)
    return Decision(waiver, amounts, who.roles, who.needs_resolution, who.four_eyes, who.automatic)


def _approve(
    session: Session,
    account: Account,
    decision: Decision,
    by: str,
    now: datetime,
    resolution: str | None = None,
    note: str | None = None,
) -> None:
    today = business_date(now)
    grant(session, account, decision.waiver, decision.amounts, today, now)
    tables.decide(session, decision.waiver.id, Fate("approved", by, now, today, note, resolution))


def approve_waiver(
    session: Session, caller: Caller, waiver_id: UUID, resolution: str | None, note: str | None, now: datetime
) -> WaiverDetail:
    """Grant a pending waiver, as far as there is still something to waive; approving again changes nothing (C2).

    Errors: NotFound, Forbidden (role, scope, own request under four eyes), Invalid (no resolution), Conflict (rejected,
    withdrawn).
    """
    caller.require(Permission.APPROVE_WAIVER)
    account, waiver = _to_decide(session, caller, waiver_id)
    if waiver.status != "approved":
        _require_pending(waiver)
        decision = _decision(session, account, waiver_id, business_date(now))
        _require_authority(caller, decision)
        if decision.needs_resolution and not (resolution or "").strip():
            errors = [{"loc": "resolution", "msg": "reference of the owners' committee's resolution"}]
            raise Invalid("So much can be waived only upon a resolution of the owners' committee.", errors)
        _approve(session, account, decision, caller.sub, now, resolution, note)
        holds.release(session, "waiver", waiver_id, account.code, now)
    return views.get_waiver(session, caller, waiver_id)


def _require_authority(caller: Caller, decision: Decision) -> None:
    """Forbidden unless the matrix lets one of the caller's roles grant so much, and on this request."""
    if not caller.holds(decision.roles):
        raise Forbidden(f"So much is granted by {' or '.join(sorted(decision.roles))}.")
    if decision.four_eyes and caller.sub == decision.waiver.requested_by:
        raise Forbidden("So much nobody grants on the own request (four eyes); let somebody else decide.")


def reject_waiver(session: Session, caller: Caller, waiver_id: UUID, reason: str | None, now: datetime) -> WaiverDetail:
    """Refuse a pending waiver; rejecting again changes nothing. NotFound, Forbidden, Conflict."""
    caller.require(Permission.APPROVE_WAIVER)
    account, waiver = _to_decide(session, caller, waiver_id)
    if waiver.status != "rejected":
        _require_pending(waiver)
        _close(session, account, waiver_id, "rejected", caller, reason, now)
    return views.get_waiver(session, caller, waiver_id)


def withdraw_waiver(
    session: Session, caller: Caller, waiver_id: UUID, reason: str | None, now: datetime
) -> WaiverDetail:
    """Take the own pending request back; doing so again changes nothing. NotFound, Forbidden, Conflict."""
    caller.require(Permission.REQUEST_WAIVER)
    account, waiver = _to_decide(session, caller, waiver_id)
    if caller.sub != waiver.requested_by:
        raise Forbidden("Only who asked for a waiver may withdraw it.")
    if waiver.status != "withdrawn":
        _require_pending(waiver)
        _close(session, account, waiver_id, "withdrawn", caller, reason, now)
    return views.get_waiver(session, caller, waiver_id)


def _to_decide(session: Session, caller: Caller, waiver_id: UUID) -> tuple[Account, WaiverRow]:
    household = views.find_waiver(session, caller, waiver_id).household
    account = _lock_account(session, household)
    return account, views.find_waiver(session, caller, waiver_id)  # again: somebody else may have decided meanwhile


def _require_pending(waiver: WaiverRow) -> None:
    if waiver.status != "pending":
        raise Conflict(f"This waiver is {waiver.status} already.")


def _close(
    session: Session,
    account: Account,
    waiver_id: UUID,
    status: WaiverStatus,
    by: Caller,
    reason: str | None,
    now: datetime,
) -> None:
    tables.decide(session, waiver_id, Fate(status, by.sub, now, business_date(now), reason))
    holds.release(session, "waiver", waiver_id, account.code, now)
