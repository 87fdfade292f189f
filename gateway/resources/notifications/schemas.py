"""Requests for contact preferences (F3)."""

from pydantic import BaseModel, Field

from gateway.resources.base import example
from services.common.contracts.answers.notifications import Language
from services.common.fields import Code, Email


class PreferencesRequest(BaseModel):
    """How a household wants to be reached; what is left out stays, null takes it away (F3)."""

    model_config = example(language="en", email="li@example.com", consent={"sms": True, "email": False})
    language: Language | None = Field(default=None, description="null: as in the register again")
    email: Email | None = Field(default=None, description="null: none, whatever the register has")
    consent: dict[Code, bool] = {}
