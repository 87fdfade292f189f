"""STORY of policies (ADR 23): one asks for a change → another grants it → on its day it is written. What holds now.

A service gives its catalogue: which policies it has, how each is read and written, and how it knows an estate.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, cast
from uuid import UUID

from pydantic import TypeAdapter, ValidationError
from sqlalchemy.orm import Session

from services.common.contracts.answers.base import Page
from services.common.contracts.answers.policies import (
    ChangeStatus,
    PolicyChange,
    PolicyHistory,
    PolicyName,
    PolicyStanding,
    PolicyStandings,
    PolicyValues,
)
from services.common.contracts.errors import Conflict, Forbidden, Invalid, NotFound, findings
from services.common.domain.access import Caller
from services.common.domain.calendar import business_date
from services.common.domain.permissions import Permission
from services.common.observability.logs import get_logger
from services.common.once import insert_once, same_request
from services.common.paging import page, position
from services.common.policies import rules, tables
from services.common.policies.rules import Change, Draft
from services.common.policies.tables import ChangeFilter, policy_change

log = get_logger(__name__)
Values = dict[str, Any]
Fault = tuple[str, str]


Read = Callable[[Session, str | None, date], Values | None]
"""The group's (None) or an estate's own values on a day; None: it has none."""
Write = Callable[[Session, str | None, Values | None, date], None]
"""Let values hold from a day on; None: the estate goes by the group's again."""
Check = Callable[[Session, str | None, Values], Sequence[Fault]]
"""What is wrong with values that are of the right shape, as (where, what)."""


@dataclass(frozen=True)
class Policy:
    """A policy: the shape of its values, its table, its law.

    `has_days`: its table knows from which day on, for it is asked of past days too. `of_group_only`: no estate differs.
    """

    shape: type
    read: Read
    write: Write
    check: Check | None = None
    has_days: bool = False
    of_group_only: bool = False

    def faults(self, session: Session, estate: str | None, values: Values | None) -> Sequence[Fault]:
        """What is wrong with values that are of the right shape."""
        return self.check(session, estate, values) if self.check is not None and values is not None else ()


@dataclass(frozen=True)
class Catalogue:
    """The policies of a service, and its look-up of an estate, which raises Forbidden and NotFound."""

    policies: Mapping[PolicyName, Policy]
    find_estate: Callable[[Session, Caller, str], object]

    def policy(self, name: PolicyName) -> Policy:
        """A policy by its name; NotFound."""
        if name not in self.policies:
            raise NotFound(f"There is no policy {name} here.")
        return self.policies[name]

    def check_scope(self, session: Session, caller: Caller, estate: str | None) -> None:
        """The estate is the caller's, the group's policies are for whoever has all of it. Forbidden, NotFound."""
        if estate is None:
            caller.require_every_estate()
        else:
            self.find_estate(session, caller, estate)


def request_change(
    session: Session, caller: Caller, catalogue: Catalogue, request_id: UUID, draft: Draft, now: datetime
) -> PolicyChange:
    """Ask for a change; it waits for somebody else. The same request again answers the same.

    Forbidden, NotFound, Invalid, Conflict (id used for another change).
    """
    caller.require(Permission.REQUEST_POLICY_CHANGE)
    policy = catalogue.policy(draft.policy)
    catalogue.check_scope(session, caller, draft.estate)
    values = _in_shape(policy, draft)
    row = vars(draft) | {"new_values": values, "requested_by": caller.sub}
    if tables.load_change(session, request_id) is None:
        _check_day(policy, draft.effective_from, business_date(now))
        _refuse(policy.faults(session, draft.estate, values))
        insert_once(session, policy_change, row | {"id": request_id, "status": "pending", "requested_at": now})
    return view(same_request("change", tables.load_change(session, request_id), row))


def _in_shape(policy: Policy, draft: Draft) -> Values | None:
    """The values as they are kept; Invalid names what is wrong with them."""
    if draft.estate is not None and policy.of_group_only:
        raise Invalid("This policy is the group's.", [{"loc": "estate", "msg": "leave it out"}])
    if draft.new_values is None:
        if draft.estate is None:
            raise Invalid("The group has values of its own.", [{"loc": "values", "msg": "null is for an estate"}])
        return None
    try:
        return TypeAdapter[Values](policy.shape).validate_python(draft.new_values)
    except ValidationError as error:
        errors = [{**each, "loc": f"values.{each['loc']}"} for each in findings(error.errors())]
        raise Invalid("These are no values of this policy.", errors) from None


