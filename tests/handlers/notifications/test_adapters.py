"""Adapters against real servers: signed HTTP and SMTP (F1)."""

import email
import email.policy
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from uuid import UUID

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope
from aiosmtpd.smtp import Session as SmtpSession

from services.notifications.adapters.binding import bind
from services.notifications.adapters.signed_sms import SignedSms
from services.notifications.adapters.smtp_email import SmtpEmail
from services.notifications.ports import Delivered, Outcome, Parcel, Port, Refused, Unreachable
from services.notifications.settings import Settings
from tests.support.notifications import SmsProvider, sms, sms_provider
from tests.support.processes import free_port

KEY = UUID(int=7)


def parcel(address: str, subject: str = "主题") -> Parcel:
    return Parcel(KEY, "receipt:1", address, "payment.receipt", "zh-CN", subject, "您好,已收到205.23元。")


@pytest.fixture
def provider() -> Iterator[SmsProvider]:
    with sms_provider() as running:
        yield running


class Mailbox:
    """An SMTP server's memory; `answer` is what it says to the next mails."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.answer = "250 OK"
        self.to_recipient = "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, _server: SMTP, _session: SmtpSession, envelope: Envelope, address: str, _: list[str]
    ) -> str:
        envelope.rcpt_tos.append(address)
        return self.to_recipient

    async def handle_DATA(self, _server: SMTP, _session: SmtpSession, envelope: Envelope) -> str:  # noqa: N802
        if self.answer.startswith("250"):
            self.mails.append(email.message_from_bytes(envelope.content, policy=email.policy.default))  # type: ignore[arg-type]
        return self.answer


@pytest.fixture
def mailbox() -> Iterator[tuple[Mailbox, int]]:
    box = Mailbox()
    port = free_port()
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    yield box, port
    controller.stop()


def smtp(port: int) -> SmtpEmail:
    return SmtpEmail("127.0.0.1", port, "service@estateloop.invalid", timeout_seconds=2)


class PortLaw:
    """What holds for every provider's adapter."""

    def taken(self) -> Port:
        raise NotImplementedError

    def dead(self) -> Port:
        raise NotImplementedError

    address = ""

    def test_taken_is_delivered_with_a_receipt(self) -> None:
        outcome = self.taken().send(parcel(self.address))
        assert isinstance(outcome, Delivered)
        assert outcome.receipt

    def test_a_dead_provider_is_unreachable_and_nothing_is_raised(self) -> None:
        outcome = self.dead().send(parcel(self.address))
        assert isinstance(outcome, Unreachable)
        assert self.address not in outcome.reason


class TestSignedSms(PortLaw):
    address = "13800001111"

    @pytest.fixture(autouse=True)
    def _world(self, provider: SmsProvider, tmp_path: Path) -> None:
        self.provider, self.keys = provider, tmp_path

    def taken(self) -> Port:
        return sms(self.provider, self.keys)

    def dead(self) -> Port:
        return SignedSms("http://127.0.0.1:9/sms/send", "k", self._key(), 1)

    def _key(self) -> Path:
        (self.keys / "other").write_text("another key")
        return self.keys / "other"

    def test_the_body_is_as_the_provider_wants_it(self) -> None:
        self.taken().send(parcel(self.address))
        assert self.provider.taken[str(KEY)] == {
            "to": "13800001111", "template": "payment.receipt", "text": "您好,已收到205.23元。",
            "idempotency_key": str(KEY), "cause": "receipt:1",
        }  # fmt: skip

    @pytest.mark.parametrize(
        ("status", "outcome"),
        [(422, Refused("HTTP 422")), (429, Unreachable("HTTP 429")), (503, Unreachable("HTTP 503"))],
    )
    def test_a_bad_number_is_final_a_busy_provider_is_not(self, status: int, outcome: Outcome) -> None:
        self.provider.faults[:] = [status]
        assert self.taken().send(parcel(self.address)) == outcome

    def test_a_wrong_or_missing_key_can_be_put_right(self) -> None:
        assert SignedSms(self.provider.url, "k", self._key(), 1).send(parcel("1")) == Unreachable("HTTP 401")
        missing = SignedSms(self.provider.url, "k", self.keys / "none", 1)
        assert missing.send(parcel("1")) == Unreachable("FileNotFoundError")


class TestSmtpEmail(PortLaw):
    address = "wang@example.com"

    @pytest.fixture(autouse=True)
    def _world(self, mailbox: tuple[Mailbox, int]) -> None:
        self.box, self.port = mailbox

    def taken(self) -> Port:
        return smtp(self.port)

    def dead(self) -> Port:
        return smtp(9)

    def test_a_mail_has_its_fixed_id_and_its_words(self) -> None:
        self.taken().send(parcel(self.address))
        self.taken().send(parcel(self.address))
        first, again = self.box.mails
        assert first["Message-ID"] == again["Message-ID"] == f"<{KEY}@estateloop.invalid>"
        assert (first["To"], first["Subject"]) == (self.address, "主题")
        assert first["X-EstateLoop-Cause"] == "receipt:1"
        assert first.get_content().strip() == "您好,已收到205.23元。"

    def test_a_refused_recipient_is_final_a_greylisting_server_is_not(self) -> None:
        self.box.to_recipient = "550 no such user"
        assert self.taken().send(parcel(self.address)) == Refused("SMTP 550")
        self.box.to_recipient = "450 later"
        assert self.taken().send(parcel(self.address)) == Unreachable("SMTP 450")
        self.box.to_recipient, self.box.answer = "250 OK", "451 told to fail"
        assert self.taken().send(parcel(self.address)) == Unreachable("SMTP 451")

    def test_a_header_cannot_be_smuggled_in(self) -> None:
        outcome = self.taken().send(parcel("a@example.com\r\nBcc: everybody@example.com"))
        assert isinstance(outcome, Refused)
        assert self.box.mails == []


class TestBinding:
    def test_nothing_is_bound_without_settings(self) -> None:
        assert bind(Settings(sandbox=False, sandbox_url="http://127.0.0.1:1", smtp_host="")) == {}

    def test_the_sandbox_brings_its_own(self, tmp_path: Path) -> None:
        bound = bind(Settings(sandbox=True, sandbox_url="http://127.0.0.1:1/", sandbox_dir=tmp_path, smtp_port=2))
        port = bound["sms"]
        assert isinstance(port, SignedSms)
        mail = bound["email"]
        assert isinstance(mail, SmtpEmail)
        assert (mail.host, mail.port) == ("127.0.0.1", 2)
        assert (port.url, port.key_file) == ("http://127.0.0.1:1/sms/send", tmp_path / "sms_key")

    def test_a_real_gateway_is_bound_by_its_url(self, tmp_path: Path) -> None:
        bound = bind(
            Settings(sms_url="https://sms.example/send", sms_key_file=tmp_path / "key", smtp_host="mail", smtp_port=25)
        )
        assert set(bound) == {"sms", "email"}
