"""Development sign-in."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from gateway.resources.base import example
from services.common.domain.permissions import Role
from services.common.fields import Code, Whole


class DevTokenRequest(BaseModel):
    """Who to be. Without `estates` staff see every estate; an owner names the household.

    `sub` is the person, as a staff code: two managers who are to be four eyes sign in with two of them.
    """

    model_config = example(role="finance", estates=["GZ01"], sub="S001")
    role: Role
    estates: Annotated[list[Code], Field(max_length=2000)] | Literal["*"] | None = None
    household: Code | None = None
    sub: Code | None = Field(default=None, description="Left out: one person for each role, household and estates")


class DevToken(TypedDict):
    """Send it as `Authorization: Bearer <access_token>`."""

    access_token: str
    token_type: Literal["Bearer"]
    expires_in: Annotated[Whole, Field(description="Seconds")]