def _refuse(faults: Sequence[Fault]) -> None:
    if faults:
        errors = [{"loc": f"values.{where}", "msg": what} for where, what in faults]
        raise Invalid("These values do not go together.", errors)


def _check_day(policy: Policy, since: date, today: date) -> None:
    first, last = rules.first_day(today, has_days=policy.has_days), rules.last_day(today)
    if not first <= since <= last:
        msg = f"from {first} to {last}: the past stays as it was"
        raise Invalid("A policy does not change for days gone by.", [{"loc": "effective_from", "msg": msg}])


def approve_change(
    session: Session, caller: Caller, catalogue: Catalogue, change_id: UUID, note: str | None, now: datetime
) -> PolicyChange:
    """Grant somebody else's request; the same again changes nothing. Written at once if its day is here.

    Forbidden (the own request), NotFound, Conflict (decided otherwise; its day has passed; it no longer fits).
    """
    change = _to_decide(session, caller, catalogue, change_id, Permission.APPROVE_POLICY_CHANGE)
    if change.status == "approved":
        return view(change)
    _check_pending(change)
    if change.requested_by == caller.sub:
        raise Forbidden("A policy is changed by two people; let somebody else grant it.")
    policy, today = catalogue.policy(change.policy), business_date(now)
    if change.effective_from < rules.first_day(today, has_days=policy.has_days):
        raise Conflict(f"Its day, {change.effective_from}, has passed; ask for a later one.")
    if policy.faults(session, change.estate, change.new_values):
        raise Conflict("These values no longer go together with what holds now; ask anew.")
    tables.set_decision(session, change_id, "approved", caller.sub, now, note)
    _log(change, "approved", caller)
    apply_due(session, catalogue, now)
    return _reload(session, change_id)


def reject_change(
    session: Session, caller: Caller, catalogue: Catalogue, change_id: UUID, note: str | None, now: datetime
) -> PolicyChange:
    """Refuse a request; the same again changes nothing. Forbidden, NotFound, Conflict."""
    change = _to_decide(session, caller, catalogue, change_id, Permission.APPROVE_POLICY_CHANGE)
    if change.status != "rejected":
        _check_pending(change)
        tables.set_decision(session, change_id, "rejected", caller.sub, now, note)
        _log(change, "rejected", caller)
    return _reload(session, change_id)


def withdraw_change(
    session: Session, caller: Caller, catalogue: Catalogue, change_id: UUID, note: str | None, now: datetime
) -> PolicyChange:
    """Take a request back, or call off what is granted and has had no effect; the same again changes nothing.

    By whoever asked, and once it is granted by whoever may grant. Forbidden, NotFound, Conflict.
    """
    change = _to_decide(session, caller, catalogue, change_id, Permission.REQUEST_POLICY_CHANGE)
    if change.status == "withdrawn":
        return view(change)
    may_call_off = change.status == "approved" and caller.may(Permission.APPROVE_POLICY_CHANGE)
    if change.requested_by != caller.sub and not may_call_off:
        raise Forbidden("Only whoever asked for it takes it back.")
    if not rules.may_be_withdrawn(change):
        raise Conflict(f"It is {'in force' if change.applied_at else change.status}; ask for another change.")
    tables.set_decision(session, change_id, "withdrawn", caller.sub, now, note)
    _log(change, "withdrawn", caller)
    return _reload(session, change_id)


def _to_decide(
    session: Session, caller: Caller, catalogue: Catalogue, change_id: UUID, permission: Permission
) -> Change:
    """The change, held; nobody writes policies meanwhile."""
    caller.require(permission)
    tables.lock_policies(session)
    change = tables.load_change(session, change_id, lock=True)
    if change is None:
        raise NotFound("There is no such change.")
    catalogue.check_scope(session, caller, change.estate)
    return change


def _check_pending(change: Change) -> None:
    if change.status != "pending":
        raise Conflict(f"This change is {change.status}.")


