"""STORY of the billing policy (B3): when an estate is billed and when its bills are due."""

from sqlalchemy.orm import Session

from services.billing.charging.tariffs import tables
from services.billing.charging.tariffs.cycles import BillingPolicy
from services.billing.charging.tariffs.versions import load_policy
from services.billing.portfolio.tables import find_estate
from services.billing.tables import lock_estate
from services.common.contracts.answers.tariffs import BillingTerms, EstateBillingPolicy
from services.common.contracts.errors import Invalid
from services.common.domain.access import Caller
from services.common.domain.permissions import Permission
from services.common.observability.logs import get_logger

BOUNDS = {"due_day": (1, 31), "month_offset": (0, 12), "notice_days": (0, 90)}
log = get_logger(__name__)


def get_policy(session: Session, caller: Caller, code: str) -> EstateBillingPolicy:
    """The policy of an estate: its own, or the group's default. Forbidden, NotFound."""
    caller.require(Permission.READ_BILLING_POLICY)
    estate = find_estate(session, caller, code)
    policy = load_policy(session, estate.id)
    return EstateBillingPolicy(**billing_terms(policy), estate=code, own=tables.has_policy(session, estate.id))


def billing_terms(policy: BillingPolicy) -> BillingTerms:
    """A policy as the API shows it."""
    return BillingTerms(
        cycle=policy.cycle,
        timing=policy.timing,
        due_day=policy.due_day,
        month_offset=policy.month_offset,
        roll_to_working_day=policy.roll_to_working_day,
        notice_days=policy.notice_days,
    )


def put_policy(session: Session, caller: Caller, code: str, policy: BillingPolicy) -> EstateBillingPolicy:
    """Give an estate a policy of its own, from the next run on; what is issued stays as it is.

    Months that are billed are not billed again, whatever the cycle becomes. Forbidden, NotFound, Invalid.
    """
    caller.require(Permission.SET_BILLING_POLICY)
    estate = find_estate(session, caller, code)
    _check(policy)
    lock_estate(session, estate.id)  # all slices of one moment see the same policy
    tables.keep_policy(session, estate.id, policy)
    log.info("billing policy changed", extra={"estate": code, "cycle": policy.cycle, "by": caller.sub})
    return get_policy(session, caller, code)


def _check(policy: BillingPolicy) -> None:
    errors = [
        {"loc": name, "msg": f"from {least} to {most}"}
        for name, (least, most) in BOUNDS.items()
        if not least <= getattr(policy, name) <= most
    ]
    if errors:
        raise Invalid("The billing policy is not valid.", errors)
