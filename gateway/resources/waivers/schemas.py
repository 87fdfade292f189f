"""Waivers and who may grant them, over HTTP (C2)."""

from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from gateway.resources.base import BillIds, Code, Fen, Note, Text, example, shown
from services.common.domain.permissions import Role

_ID = "0a6c2f7e-1d43-4b8e-9a52-7c1f8f3b6d10"


_NEW_BILL: dict[str, Any] = {
    "id": 51990,
    "unit": "GZ01/1-0101",
    "household": "GZ01-1-0101",
    "fee_item": "property_fee",
    "period": "2026-10",
    "amount_fen": 29400,
    "outstanding_fen": 0,
    "due_date": "2026-11-15",
    "status": "paid",
    "reissue_of": 48211,
}


_BANDS: list[dict[str, Any]] = [
    {"up_to_fen": 5000, "up_to_ratio": None, "roles": [], "needs_resolution": False},
    {"up_to_fen": 100000, "up_to_ratio": None, "roles": ["estate_manager"], "needs_resolution": False},
    {"up_to_fen": None, "up_to_ratio": None, "roles": ["group_admin", "finance"], "needs_resolution": True},
]


_NOTE: dict[str, Any] = {
    "id": _ID,
    "number": "CN-GZ01-000042",
    "bill_id": 48211,
    "estate": "GZ01",
    "household": "GZ01-1-0101",
    "fee_item": "property_fee",
    "period": "2026-10",
    "status": "void",
    "amount_fen": 31814,
    "released_fen": 31814,
    "released_late_fee_fen": 0,
    "waived_fen": 0,
    "waived_late_fee_fen": 0,
    "reason": "The floor area was wrong",
    "booked_on": "2026-11-20",
    "voided_by": "finance-1",
    "voided_at": "2026-11-20T02:00:00+00:00",
}


class WaiverRequest(BaseModel):
    """Waive late fee or principal on bills of one household: `ratio` of each, or `amount_fen` over all of them (C2)."""

    model_config = example(bill_ids=[48211], kind="late_fee", ratio="0.5", reason="Lift out of order for two weeks")
    bill_ids: BillIds
    kind: Literal["late_fee", "principal"]
    ratio: Annotated[Decimal, Field(gt=0, le=1, max_digits=5, decimal_places=4)] | None = None
    amount_fen: Fen | None = None
    reason: Text


class Approval(BaseModel):
    """Above the manager's limit it takes the reference of the owners' committee's resolution."""

    model_config = example(resolution="业委会决议 2026-07", note="Agreed at the meeting of 11-18")
    resolution: Note | None = None
    note: Note | None = None


class Refusal(BaseModel):
    """Why."""

    model_config = example(reason="The lift was repaired the same day")
    reason: Note | None = None


class Waiver(BaseModel):
    """A waiver and its fate. `waived_fen` is what was granted; `less_than_asked` when less was left by then."""

    model_config = shown(
        id=_ID,
        estate="GZ01",
        household="GZ01-1-0101",
        kind="late_fee",
        ratio=0.5,
        amount_fen=None,
        reason="Lift out of order for two weeks",
        status="approved",
        automatic=True,
        asked_fen=386,
        waived_fen=386,
        less_than_asked=False,
        bills=[{"bill_id": 48211, "base_fen": 771, "asked_fen": 386, "waived_fen": 386}],
        base_on="2026-11-20",
        requested_by="S001",
        requested_at="2026-11-20T02:00:00+00:00",
        decided_by="rule",
        decided_at="2026-11-20T02:00:00+00:00",
        decision_reason=None,
        resolution=None,
    )
    id: UUID
    status: Literal["pending", "approved", "rejected", "withdrawn"]
    asked_fen: int
    waived_fen: int | None = None
    bills: list[Any]


class Band(BaseModel):
    """Who may grant up to an amount and/or a part of what is asked about; left out: no limit. No roles: by rule."""

    model_config = example(up_to_fen=100000, up_to_ratio=None, roles=["estate_manager"], four_eyes=True)
    up_to_fen: Fen | None = None
    up_to_ratio: Annotated[Decimal, Field(gt=0, le=1, max_digits=5, decimal_places=4)] | None = None
    roles: Annotated[list[Role], Field(max_length=10)] = []
    needs_resolution: Annotated[bool, Field(strict=True)] = False
    four_eyes: Annotated[bool, Field(strict=True)] = False


class WaiverAuthorityRequest(BaseModel):
    """The bands of a kind in order, each going further; `estate` left out: the group's; no bands: as the group's."""

    model_config = example(estate="GZ01", kind="late_fee", bands=_BANDS)
    estate: Code | None = None
    kind: Literal["late_fee", "principal"]
    bands: Annotated[list[Band], Field(max_length=10)]


class WaiverAuthority(BaseModel):
    """The authority matrix that counts for an estate, or the group's."""

    model_config = shown(estate="GZ01", late_fee=_BANDS, principal=_BANDS[1:])
    estate: str | None
    late_fee: list[Any]
    principal: list[Any]
