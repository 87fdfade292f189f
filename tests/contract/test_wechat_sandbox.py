"""The adapter and the sandbox's remote side, written apart, agree over HTTP; the library agrees with both (E1, E2)."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
import requests
from wechatpayv3.core import Core

from services.payments.ports import ChannelUnavailable, NoticeRefused, Order
from services.payments.wechat.adapter import WeChatPay
from tests.support.sandbox import Merchant, SandboxProcess, merchant_server, running_sandbox
from tests.support.servers import Servers
from tests.support.waiting import until
from tests.support.wechat import platform

TRANSPORT_FORGERIES = ("signature", "serial", "stale", "tampered", "signtest")


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture(scope="module")
def sandbox(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    with running_sandbox(servers.database_url, tmp_path_factory.mktemp("contract")) as process:
        yield process


@pytest.fixture
def merchant() -> Iterator[Merchant]:
    with merchant_server() as merchant:
        yield merchant


@pytest.fixture
def channel(sandbox: SandboxProcess, merchant: Merchant) -> WeChatPay:
    return client(sandbox, merchant)


def client(sandbox: SandboxProcess, merchant: Merchant, directory: Path | None = None) -> WeChatPay:
    keys = directory or sandbox.directory / "wechat"
    return WeChatPay(url=sandbox.url, notify_url=f"{merchant.url}/v1/webhooks/wechat", directory=keys, clock=now)


def order(amount_fen: int = 20523) -> Order:
    return Order(uuid4().hex, amount_fen, "物业服务费", (now() + timedelta(minutes=30)).replace(microsecond=0))


def test_an_order_is_placed_once_and_found_unpaid(channel: WeChatPay) -> None:
    placed = order()
    code = channel.place(placed)
    assert code.startswith("weixin://wxpay/bizpayurl?pr=")
    assert channel.place(placed) == code
    assert channel.query(placed.out_trade_no) is None
    with pytest.raises(ChannelUnavailable, match="OUT_TRADE_NO_USED"):
        channel.place(replace(placed, amount_fen=1))


def test_an_order_nobody_placed_holds_no_money(channel: WeChatPay) -> None:
    assert channel.query(uuid4().hex) is None


def test_payment_is_notified_and_the_query_says_the_same(
    sandbox: SandboxProcess, channel: WeChatPay, merchant: Merchant
) -> None:
    placed = order()
    channel.place(placed)
    paid = sandbox.pay(placed.out_trade_no)
    assert (paid["notified"], paid["answers"]) == (True, [200])
    [(headers, body)] = merchant.heard
    money = channel.read_notice(headers, body, now())
    assert money is not None
    assert (money.transaction_id, money.out_trade_no, money.amount_fen) == (
        paid["transaction_id"], placed.out_trade_no, 20523,
    )  # fmt: skip
    assert channel.query(placed.out_trade_no) == money
    with pytest.raises(ChannelUnavailable, match="ORDERPAID"):
        channel.place(placed)


def test_the_library_reads_what_the_sandbox_sends(
    sandbox: SandboxProcess, channel: WeChatPay, merchant: Merchant
) -> None:
    placed = order()
    channel.place(placed)
    paid = sandbox.pay(placed.out_trade_no)
    [(headers, body)] = merchant.heard
    keys = sandbox.directory / "wechat"
    oracle = Core("1900000109", "00", (keys / "merchant_key.pem").read_text(), (keys / "apiv3_key").read_text(),
                  cert_dir=str(keys / "platform"))  # fmt: skip
    assert oracle.callback(headers, body)["resource"]["transaction_id"] == paid["transaction_id"]


def test_paying_twice_is_one_transaction_and_copies_are_the_same_money(
    sandbox: SandboxProcess, channel: WeChatPay, merchant: Merchant
) -> None:
    placed = order()
    channel.place(placed)
    first, again = sandbox.pay(placed.out_trade_no, repeat=3), sandbox.pay(placed.out_trade_no)
    assert first["transaction_id"] == again["transaction_id"]
    assert first["answers"] == [200] * 3
    assert len({channel.read_notice(*heard, now()) for heard in merchant.heard}) == 1
    assert len(merchant.heard) == 4


@pytest.mark.parametrize("forge", TRANSPORT_FORGERIES)
def test_a_forgery_is_sent_once_and_refused_and_takes_no_money(
    sandbox: SandboxProcess, channel: WeChatPay, merchant: Merchant, forge: str
) -> None:
    placed = order()
    channel.place(placed)
    merchant.answers = [401]
    assert sandbox.pay(placed.out_trade_no, forge=forge)["notified"] is False
    [(headers, body)] = merchant.heard
    with pytest.raises(NoticeRefused):
        channel.read_notice(headers, body, now())
    assert channel.query(placed.out_trade_no) is None
    [delivery] = sandbox.order(placed.out_trade_no)["deliveries"]
    assert (delivery["attempts"], delivery["answers"], delivery["done_at"] is None) == (1, [401], False)


def test_wrong_money_is_genuinely_signed(sandbox: SandboxProcess, channel: WeChatPay, merchant: Merchant) -> None:
    placed = order()
    channel.place(placed)
    sandbox.pay(placed.out_trade_no, forge="amount")
    sandbox.pay(placed.out_trade_no, amount_fen=5)
    sandbox.pay(placed.out_trade_no, forge="unknown_order")
    wrong, other, unknown = [channel.read_notice(*heard, now()) for heard in merchant.heard]
    assert wrong is not None
    assert other is not None
    assert unknown is not None
    assert (wrong.out_trade_no, wrong.amount_fen, other.amount_fen) == (placed.out_trade_no, 20524, 5)
    assert unknown.out_trade_no != placed.out_trade_no
    assert len({money.transaction_id for money in (wrong, other, unknown)}) == 3
    assert channel.query(placed.out_trade_no) is None


def test_a_notification_is_repeated_until_it_is_answered(
    sandbox: SandboxProcess, channel: WeChatPay, merchant: Merchant
) -> None:
    placed = order()
    channel.place(placed)
    merchant.answers = [500, 503]
    assert sandbox.pay(placed.out_trade_no)["answers"] == [500]
    until(lambda: sandbox.order(placed.out_trade_no)["deliveries"][0]["done_at"] is not None)
    assert sandbox.order(placed.out_trade_no)["deliveries"][0]["answers"] == [500, 503, 200]
    assert len({body for _, body in merchant.heard}) == 1


def test_a_killed_sandbox_goes_on_where_it_was(servers: Servers, tmp_path: Path) -> None:
    with running_sandbox(servers.database_url, tmp_path) as process, merchant_server() as merchant:
        channel, placed = client(process, merchant), order()
        code = channel.place(placed)
        merchant.answers = [500] * 1000
        paid = process.pay(placed.out_trade_no)
        process.kill()
        merchant.answers.clear()
        process.start()
        until(lambda: process.order(placed.out_trade_no)["deliveries"][0]["done_at"] is not None, deadline=60)
        money = channel.query(placed.out_trade_no)
        assert money is not None
        assert money.transaction_id == paid["transaction_id"]
        assert process.order(placed.out_trade_no)["code_url"] == code
        assert channel.read_notice(*merchant.heard[-1], now()) == money


def test_a_stranger_places_no_order(sandbox: SandboxProcess, merchant: Merchant, tmp_path: Path) -> None:
    stranger = platform().write_account(tmp_path / "stranger")
    account = json.loads((sandbox.directory / "wechat" / "account.json").read_text())
    (stranger / "account.json").write_text(json.dumps(account))
    placed = order()
    with pytest.raises(ChannelUnavailable):
        client(sandbox, merchant, stranger).place(placed)
    assert requests.get(f"{sandbox.url}/sandbox/wechat/{placed.out_trade_no}", timeout=5).status_code == 404


def test_an_answer_that_is_not_the_platform_s_is_not_believed(
    sandbox: SandboxProcess, channel: WeChatPay, merchant: Merchant, tmp_path: Path
) -> None:
    """The merchant's keys are right, but the platform certificate we trust is another one."""
    placed = order()
    channel.place(placed)
    sandbox.pay(placed.out_trade_no)
    deceived = tmp_path / "deceived"
    (deceived / "platform").mkdir(parents=True)
    for name in ("account.json", "merchant_key.pem", "apiv3_key"):
        (deceived / name).write_bytes((sandbox.directory / "wechat" / name).read_bytes())
    (deceived / "platform" / "certificate.pem").write_bytes(platform().certificate_pem)
    with pytest.raises(ChannelUnavailable, match="serial is unknown"):
        client(sandbox, merchant, deceived).query(placed.out_trade_no)


