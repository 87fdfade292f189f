"""STORY of voids (B5, ADR 18): done at once, or asked for and decided on by somebody else; reissues. Never commits."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from services.billing.charging.voids import carrying, reissuing, request_tables, rules, tables
from services.billing.charging.voids.request_tables import NewRequest, RequestRow, Verdict
from services.billing.charging.voids.views import voided_bill
from services.billing.charging.voids.voiding import Scene, Void, judge, lock_bill, void_now
from services.billing.holds import handlers as holds
from services.common.contracts.answers.voids import Reissue, VoidedBill
from services.common.contracts.errors import Conflict, Forbidden, Invalid, NotFound
from services.common.domain.access import Caller
from services.common.domain.permissions import Permission
from services.common.once import same_request


def void_bill(session: Session, caller: Caller, request_id: UUID, request: Void, now: datetime) -> VoidedBill:
    """Void a bill by credit note; with `reissue` bill its unit, fee item and month again, due as before (B5).

    When more hangs on it than a void may move at once, it waits for somebody else (`status` requested) and holds
    dunning meanwhile. The same call again answers the same. Errors: NotFound, Forbidden, Invalid (reason), Conflict
    (void already, waiver or void pending, plan performing, nothing to bill again, id used for another void).
    """
    caller.require(Permission.VOID_BILL)
    if not request.reason.strip():
        raise Invalid("A void needs a reason.", [{"loc": "reason", "msg": "say why"}])
    bill = lock_bill(session, caller, request.bill_id)
    record = tables.note(session, request_id) or request_tables.request(session, request_id)
    if record is None:
        _void_or_ask(session, caller, request_id, judge(session, bill), request, now)
    else:
        same_request("void", record, vars(request))
    return voided_bill(session, request_id)


def _void_or_ask(
    session: Session, caller: Caller, request_id: UUID, scene: Scene, request: Void, now: datetime
) -> None:
    _refuse_if_asked(session, scene.bill.id)
    automatic_fen = request_tables.authority(session, scene.bill.estate_id).automatic_fen(caller.sub)
    if rules.at_stake_fen(scene.stands, scene.bill.amount_fen, _is_billed_again(scene, request)) <= automatic_fen:
        void_now(session, caller, request_id, scene, request, now)
        return
    request_tables.add(session, _new(caller, request_id, scene, request, now))
    holds.hold(session, "void", request_id, scene.account.code, now, holds_dunning=True)


def _refuse_if_asked(session: Session, bill_id: int) -> None:
    waits = request_tables.pending_of(session, bill_id)
    if waits is not None:
        raise Conflict(f"Void {waits.id} waits for bill {bill_id} already; decide on that one first.")


def _is_billed_again(scene: Scene, request: Void) -> bool:
    """Whether the month is billed again, by this request or by the next run over it."""
    return request.reissue or (scene.bill.charge_id is None and scene.bill.run_id is not None)


def _new(caller: Caller, request_id: UUID, scene: Scene, request: Void, now: datetime) -> NewRequest:
    bill = scene.bill
    return NewRequest(
        id=request_id,
        estate_id=bill.estate_id,
        household_id=bill.household_id,
        bill_id=bill.id,
        fee_item=bill.fee_item,
        period=bill.period,
        amount_fen=bill.amount_fen,
        **scene.stands.sums,
        reason=request.reason,
        reissue=request.reissue,
        requested_by=caller.sub,
        requested_at=now,
    )


def approve_void(session: Session, caller: Caller, request_id: UUID, note: str | None, now: datetime) -> VoidedBill:
    """Void a bill as somebody else has asked, as it stands now; approving again changes nothing (ADR 18).

    Errors: NotFound, Forbidden (role, scope, own request), Conflict (decided otherwise; void already, waiver pending,
    plan performing, nothing to bill again).
    """
    caller.require(Permission.APPROVE_VOID)
    pending = _lock_request(session, caller, request_id)
    if pending.status != "void":
        _require_pending(pending)
        if caller.sub == pending.requested_by:
            raise Forbidden("Nobody approves the own request (four eyes); let somebody else decide.")
        scene = judge(session, lock_bill(session, caller, pending.bill_id))
        _close(session, pending, Verdict("void", caller.sub, now, note))
        void = Void(pending.bill_id, pending.reason, pending.reissue)
        void_now(session, caller, request_id, scene, void, now)
    return voided_bill(session, request_id)


def reject_void(session: Session, caller: Caller, request_id: UUID, reason: str | None, now: datetime) -> VoidedBill:
    """Refuse a void that waits; rejecting again changes nothing. NotFound, Forbidden, Conflict."""
    caller.require(Permission.APPROVE_VOID)
    pending = _lock_request(session, caller, request_id)
    if pending.status != "rejected":
        _require_pending(pending)
        _close(session, pending, Verdict("rejected", caller.sub, now, reason))
    return voided_bill(session, request_id)


def withdraw_void(session: Session, caller: Caller, request_id: UUID, reason: str | None, now: datetime) -> VoidedBill:
    """Take the own pending request back; doing so again changes nothing. NotFound, Forbidden, Conflict."""
    caller.require(Permission.VOID_BILL)
    pending = _lock_request(session, caller, request_id)
    if caller.sub != pending.requested_by:
        raise Forbidden("Only who asked for a void may withdraw it.")
    if pending.status != "withdrawn":
        _require_pending(pending)
        _close(session, pending, Verdict("withdrawn", caller.sub, now, reason))
    return voided_bill(session, request_id)


def _lock_request(session: Session, caller: Caller, request_id: UUID) -> RequestRow:
    """The request as it is once nobody else posts on its estate any more."""
    snapshot = _find_request(session, request_id)
    lock_bill(session, caller, snapshot.bill_id)
    return _find_request(session, request_id)


def _find_request(session: Session, request_id: UUID) -> RequestRow:
    row = request_tables.request(session, request_id)
    if row is None:
        raise NotFound("There is no such void.")
    return row


def _require_pending(row: RequestRow) -> None:
    if row.status != "requested":
        raise Conflict(f"This void is {row.status} already.")


def _close(session: Session, pending: RequestRow, verdict: Verdict) -> None:
    request_tables.decide(session, pending.id, verdict)
    holds.release(session, "void", pending.id, pending.household, verdict.decided_at)


def reissue_bill(session: Session, caller: Caller, request_id: UUID, bill_id: int, now: datetime) -> Reissue:
    """Bill the unit, fee item and month of a void bill again, due as before (B5).

    The same call again answers the same. NotFound, Forbidden, Conflict (not void, billed already, nothing to bill).
    """
    caller.require(Permission.VOID_BILL)
    bill = lock_bill(session, caller, bill_id)
    record = tables.reissue(session, request_id)
    if record is None:
        if bill.voided_at is None:
            raise Conflict(f"Bill {bill_id} stands; void it first.")
        reissuing.bill_again(session, caller, request_id, bill, now)
    else:
        same_request("reissue", record, {"bill_id": bill_id})
    return Reissue(
        id=request_id,
        bill_id=bill_id,
        bills=reissuing.made_by(session, request_id),
        carried=carrying.grants_moved_by(session, request_id),
    )
