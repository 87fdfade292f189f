"""ADAPTER: which provider serves which channel here is decided by settings alone (F1).

letter and staff_task need none: a letter is queued for print and a task's row is its delivery. Without a provider a
channel does not exist, and a message takes the next one of its chain.
"""

from collections.abc import Mapping
from urllib.parse import urlsplit

from services.common.contracts.answers.notifications import MessageChannel
from services.notifications.adapters.signed_sms import SignedSms
from services.notifications.adapters.smtp_email import SmtpEmail
from services.notifications.delivery.rules import EMAIL, SMS
from services.notifications.ports import Port
from services.notifications.settings import Settings


def bind(settings: Settings) -> Mapping[MessageChannel, Port]:
    """Channel → provider."""
    providers: dict[MessageChannel, Port | None] = {SMS: _sms(settings), EMAIL: _email(settings)}
    return {channel: port for channel, port in providers.items() if port is not None}


def _sms(settings: Settings) -> Port | None:
    in_sandbox = settings.sandbox and bool(settings.sandbox_url)
    url = settings.sms_url or (f"{settings.sandbox_url.rstrip('/')}/sms/send" if in_sandbox else "")
    key_file = settings.sms_key_file or (settings.sandbox_dir / "sms_key" if in_sandbox else None)
    if not url or key_file is None:
        return None
    return SignedSms(url, settings.sms_key_id, key_file, settings.delivery_timeout_seconds)


def _email(settings: Settings) -> Port | None:
    host = settings.smtp_host or (urlsplit(settings.sandbox_url).hostname if settings.sandbox else None)
    if not host or not settings.smtp_port:
        return None
    return SmtpEmail(
        host=host,
        port=settings.smtp_port,
        sender=settings.mail_from,
        timeout_seconds=settings.delivery_timeout_seconds,
        user=settings.smtp_user,
        password_file=settings.smtp_password_file,
        starttls=settings.smtp_starttls,
    )
