"""STORY of payments: take a payment, show it, know who lives where, say what came in (E1, E3)."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from services.common.contracts.answers import payments as answers
from services.common.contracts.answers.base import Page
from services.common.contracts.answers.payments import EstatePaymentFigures, PaymentFigures
from services.common.contracts.errors import Conflict, Forbidden, Invalid, NotFound
from services.common.contracts.events import PaymentAllocated, PaymentReallocated, PaymentStarted
from services.common.domain.access import Caller
from services.common.domain.calendar import business_date
from services.common.domain.permissions import Permission
from services.common.messaging import record
from services.common.once import another_request
from services.common.paging import page, position
from services.payments import tables
from services.payments.metrics import count_when_committed
from services.payments.policy.rules import PaymentPolicy
from services.payments.policy.tables import policy_of
from services.payments.rules import (
    NEEDS,
    ONLINE_CHANNELS,
    NewPayment,
    Payment,
    PaymentRequest,
    next_check,
    problems,
    settles_at_once,
    transfer_reference,
)
from services.payments.settings import Settings
from services.payments.settlement.handlers import aggregate, settle_at_desk


@dataclass(frozen=True)
class Terms:
    """What a new payment is taken under. `open_bill_ids`: the household's, as billing has them; None: nobody knows."""

    channels_on: Collection[str]
    expiry_seconds: int
    first_check_seconds: int
    open_bill_ids: Collection[int] | None = None

    @classmethod
    def of(
        cls, settings: Settings, channels_on: Collection[str], open_bill_ids: Collection[int] | None = None
    ) -> "Terms":
        """The terms the settings give."""
        return cls(channels_on, settings.payment_expiry_seconds, settings.payment_check_seconds, open_bill_ids)


def create_payment(session: Session, caller: Caller, request: PaymentRequest, terms: Terms, now: datetime) -> Payment:
    """Take a payment; one that settles at once is settled in this transaction (E3).

    The same request again gives the same payment. Raises Forbidden, NotFound (household), Invalid, Conflict (same id,
    other request; too many orders wait).
    """
    estate = _require_payer(session, caller, request)
    if wrong := problems(request, business_date(now), terms.channels_on):
        raise Invalid("; ".join(f"{item['loc']}: {item['msg']}" for item in wrong) + ".", wrong)
    policy = policy_of(session, estate)
    payment = tables.insert_payment(session, _new(request, estate, caller, terms, policy, now))
    if payment is None:
        return _same_payment(session, request)
    _require_backdating(caller, payment, policy)
    _refuse_closed_day(session, estate, request)
    _require_open_bills(request, terms.open_bill_ids)
    if settles_at_once(request):
        return settle_at_desk(session, payment, day=request.received_on or business_date(now), now=now)
    _require_room(session, payment, policy, now)
    if request.channel in ONLINE_CHANNELS:
        _announce_start(session, payment, now)
    return payment


def _require_payer(session: Session, caller: Caller, request: PaymentRequest) -> str:
    """The household's estate, when the caller may take this payment for it."""
    caller.require(Permission.TAKE_PAYMENT)
    if request.channel in NEEDS:
        caller.require(NEEDS[request.channel])
    if caller.is_owner:
        caller.require_household(request.household, "")
    return require_household(session, caller, request.household)


def require_household(session: Session, caller: Caller, household: str) -> str:
    """The estate of a household the caller may see. Raises NotFound, Forbidden."""
    estate = tables.estate_of_household(session, household)
    if estate is None:
        raise NotFound(f"Household {household} is not known.")
    caller.require_household(household, estate)
    return estate


def _new(
    request: PaymentRequest, estate: str, caller: Caller, terms: Terms, policy: PaymentPolicy, now: datetime
) -> NewPayment:
    is_beyond = not policy.lets_date_back(request.received_on, business_date(now))
    new = NewPayment(request=request, estate=estate, created_by=caller.sub, created_at=now, beyond_policy=is_beyond)
    if request.channel in ONLINE_CHANNELS:
        expires_at = now + timedelta(seconds=terms.expiry_seconds)
        look = next_check(now, checks=0, expires_at=expires_at, first_seconds=terms.first_check_seconds)
        return replace(new, expires_at=expires_at, next_check_at=look)
    if request.channel == "transfer":
        new = replace(new, reference=transfer_reference(request.id))
    if request.channel == "transfer" and request.received_on is None:
        expires_at = policy.transfer_expires_at(now)
        return replace(new, expires_at=expires_at, next_check_at=expires_at)
    return new


def _require_backdating(caller: Caller, payment: Payment, policy: PaymentPolicy) -> None:
    """Forbidden for money dated back beyond the policy by whom it is not for; that takes the new payment back (E3)."""
    if payment.beyond_policy and not caller.may(Permission.BACKDATE_PAYMENT):
        raise Forbidden(
            f"Money may be dated back {policy.backdate_days} days at most here; beyond that it is for finance.",
            [{"loc": "received_on", "msg": f"must be at most {policy.backdate_days} days ago"}],
        )


def _require_open_bills(request: PaymentRequest, open_bill_ids: Collection[int] | None) -> None:
    """Invalid for bills that are not open bills of the household (FC5); that takes the new payment back.

    Where billing cannot say, money is taken all the same: it pays only bills of the household, whatever is named.
    """
    others = [] if open_bill_ids is None else [bill for bill in request.bill_ids if bill not in set(open_bill_ids)]
    if others:
        message = f"not open bills of household {request.household}: {', '.join(map(str, others))}"
        raise Invalid(f"bill_ids: {message}.", [{"loc": "bill_ids", "msg": message}])


