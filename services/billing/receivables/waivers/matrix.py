"""STORY of the authority matrix (C2): who may grant how much, as data; shown, and set by the group's administrator."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy.orm import Session

from services.billing.portfolio.tables import find_estate
from services.billing.receivables.waivers import tables
from services.billing.receivables.waivers.handlers import APPROVERS
from services.billing.receivables.waivers.rules import Band, Kind, flaws
from services.billing.tables import lock_estate
from services.common.access import STAFF_ROLES, Caller
from services.common.contracts.errors import Invalid

KINDS: tuple[Kind, ...] = ("late_fee", "principal")


def get_matrix(session: Session, caller: Caller, estate: str | None) -> dict[str, Any]:
    """The bands that count for an estate, or the group's, by kind: `{estate, late_fee: [...], principal: [...]}`.

    NotFound, Forbidden.
    """
    caller.require(*STAFF_ROLES)
    estate_id = _estate_id(session, caller, estate)
    return {"estate": estate} | {
        kind: [_view(band) for band in tables.bands(session, estate_id, kind)] for kind in KINDS
    }


def set_matrix(
    session: Session, caller: Caller, estate: str | None, kind: Kind, bands: Sequence[Band]
) -> dict[str, Any]:
    """Replace the bands of a kind, for the group or an estate; waivers that wait are decided by the new ones (C2).

    No bands: the estate goes by the group's again. Only the administrator, for whoever grants does not say how much he
    may. Invalid, NotFound, Forbidden.
    """
    caller.require("group_admin")
    if estate is None:
        caller.require_every_estate()
    wrong = flaws(bands, APPROVERS) if bands or estate else {"bands": "the group has at least one"}
    if wrong:
        told = [{"loc": where, "msg": message} for where, message in wrong.items()]
        raise Invalid("The authority matrix is not valid.", told)
    estate_id = _estate_id(session, caller, estate)
    lock_estate(session, estate_id)
    tables.keep_bands(session, estate_id, kind, [asdict(band) for band in bands])
    return get_matrix(session, caller, estate)


def _estate_id(session: Session, caller: Caller, estate: str | None) -> int:
    return 0 if estate is None else int(find_estate(session, caller, estate).id)


def _view(band: Band) -> Mapping[str, Any]:
    ratio = None if band.up_to_ratio is None else float(band.up_to_ratio)
    return asdict(band) | {"up_to_ratio": ratio, "roles": list(band.roles)}
