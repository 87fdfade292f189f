"""STORY of the ladder as data (D1): read it, change it as a whole. No change takes effect in the middle of a sweep."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from services.billing.collections.dunning.ladder import rules, tables
from services.billing.collections.dunning.ladder.rules import Rung
from services.billing.collections.dunning.tables import lock_to_change
from services.billing.portfolio.tables import find_estate
from services.common.contracts.answers.dunning import Ladder
from services.common.contracts.errors import Forbidden, Invalid
from services.common.domain.access import Caller
from services.common.domain.permissions import Permission

GROUP = 0


def get_ladder(session: Session, caller: Caller, estate: str | None) -> Ladder:
    """The ladder of an estate, or the group's (D1); NotFound, Forbidden.

    `inherited`: the estate uses the group's. A track says what stands instead of a step for households of a cause (D2).
    """
    caller.require(Permission.READ_DUNNING)
    own = tables.steps(session, _estate_id(session, caller, estate))
    return Ladder(
        estate=estate,
        inherited=estate is not None and not own,
        steps=own or tables.steps(session, GROUP),
        tracks=tables.tracks(session),
    )


def put_ladder(session: Session, caller: Caller, estate: str | None, steps: Sequence[Rung]) -> Ladder:
    """Replace a ladder by another, checked as a whole; no steps for an estate: it uses the group's again.

    Invalid (see `rules.faults`), Forbidden, NotFound.
    """
    caller.require(Permission.SET_LADDER)
    if estate is None:
        caller.require_every_estate()
    estate_id = _estate_id(session, caller, estate)
    faults = rules.faults(steps) or (
        [("steps", "the group's ladder has steps")] if not steps and estate is None else []
    )
    if faults:
        raise Invalid("This is no ladder.", [{"loc": where, "msg": what} for where, what in faults])
    lock_to_change(session, estate_id)
    tables.replace_steps(session, estate_id, steps)
    return get_ladder(session, caller, estate)


def _estate_id(session: Session, caller: Caller, estate: str | None) -> int:
    if caller.is_owner:
        raise Forbidden("The ladder is for staff.")
    return GROUP if estate is None else find_estate(session, caller, estate).id