def apply_due(session: Session, catalogue: Catalogue, now: datetime) -> int:
    """Write what is granted and whose day is here, in the order of their days; how many. The policies' lock is held."""
    today, count = business_date(now), 0
    for change in tables.waiting(session, rules.last_day(today)):
        policy = catalogue.policy(change.policy)
        if rules.carried_out_on(change.effective_from, has_days=policy.has_days) <= today:
            policy.write(session, change.estate, change.new_values, change.effective_from)
            tables.mark_applied(session, change.id, now)
            log.info("policy in force", extra={"policy": change.policy, "change_id": str(change.id)})
            count += 1
    return count


def apply_due_alone(session: Session, catalogue: Catalogue, now: datetime) -> int:
    """What the timer does, in whichever replica comes first."""
    return apply_due(session, catalogue, now) if tables.try_to_lock_policies(session) else 0


def list_standings(
    session: Session, caller: Caller, catalogue: Catalogue, estate: str | None, today: date
) -> PolicyStandings:
    """Every policy as it holds today for an estate, or the group. Forbidden, NotFound."""
    caller.require(Permission.READ_POLICIES)
    if estate is not None:
        catalogue.find_estate(session, caller, estate)
    items = [_standing(session, catalogue, name, estate, today) for name in catalogue.policies]
    return PolicyStandings(items=items, next_cursor=None)


def get_history(
    session: Session, caller: Caller, catalogue: Catalogue, name: PolicyName, estate: str | None, today: date
) -> PolicyHistory:
    """A policy as it holds today, and every change of it. Forbidden, NotFound."""
    caller.require(Permission.READ_POLICIES)
    catalogue.policy(name)
    if estate is not None:
        catalogue.find_estate(session, caller, estate)
    changes = [view(change) for change in tables.history(session, name, estate)]
    return PolicyHistory(**_standing(session, catalogue, name, estate, today), changes=changes)


def _standing(
    session: Session, catalogue: Catalogue, name: PolicyName, estate: str | None, today: date
) -> PolicyStanding:
    policy = catalogue.policies[name]
    own = policy.read(session, estate, today) if estate is not None and not policy.of_group_only else None
    values = policy.read(session, None, today) if own is None else own
    if values is None:
        raise NotFound(f"The group has no {name}.")
    change = tables.last_applied(session, name, None if own is None else estate, today)
    return PolicyStanding(
        policy=name,
        estate=estate,
        source="group" if own is None else "estate",
        values=cast("PolicyValues", values),
        since=change.effective_from if change else None,
        change_id=change.id if change else None,
    )


def list_changes(
    session: Session, caller: Caller, status: ChangeStatus | None, estate: str | None, limit: int, cursor: str | None
) -> Page[PolicyChange]:
    """Changes asked for, the newest first: of the caller's estates, and the group's. Forbidden, Invalid (cursor)."""
    caller.require(Permission.READ_POLICIES)
    scope = caller.estate_filter(estate)
    after = position(cursor, datetime.fromisoformat, UUID)
    cut = ChangeFilter(status, scope, of_group=estate is None)
    rows = tables.changes(session, cut, limit + 1, after and (after[0], after[1]))
    changes, next_cursor = page(rows, limit, lambda change: [change.requested_at.isoformat(), change.id])
    return Page(items=[view(change) for change in changes], next_cursor=next_cursor)


def _reload(session: Session, change_id: UUID) -> PolicyChange:
    change = tables.load_change(session, change_id)
    if change is None:
        raise NotFound("There is no such change.")
    return view(change)


def view(change: Change) -> PolicyChange:
    """A change as the API shows it."""
    return PolicyChange(
        id=change.id,
        policy=change.policy,
        estate=change.estate,
        values=cast("PolicyValues | None", change.new_values),
        effective_from=change.effective_from,
        reason=change.reason,
        status=change.status,
        requested_by=change.requested_by,
        requested_at=change.requested_at,
        decided_by=change.decided_by,
        decided_at=change.decided_at,
        note=change.note,
        applied_at=change.applied_at,
    )


def _log(change: Change, status: ChangeStatus, caller: Caller) -> None:
    extra = {"policy": change.policy, "estate": change.estate, "status": status, "by": caller.sub}
    log.info("policy change decided", extra=extra)
