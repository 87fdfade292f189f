"""Requests for contact preferences (F3)."""

from pydantic import BaseModel

from gateway.resources.base import example
from services.common.contracts.answers.notifications import Language
from services.common.fields import Code, Email


class PreferencesRequest(BaseModel):
    """How a household wants to be reached; what is left out stays (F3)."""

    model_config = example(language="en", email="li@example.com", consent={"sms": True, "email": False})
    language: Language | None = None
    email: Email | None = None
    consent: dict[Code, bool] | None = None
