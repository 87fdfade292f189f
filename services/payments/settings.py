"""KNOBS of the payments service."""

from functools import cache
from pathlib import Path

from pydantic import Field

from services.common.process.settings import CommonSettings


class Settings(CommonSettings):
    """Environment variables ESTATELOOP_…; see CommonSettings."""

    public_url: str = Field(default="", description="Base URL of the gateway as the channels reach it")
    payment_expiry_seconds: int = Field(default=1800, gt=0, description="How long a QR code can be paid")
    payment_check_seconds: int = Field(default=30, gt=0, description="First look at the channel for a pending order")
    order_retry_seconds: int = Field(default=3, gt=0, description="Least time between attempts to place an order")
    payment_description: str = Field(default="物业服务费", description="What the payer sees in the channel's app")
    wechat_url: str = Field(default="https://api.mch.weixin.qq.com", description="WeChat Pay; the sandbox overrides it")
    wechat_dir: Path | None = Field(
        default=None, description="Account and keys of WeChat Pay (services/payments/wechat/keys.py); none: channel off"
    )


@cache
def settings() -> Settings:
    """The settings of this process."""
    return Settings()
