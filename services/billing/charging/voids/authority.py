"""STORY of how far a void acts at once: a figure of the group or an estate, beside the authority matrix (ADR 18)."""

from sqlalchemy.orm import Session

from services.billing.charging.voids import request_tables
from services.billing.portfolio.tables import find_estate
from services.billing.tables import lock_estate
from services.common.contracts.answers.voids import VoidAuthority
from services.common.contracts.errors import Invalid
from services.common.domain.access import Caller
from services.common.domain.permissions import Permission


def get_authority(session: Session, caller: Caller, estate: str | None) -> VoidAuthority:
    """What counts for an estate, or the group's. NotFound, Forbidden."""
    caller.require(Permission.READ_WAIVERS)
    return _view(session, estate, _estate_id(session, caller, estate))


def set_authority(session: Session, caller: Caller, estate: str | None, fen: int | None) -> VoidAuthority:
    """Say up to how much a void acts at once; None: the estate goes by the group's again.

    Only the administrator, for whoever voids does not say how much he may alone. Invalid, NotFound, Forbidden.
    """
    caller.require(Permission.SET_WAIVER_AUTHORITY)
    if estate is None:
        caller.require_every_estate()
        if fen is None:
            raise Invalid("The group has a figure.", [{"loc": "automatic_up_to_fen", "msg": "say how much"}])
    estate_id = _estate_id(session, caller, estate)
    lock_estate(session, estate_id)
    request_tables.keep_automatic(session, estate_id, fen, by=caller.sub)
    return _view(session, estate, estate_id)


def _estate_id(session: Session, caller: Caller, estate: str | None) -> int:
    return 0 if estate is None else int(find_estate(session, caller, estate).id)


def _view(session: Session, estate: str | None, estate_id: int) -> VoidAuthority:
    row = request_tables.authority(session, estate_id)
    return VoidAuthority(estate=estate, automatic_up_to_fen=row.automatic_up_to_fen, own=row.estate_id == estate_id)
