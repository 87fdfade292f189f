"""Channels are bound by settings: the sandbox's in the sandbox only, none without an account (E1)."""

from datetime import UTC, datetime
from pathlib import Path

from services.payments.channels import bind_channels
from services.payments.settings import Settings
from services.payments.wechat.adapter import WeChatPay


def bound(settings: Settings) -> WeChatPay | None:
    channels = bind_channels(settings, lambda: datetime.now(UTC))
    assert set(channels) <= {"wechat"}
    channel = channels.get("wechat")
    assert channel is None or isinstance(channel, WeChatPay)
    return channel


def test_the_sandbox_plays_the_remote_side() -> None:
    channel = bound(
        Settings(sandbox=True, sandbox_url="http://127.0.0.1:1", sandbox_dir=Path("s"), public_url="http://gateway/")
    )
    assert channel is not None
    assert (channel._url, channel._notify_url) == ("http://127.0.0.1:1", "http://gateway/v1/webhooks/wechat")
    assert channel._directory == Path("s/wechat")


def test_production_needs_an_account_and_knows_no_sandbox() -> None:
    assert bound(Settings(sandbox=False, sandbox_url="http://127.0.0.1:1", wechat_dir=None)) is None
    channel = bound(Settings(sandbox=False, sandbox_url="http://127.0.0.1:1", wechat_dir=Path("w")))
    assert channel is not None
    assert (channel._url, channel._directory) == ("https://api.mch.weixin.qq.com", Path("w"))
