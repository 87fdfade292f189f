"""STORY of notifications' policies (ADR 23): how messages may reach people."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy.orm import Session

from services.common.contracts.answers.policies import ContactRules
from services.common.contracts.errors import NotFound
from services.common.domain.access import Caller
from services.common.policies.handlers import Catalogue, Fault, Policy
from services.notifications.directory.tables import knows_estate
from services.notifications.policies import rules, tables


def find_estate(session: Session, caller: Caller, code: str) -> None:
    """Forbidden outside the scope, NotFound while billing has not told of it."""
    caller.require_estate(code)
    if not knows_estate(session, code):
        raise NotFound(f"There is no estate {code}.")


def _contact(_session: Session, estate: str | None, values: dict[str, Any]) -> Sequence[Fault]:
    return list(rules.faults(values["categories"], rules.CATEGORIES if estate is None else ()))


CATALOGUE = Catalogue(
    {"contact": Policy(ContactRules, tables.read_contact, tables.write_contact, _contact)}, find_estate
)
