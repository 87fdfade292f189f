"""Development sign-in."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from gateway.resources.base import example, shown
from services.common.domain.permissions import Role
from services.common.fields import Code


class DevTokenRequest(BaseModel):
    """Who to be. Without `estates` staff see every estate; an owner names the household."""

    model_config = example(role="finance", estates=["GZ01"])
    role: Role
    estates: Annotated[list[Code], Field(max_length=2000)] | Literal["*"] | None = None
    household: Code | None = None


class DevToken(BaseModel):
    """Send it as `Authorization: Bearer <access_token>`."""

    model_config = shown(access_token="eyJhbGciOi…", token_type="Bearer", expires_in=43200)  # noqa: S106
    access_token: str
    token_type: Literal["Bearer"]
    expires_in: int = Field(description="Seconds")
