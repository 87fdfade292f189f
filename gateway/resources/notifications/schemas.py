"""Requests for contact preferences (F3)."""

from typing import Annotated

from pydantic import BaseModel, StringConstraints

from gateway.resources.base import Code, example
from services.common.contracts.answers.notifications import Language

Email = Annotated[str, StringConstraints(max_length=254, pattern=r"^[^@\s\x00]+@[^@\s\x00]+\.[^@\s\x00]+$")]


class PreferencesRequest(BaseModel):
    """How a household wants to be reached; what is left out stays (F3)."""

    model_config = example(language="en", email="li@example.com", consent={"sms": True, "email": False})
    language: Language | None = None
    email: Email | None = None
    consent: dict[Code, bool] | None = None
