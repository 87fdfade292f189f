"""KNOBS of the notifications service."""

from functools import cache
from pathlib import Path

from pydantic import Field

from services.common.process.settings import CommonSettings


class Settings(CommonSettings):
    """Providers and pace. Policies (window, cap, channels) are data, see table contact_policy."""

    sms_url: str = Field(default="", description="SMS gateway; empty: the sandbox's in the sandbox, else no SMS")
    sms_key_id: str = Field(default="sandbox", description="Sent as X-Key-Id")
    sms_key_file: Path | None = Field(default=None, description="Key that signs; default: the sandbox's sms_key")
    smtp_host: str = Field(default="", description="Mail server; empty: the sandbox's in the sandbox, else no e-mail")
    smtp_port: int = Field(default=0, description="0: no e-mail")
    smtp_user: str = ""
    smtp_password_file: Path | None = None
    smtp_starttls: bool = False
    mail_from: str = "service@estateloop.invalid"
    contact_window: str = Field(
        default="00:00-24:00",
        description="In the sandbox, where nobody real is contacted, instead of the policies' windows; empty: theirs",
    )
    delivery_batch: int = Field(default=50, ge=1, description="Messages claimed at once")
    delivery_parallel: int = Field(default=6, ge=1, description="Provider calls at once in one process")
    delivery_lease_seconds: float = Field(default=30, gt=0, description="After this a claimed message is anyone's")
    delivery_timeout_seconds: float = Field(default=5, gt=0, description="One provider call")
    delivery_max_attempts: int = Field(default=10, ge=1, description="Per channel; then the next channel")


@cache
def settings() -> Settings:
    """The process's settings, read once."""
    return Settings()
