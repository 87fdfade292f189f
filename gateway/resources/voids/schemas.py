"""Voids, reissues and credit notes over HTTP (B5)."""

from typing import Annotated

from pydantic import BaseModel, Field

from gateway.resources.base import example
from services.common.fields import INT64, LARGEST_FEN, Code, Note, Reason


class VoidRequest(BaseModel):
    """Why the bill is void; with `reissue` it is billed again at once, due as before (B5)."""

    model_config = example(reason="The floor area was wrong", reissue=True)
    reason: Reason
    reissue: Annotated[bool, Field(strict=True)] = False


class VoidApproval(BaseModel):
    """A word on it."""

    model_config = example(note="Measured again, 60 m²")
    note: Note | None = None


class VoidRefusal(BaseModel):
    """Why."""

    model_config = example(reason="The area is right")
    reason: Note | None = None


class VoidAuthorityRequest(BaseModel):
    """Up to how much a void acts at once; `estate` left out: the group's; no figure: the estate goes by the group's."""

    model_config = example(estate="GZ01", automatic_up_to_fen=50000)
    estate: Code | None = None
    automatic_up_to_fen: Annotated[int, Field(strict=True, ge=0, le=LARGEST_FEN, json_schema_extra=INT64)] | None = None
