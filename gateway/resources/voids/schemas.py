"""Voids, reissues and credit notes over HTTP (B5)."""

from typing import Annotated

from pydantic import BaseModel, Field

from gateway.resources.base import example
from services.common.fields import Reason


class VoidRequest(BaseModel):
    """Why the bill is void; with `reissue` it is billed again at once, due as before (B5)."""

    model_config = example(reason="The floor area was wrong", reissue=True)
    reason: Reason
    reissue: Annotated[bool, Field(strict=True)] = False
