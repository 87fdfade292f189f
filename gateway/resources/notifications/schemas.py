"""Messages, templates, contact preferences."""

from typing import Any, Literal

from pydantic import BaseModel

from gateway.resources.base import example, shown
from services.common.fields import Code, Email


class Notification(BaseModel):
    """A message and what became of it (F4)."""

    model_config = shown(
        id="0a6c2f7e-1d43-4b8e-9a52-7c1f8f3b6d10",
        household="GZ01-1-0101",
        template="overdue_notice",
        channel="sms",
        status="delivered",
        created_at="2026-11-16T02:00:00+00:00",
    )


class Template(BaseModel):
    """A versioned text with strict variables (F2)."""

    model_config = shown(template="overdue_notice", language="zh-CN", version=1, variables=["amount", "days"])


class Templates(BaseModel):
    """All templates."""

    items: list[Any]


class PreferencesRequest(BaseModel):
    """How a household wants to be reached; what is left out stays (F3)."""

    model_config = example(language="en", email="li@example.com", consent={"sms": True, "email": False})
    language: Literal["zh-CN", "en"] | None = None
    email: Email | None = None
    consent: dict[Code, bool] | None = None


class Preferences(BaseModel):
    """The preferences now on record."""

    model_config = shown(household="GZ01-1-0101", language="en", email="l***@example.com", consent={"sms": True})
