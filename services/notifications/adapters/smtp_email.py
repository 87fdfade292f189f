"""ADAPTER for e-mail over SMTP. The Message-ID is fixed per message: a repeat is the same mail to who de-duplicates."""

import smtplib
import ssl
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

from services.notifications.ports import Delivered, Outcome, Parcel, Refused, Unreachable


@dataclass(frozen=True)
class SmtpEmail:
    """One connection per mail: simple, and safe in many greenlets."""

    host: str
    port: int
    sender: str
    timeout_seconds: float
    user: str = ""
    password_file: Path | None = None
    starttls: bool = False

    def send(self, parcel: Parcel) -> Outcome:
        """Hand the mail to the server; its acceptance is the proof."""
        try:
            mail = self._mail(parcel)
        except ValueError:
            return Refused("the address or subject cannot be put into a mail header")
        try:
            with smtplib.SMTP(self.host, self.port, timeout=self.timeout_seconds) as server:
                self._sign_in(server)
                server.send_message(mail)
        except smtplib.SMTPRecipientsRefused as error:
            return _judge(max(code for code, _ in error.recipients.values()))
        except smtplib.SMTPNotSupportedError:
            return Refused("the server does not take this address")
        except smtplib.SMTPResponseException as error:
            return _judge(error.smtp_code)
        except (OSError, smtplib.SMTPException) as error:
            return Unreachable(type(error).__name__)
        return Delivered(mail["Message-ID"])

    def _mail(self, parcel: Parcel) -> EmailMessage:
        mail = EmailMessage(policy=SMTP)
        mail["From"], mail["To"], mail["Subject"] = self.sender, parcel.address, parcel.subject
        mail["Message-ID"] = f"<{parcel.key}@estateloop.invalid>"
        mail["Content-Language"] = parcel.language
        mail["X-EstateLoop-Cause"] = parcel.cause
        mail.set_content(parcel.text, cte="base64")
        return mail

    def _sign_in(self, server: smtplib.SMTP) -> None:
        if self.starttls:
            server.starttls(context=ssl.create_default_context())
        if self.user and self.password_file:
            server.login(self.user, self.password_file.read_text().strip())


def _judge(code: int) -> Outcome:
    """5xx is final (RFC 5321), but 530–538 concern our own sign-in, which ops can put right."""
    final = 500 <= code < 600 and not 530 <= code <= 538
    return Refused(f"SMTP {code}") if final else Unreachable(f"SMTP {code}")
