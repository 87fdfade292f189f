"""STORY of the authority matrix (C2): who may grant how much, as data; shown, and set by the group's administrator."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from services.billing.portfolio.tables import find_estate
from services.billing.receivables.waivers import tables
from services.billing.receivables.waivers.rules import Band, flaws
from services.billing.tables import lock_estate
from services.common.contracts.answers.waivers import AuthorityBand, WaiverAuthority, WaiverKind
from services.common.contracts.errors import Invalid
from services.common.domain.access import Caller
from services.common.domain.permissions import Permission, Role


def get_matrix(session: Session, caller: Caller, estate: str | None) -> WaiverAuthority:
    """The bands that count for an estate, or the group's, by kind. NotFound, Forbidden."""
    caller.require(Permission.READ_WAIVERS)
    estate_id = _estate_id(session, caller, estate)
    return WaiverAuthority(
        estate=estate,
        late_fee=[_view(band) for band in tables.bands(session, estate_id, "late_fee")],
        principal=[_view(band) for band in tables.bands(session, estate_id, "principal")],
    )


def set_matrix(
    session: Session, caller: Caller, estate: str | None, kind: WaiverKind, bands: Sequence[Band]
) -> WaiverAuthority:
    """Replace the bands of a kind, for the group or an estate; waivers that wait are decided by the new ones (C2).

    No bands: the estate goes by the group's again. Only the administrator, for whoever grants does not say how much he
    may, and nothing that the administrator asks for goes by rule. Invalid, NotFound, Forbidden.
    """
    caller.require(Permission.SET_WAIVER_AUTHORITY)
    if estate is None:
        caller.require_every_estate()
    grantors = Permission.APPROVE_WAIVER.roles
    wrong = flaws(bands, grantors) if bands or estate else {"bands": "the group has at least one"}
    if wrong:
        errors = [{"loc": where, "msg": message} for where, message in wrong.items()]
        raise Invalid("The authority matrix is not valid.", errors)
    estate_id = _estate_id(session, caller, estate)
    lock_estate(session, estate_id)
    tables.keep_bands(session, estate_id, kind, bands, by=caller.sub)
    return get_matrix(session, caller, estate)


def _estate_id(session: Session, caller: Caller, estate: str | None) -> int:
    return 0 if estate is None else int(find_estate(session, caller, estate).id)


def _view(band: Band) -> AuthorityBand:
    return AuthorityBand(
        up_to_fen=band.up_to_fen,
        up_to_ratio=None if band.up_to_ratio is None else float(band.up_to_ratio),
        roles=[Role(role) for role in band.roles],
        needs_resolution=band.needs_resolution,
        four_eyes=band.four_eyes,
    )