def test_errors_have_wechat_s_form(sandbox: SandboxProcess) -> None:
    answer = requests.post(f"{sandbox.url}/v3/pay/transactions/native", json={}, timeout=5)
    assert (answer.status_code, answer.json()["code"]) == (401, "SIGN_ERROR")
    assert "Wechatpay-Signature" in answer.headers


@pytest.mark.parametrize("path", ["pay", ""])
def test_an_order_nobody_placed_cannot_be_paid(sandbox: SandboxProcess, path: str) -> None:
    url = f"{sandbox.url}/sandbox/wechat/{uuid4()}"
    answer = requests.post(f"{url}/pay", json={}, timeout=5) if path else requests.get(url, timeout=5)
    assert answer.status_code == 404


def test_a_remote_side_that_is_away_is_unavailable(merchant: Merchant, tmp_path: Path) -> None:
    keys = platform().write_account(tmp_path / "keys")
    away = WeChatPay(url="http://127.0.0.1:9", notify_url=merchant.url, directory=keys, clock=now)
    with pytest.raises(ChannelUnavailable):
        away.place(order())
    with pytest.raises(ChannelUnavailable):
        away.query(uuid4().hex)
    with pytest.raises(ChannelUnavailable, match="account"):
        WeChatPay(url=merchant.url, notify_url="", directory=tmp_path / "none", clock=now).place(order())
