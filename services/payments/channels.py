"""ADAPTER: which one serves which channel, by settings (E1)."""

from collections.abc import Callable, Mapping
from datetime import datetime

from services.payments.ports import PaymentChannel
from services.payments.settings import Settings
from services.payments.wechat.adapter import WeChatPay


def bind_channels(settings: Settings, clock: Callable[[], datetime]) -> Mapping[str, PaymentChannel]:
    """The online channels that are on. In the sandbox WeChat Pay is the sandbox's remote side, with its keys."""
    url = settings.sandbox_url if settings.sandbox else settings.wechat_url
    directory = settings.sandbox_dir / "wechat" if settings.sandbox else settings.wechat_dir
    if directory is None:
        return {}
    notify_url = settings.public_url.rstrip("/") + "/v1/webhooks/wechat"
    return {
        "wechat": WeChatPay(
            url=url, notify_url=notify_url, directory=directory, clock=clock, use_proxy=not settings.sandbox
        )
    }
