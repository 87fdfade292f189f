"""Waivers and who may grant them, over HTTP (C2)."""

from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, Field

from gateway.resources.base import example
from services.common.contracts.answers.waivers import WaiverKind
from services.common.domain.permissions import Role
from services.common.fields import BillIds, Code, Note, PositiveFen, Reason

_ANYBODY: dict[str, Any] = {"up_to_fen": None, "up_to_ratio": None, "needs_resolution": False, "four_eyes": False}
_BANDS: list[dict[str, Any]] = [
    _ANYBODY | {"up_to_fen": 5000, "roles": []},
    _ANYBODY | {"up_to_fen": 100000, "roles": ["estate_manager"], "four_eyes": True},
    _ANYBODY | {"roles": ["finance"], "needs_resolution": True, "four_eyes": True},
]
_FOUR_EYES = "Whoever asked may not grant it; left out: on where somebody decides"


class WaiverRequest(BaseModel):
    """Waive late fee or principal on bills of one household: `ratio` of each, or `amount_fen` over all of them (C2)."""

    model_config = example(bill_ids=[48211], kind="late_fee", ratio="0.5", reason="Lift out of order for two weeks")
    bill_ids: BillIds
    kind: WaiverKind
    ratio: Annotated[Decimal, Field(gt=0, le=1, max_digits=5, decimal_places=4)] | None = None
    amount_fen: PositiveFen | None = None
    reason: Reason


class Approval(BaseModel):
    """Above the manager's limit it takes the reference of the owners' committee's resolution."""

    model_config = example(resolution="业委会决议 2026-07", note="Agreed at the meeting of 11-18")
    resolution: Note | None = None
    note: Note | None = None


class Refusal(BaseModel):
    """Why."""

    model_config = example(reason="The lift was repaired the same day")
    reason: Note | None = None


class Band(BaseModel):
    """Who may grant up to an amount and/or a part of what is asked about; left out: no limit. No roles: by rule."""

    model_config = example(up_to_fen=100000, up_to_ratio=None, roles=["estate_manager"], four_eyes=True)
    up_to_fen: PositiveFen | None = None
    up_to_ratio: Annotated[Decimal, Field(gt=0, le=1, max_digits=5, decimal_places=4)] | None = None
    roles: Annotated[list[Role], Field(max_length=10)] = []
    needs_resolution: Annotated[bool, Field(strict=True)] = False
    four_eyes: Annotated[bool | None, Field(strict=True, description=_FOUR_EYES)] = None


class WaiverAuthorityRequest(BaseModel):
    """The bands of a kind in order, each going further; `estate` left out: the group's; no bands: as the group's."""

    model_config = example(estate="GZ01", kind="late_fee", bands=_BANDS)
    estate: Code | None = None
    kind: WaiverKind
    bands: Annotated[list[Band], Field(max_length=10)]
