"""STORY of the billing policy (B3): when an estate is billed and when its bills are due."""

from dataclasses import asdict
from typing import Any

from sqlalchemy.orm import Session

from services.billing.charging.tariffs import tables
from services.billing.charging.tariffs.cycles import MONTHS, BillingPolicy
from services.billing.charging.tariffs.versions import load_policy
from services.billing.portfolio.tables import find_estate
from services.billing.tables import lock_estate
from services.common.access import Caller
from services.common.contracts.errors import Invalid
from services.common.observability.logs import get_logger

KEEPERS = ("group_admin", "finance")
READERS = (*KEEPERS, "estate_manager", "auditor")
TIMINGS = ("arrears", "advance")
log = get_logger(__name__)


def get_policy(session: Session, caller: Caller, code: str) -> dict[str, Any]:
    """`{estate, cycle, timing, due_day, month_offset, roll_to_working_day, own}`; `own` false: the group's default."""
    caller.require(*READERS)
    estate = find_estate(session, caller, code)
    own = tables.has_policy(session, estate.id)
    return {"estate": code, **asdict(load_policy(session, estate.id)), "own": own}


def put_policy(session: Session, caller: Caller, code: str, policy: BillingPolicy) -> dict[str, Any]:
    """Give an estate a policy of its own, from the next run on; what is issued stays as it is.

    Months that are billed are not billed again, whatever the cycle becomes. Forbidden, NotFound, Invalid.
    """
    caller.require(*KEEPERS)
    estate = find_estate(session, caller, code)
    _check(policy)
    lock_estate(session, estate.id)  # all slices of one moment see the same policy
    tables.keep_policy(session, estate.id, asdict(policy))
    log.info("billing policy changed", extra={"estate": code, "cycle": policy.cycle, "by": caller.sub})
    return get_policy(session, caller, code)


def _check(policy: BillingPolicy) -> None:
    errors = []
    if policy.cycle not in MONTHS:
        errors.append({"loc": "cycle", "msg": f"one of {', '.join(MONTHS)}"})
    if policy.timing not in TIMINGS:
        errors.append({"loc": "timing", "msg": f"one of {', '.join(TIMINGS)}"})
    if not 1 <= policy.due_day <= 31:
        errors.append({"loc": "due_day", "msg": "from 1 to 31"})
    if not 0 <= policy.month_offset <= 12:
        errors.append({"loc": "month_offset", "msg": "from 0 to 12"})
    if errors:
        raise Invalid("The billing policy is not valid.", errors)
