"""DOORS to policies (ADR 23), the same in every service that has some; the service gives its catalogue."""

from datetime import date
from typing import Any, ClassVar
from uuid import UUID

from services.common.contracts.answers.base import Page
from services.common.contracts.answers.policies import (
    ChangeStatus,
    PolicyChange,
    PolicyHistory,
    PolicyName,
    PolicyStandings,
)
from services.common.domain.access import Caller
from services.common.domain.calendar import business_date
from services.common.fields import Note, Reason
from services.common.paging import DEFAULT_LIMIT, Limit
from services.common.policies import handlers
from services.common.policies.handlers import Catalogue
from services.common.policies.rules import Draft
from services.common.process.service import EstateService, rpc, timer

APPLY_SECONDS = 20


class PolicyDoors(EstateService):
    """What holds, since when, and how it is changed by two people."""

    policies: ClassVar[Catalogue]

    @rpc
    def list_policies(self, caller: Caller, estate: str | None = None) -> PolicyStandings:
        """Every policy as it holds today."""
        with self.transaction() as session:
            return handlers.list_standings(session, caller, self.policies, estate, business_date(self.clock()))

    @rpc
    def get_policy(self, caller: Caller, policy: PolicyName, estate: str | None = None) -> PolicyHistory:
        """One policy with its history and what waits."""
        with self.transaction() as session:
            return handlers.get_history(session, caller, self.policies, policy, estate, business_date(self.clock()))

    @rpc
    def list_policy_changes(
        self,
        caller: Caller,
        status: ChangeStatus | None = None,
        estate: str | None = None,
        limit: Limit = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> Page[PolicyChange]:
        """Changes asked for, the newest first."""
        with self.transaction() as session:
            return handlers.list_changes(session, caller, status, estate, limit, cursor)

    @rpc
    def request_policy_change(
        self,
        caller: Caller,
        request_id: UUID,
        policy: PolicyName,
        effective_from: date,
        reason: Reason,
        values: dict[str, Any] | None = None,
        estate: str | None = None,
    ) -> PolicyChange:
        """Ask for a change."""
        draft = Draft(policy, estate, values, effective_from, reason)
        with self.transaction() as session:
            return handlers.request_change(session, caller, self.policies, request_id, draft, self.clock())

    @rpc
    def approve_policy_change(self, caller: Caller, change_id: UUID, note: Note | None = None) -> PolicyChange:
        """Grant it."""
        with self.transaction() as session:
            return handlers.approve_change(session, caller, self.policies, change_id, note, self.clock())

    @rpc
    def reject_policy_change(self, caller: Caller, change_id: UUID, note: Note | None = None) -> PolicyChange:
        """Refuse it."""
        with self.transaction() as session:
            return handlers.reject_change(session, caller, self.policies, change_id, note, self.clock())

    @rpc
    def withdraw_policy_change(self, caller: Caller, change_id: UUID, note: Note | None = None) -> PolicyChange:
        """Take it back."""
        with self.transaction() as session:
            return handlers.withdraw_change(session, caller, self.policies, change_id, note, self.clock())

    @timer(APPLY_SECONDS)
    def apply_policies(self) -> None:
        """What is granted holds from its day on, whichever replica comes first."""
        with self.transaction() as session:
            handlers.apply_due_alone(session, self.policies, self.clock())
