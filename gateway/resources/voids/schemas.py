"""Voids, reissues and credit notes over HTTP (B5)."""

from datetime import date
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, Field

from gateway.resources.base import example, shown
from gateway.resources.waivers.schemas import _ID, _NEW_BILL, _NOTE
from services.common.fields import BillId, Fen, Reason


class VoidRequest(BaseModel):
    """Why the bill is void; with `reissue` it is billed again at once, due as before (B5)."""

    model_config = example(reason="The floor area was wrong", reissue=True)
    reason: Reason
    reissue: Annotated[bool, Field(strict=True)] = False


class CreditNote(BaseModel):
    """A credit note (贷项通知单): what was undone, and the money that became credit."""

    model_config = shown(**_NOTE)
    id: UUID
    number: str
    bill_id: BillId
    amount_fen: Fen
    released_fen: Fen
    booked_on: date


class Voided(CreditNote):
    """A credit note and the bills that take the void one's place."""

    model_config = shown(**_NOTE, reissued=[_NEW_BILL])
    reissued: list[Any] = []


class Reissue(BaseModel):
    """The bills that take a void one's place."""

    model_config = shown(id=_ID, bill_id=48211, bills=[_NEW_BILL])
    id: UUID
    bill_id: BillId
    bills: list[Any]