def _require_room(session: Session, payment: Payment, policy: PaymentPolicy, now: datetime) -> None:
    """Conflict for more orders of one household than may wait at a time, this one with them; it is taken back."""
    if tables.count_open_orders(session, payment.household, now) > policy.most_orders:
        raise Conflict(
            f"Household {payment.household} has {policy.most_orders} payments waiting for their money, which is as many"
            " as may wait at a time: one of them can be paid, or runs out by itself."
        )


def _refuse_closed_day(session: Session, estate: str, request: PaymentRequest) -> None:
    """Raises Invalid, which takes the new payment back, when its day is in a closed month (B8)."""
    last_closed_day = tables.books_closed_until(session, estate) if request.received_on else None
    if last_closed_day and request.received_on and request.received_on <= last_closed_day:
        message = f"the books are closed up to {last_closed_day.isoformat()}"
        raise Invalid(f"received_on: {message}.", [{"loc": "received_on", "msg": message}])


def _same_payment(session: Session, request: PaymentRequest) -> Payment:
    payment = tables.find_payment(session, request.id)
    if payment is None or payment.request != request:
        raise another_request("payment")
    return payment


def _announce_start(session: Session, payment: Payment, now: datetime) -> None:
    event = PaymentStarted(
        payment_id=payment.id,
        household=payment.household,
        estate=payment.estate,
        amount_fen=payment.amount_fen,
        expires_at=payment.expires_at or now,
        bill_ids=list(payment.bill_ids),
    )
    record(session, event, aggregate=aggregate(payment), at=now)
    count_when_committed(session, payment.channel, "started")


def get_payment(session: Session, caller: Caller, payment_id: UUID) -> Payment:
    """One payment. Raises NotFound, Forbidden."""
    caller.require(Permission.READ_PAYMENTS)
    payment = tables.find_payment(session, payment_id)
    if payment is None:
        raise NotFound(f"Payment {payment_id} is not known.")
    caller.require_household(payment.household, payment.estate)
    return payment


def list_payments(
    session: Session, caller: Caller, household: str, limit: int, cursor: str | None
) -> Page[answers.Payment]:
    """A household's payments, newest first. Raises NotFound, Forbidden, Invalid."""
    caller.require(Permission.READ_PAYMENTS)
    if caller.is_owner:
        caller.require_household(household, "")
    require_household(session, caller, household)
    before = position(cursor, datetime.fromisoformat, UUID)
    rows = tables.payments_of_household(session, household, limit=limit, before=before)
    payments, following = page(rows, limit, lambda row: (row.created_at.isoformat(), str(row.id)))
    return Page(items=[view(payment) for payment in payments], next_cursor=following)


def view(payment: Payment) -> answers.Payment:
    """A payment as the API shows it. The QR code shows while it can be paid."""
    return answers.Payment(
        id=payment.id,
        household=payment.household,
        status=payment.status,
        channel=payment.channel,
        amount_fen=payment.amount_fen,
        bill_ids=list(payment.bill_ids) or None,
        created_at=payment.created_at,
        qr_code=payment.code_url if payment.status == "pending" else None,
        expires_at=payment.expires_at,
        reference=payment.reference,
        receipt_no=payment.receipt_no,
        transaction_id=payment.transaction_id,
        settled_at=payment.settled_at,
        business_date=payment.business_date,
        allocations=payment.allocations,
        credit_fen=payment.credit_fen,
        reason=payment.reason,
        beyond_policy=payment.beyond_policy,
    )


def keep_allocations(session: Session, event: PaymentAllocated | PaymentReallocated, revision: int = 0) -> None:
    """The receipt's lines: what billing did with the money (B9); of several words the one of the highest revision.

    An unknown payment is an error and gets parked.
    """
    payment = tables.find_payment(session, event.payment_id, lock=True)
    if payment is None:
        raise NotFound(f"Payment {event.payment_id} is not known.")
    if revision >= payment.revision:
        lines = [line.model_dump(mode="json") for line in event.allocations]
        receipt = {"allocations": lines, "credit_fen": event.credit_fen, "revision": revision}
        tables.update_payment(session, event.payment_id, **receipt)


def estate_figures(session: Session, caller: Caller, estate: str, today: date) -> EstatePaymentFigures:
    """What came in today and what waits, for one estate. Raises NotFound, Forbidden."""
    caller.require(Permission.READ_FIGURES)
    caller.require_estate(estate)
    if not tables.REGISTER.has_estate(session, estate):
        raise NotFound(f"Estate {estate} is not known.")
    return {"estate": estate, **_figures(session, today, [estate])}


def group_figures(session: Session, caller: Caller, today: date) -> PaymentFigures:
    """The same over all estates in the caller's scope."""
    caller.require(Permission.READ_GROUP_FIGURES)
    return _figures(session, today, caller.estate_filter())


def _figures(session: Session, today: date, estates: Collection[str] | None) -> PaymentFigures:
    by_channel = tables.received_by_channel(session, today, estates)
    return PaymentFigures(
        date=today,
        received_fen=sum(by_channel.values()),
        received_by_channel=by_channel,
        pending=tables.count_pending(session, estates),
        suspense=tables.count_suspense(session, estates),
    )
