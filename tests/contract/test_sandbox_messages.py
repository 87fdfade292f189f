"""The sandbox's SMS provider and mail server: what they take is in the inbox exactly once (F1, F4)."""

import hashlib
import hmac
import json
import smtplib
from collections.abc import Iterator
from email.message import EmailMessage
from typing import Any
from uuid import uuid4

import pytest
import requests

from tests.support.sandbox import SandboxProcess, running_sandbox
from tests.support.servers import Servers


@pytest.fixture(scope="module")
def sandbox(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    with running_sandbox(servers.database_url, tmp_path_factory.mktemp("messages")) as process:
        yield process


def send(sandbox: SandboxProcess, *, signature: str | None = None, **changes: Any) -> requests.Response:
    whole = {"to": "13800000000", "template": "t", "text": "您好", "idempotency_key": uuid4().hex, **changes}
    body = json.dumps(whole).encode()
    key = (sandbox.directory / "sms_key").read_bytes()
    signed = signature if signature is not None else hmac.new(key, body, hashlib.sha256).hexdigest()
    headers = {"X-Signature": signed, "X-Key-Id": "sandbox"}
    return requests.post(f"{sandbox.url}/sms/send", data=body, headers=headers, timeout=5)


def mail(sandbox: SandboxProcess, message_id: str, to: str) -> None:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@estateloop.invalid", to, "物业费"
    message["Message-ID"], message["X-EstateLoop-Cause"] = message_id, "dunning/1"
    message.set_content("您好")
    with smtplib.SMTP("127.0.0.1", sandbox.smtp_port, timeout=5) as client:
        client.send_message(message)


def test_an_sms_is_recorded_once_per_key(sandbox: SandboxProcess) -> None:
    key, to = uuid4().hex, "13800000001"
    assert [send(sandbox, to=to, idempotency_key=key).status_code for _ in range(3)] == [200] * 3
    [message] = sandbox.inbox(to=to)["items"]
    assert (message["channel"], message["text"], message["key"]) == ("sms", "您好", key)
    assert [item["key"] for item in sandbox.inbox(cause=key)["items"]] == [key]


@pytest.mark.parametrize("signature", ["", "00", "ä", "0" * 64])
def test_an_sms_must_be_signed(sandbox: SandboxProcess, signature: str) -> None:
    assert send(sandbox, to="13800000002", signature=signature.encode().decode("latin-1")).status_code == 401
    assert sandbox.inbox(to="13800000002")["items"] == []


@pytest.mark.parametrize("changes", [{"to": ""}, {"text": ""}, {"idempotency_key": None}])
def test_an_sms_must_be_whole(sandbox: SandboxProcess, changes: dict[str, Any]) -> None:
    assert send(sandbox, **changes).status_code == 422


def test_the_sms_provider_fails_as_often_as_told(sandbox: SandboxProcess) -> None:
    fault = {"count": 2, "status": 502}
    assert requests.post(f"{sandbox.url}/sandbox/sms/fail", json=fault, timeout=5).status_code == 204
    key = uuid4().hex
    statuses = [send(sandbox, to="13800000003", idempotency_key=key).status_code for _ in range(3)]
    assert statuses == [502, 502, 200]
    assert len(sandbox.inbox(to="13800000003")["items"]) == 1


def test_a_mail_is_recorded_once_per_message_id(sandbox: SandboxProcess) -> None:
    to, message_id = "li@example.com", f"<{uuid4().hex}@estateloop.invalid>"
    mail(sandbox, message_id, to)
    mail(sandbox, message_id, to)
    [message] = sandbox.inbox(to=to)["items"]
    assert (message["channel"], message["subject"], message["text"]) == ("email", "物业费", "您好")
    assert (message["key"], message["cause"]) == (message_id, "dunning/1")


def test_the_mail_server_fails_as_often_as_told(sandbox: SandboxProcess) -> None:
    requests.post(f"{sandbox.url}/sandbox/smtp/fail", json={"count": 1}, timeout=5)
    message_id = f"<{uuid4().hex}@estateloop.invalid>"
    with pytest.raises(smtplib.SMTPDataError) as error:
        mail(sandbox, message_id, "wang@example.com")
    assert error.value.smtp_code == 451
    mail(sandbox, message_id, "wang@example.com")
    assert len(sandbox.inbox(to="wang@example.com")["items"]) == 1


def test_the_inbox_comes_newest_first_in_pages(sandbox: SandboxProcess) -> None:
    keys = [uuid4().hex for _ in range(5)]
    for key in keys:
        send(sandbox, to="13800000005", idempotency_key=key)
    seen, query = [], {"to": "13800000005", "limit": 2}
    while True:
        page = sandbox.inbox(**query)
        seen += [item["key"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    assert seen == keys[::-1]
