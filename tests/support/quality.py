"""People and homes that the tests of work orders and of complaints have in common, and how both are asked."""

import threading
from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from services.common.contracts.answers.base import Page
from services.common.contracts.errors import Conflict
from services.common.contracts.events import EstateEntry, EstatesRegistered, HouseholdEntry, HouseholdsRegistered
from services.common.directory import Directory
from services.common.domain.access import Caller

STEWARD = Caller(sub="S1", roles=frozenset({"steward"}), estates=frozenset({"E1"}))
MANAGER = Caller(sub="M1", roles=frozenset({"estate_manager"}), estates=frozenset({"E1"}))
GROUP = Caller(sub="G1", roles=frozenset({"group_admin"}), estates=frozenset({"*"}))
OWNER = Caller(sub="owner-1", roles=frozenset({"owner"}), household="H1")
NEIGHBOUR = Caller(sub="owner-2", roles=frozenset({"owner"}), household="H2")
STRANGER = Caller(sub="S9", roles=frozenset({"steward"}), estates=frozenset({"E2"}))


def tell_homes(session: Session, register: Directory, *estates: str, at: datetime) -> None:
    """Estates; in E1 the households H1 and H2, in E2 the household H9."""
    entries = [EstateEntry(estate=code, name=code, region="north") for code in estates]
    register.keep_estates(session, EstatesRegistered(estates=entries), at)
    for estate, households in (("E1", ("H1", "H2")), ("E2", ("H9",))):
        homes = [HouseholdEntry(household=code, unit=f"u-{code}", building="B1") for code in households]
        register.keep_households(session, HouseholdsRegistered(estate=estate, households=homes), at)


def ids_on_all_pages(ask: Callable[[str | None], Page[Any]]) -> list[Any]:
    """The ids of a whole list, cursor after cursor."""
    found: list[Any] = []
    cursor = None
    while True:
        page = ask(cursor)
        found += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            return found


def outcome_of(work: Callable[[], object]) -> str:
    """ "done", or "conflict" when it was refused for the state things are in."""
    try:
        work()
    except Conflict:
        return "conflict"
    return "done"


def two_at_once(work: Callable[[], object]) -> list[str]:
    """The sorted outcomes of `work` done by two who begin together."""
    outcomes: list[str] = []
    barrier = threading.Barrier(2)

    def begin() -> None:
        barrier.wait(timeout=10)
        outcomes.append(outcome_of(work))

    threads = [threading.Thread(target=begin) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)
    return sorted(outcomes)
