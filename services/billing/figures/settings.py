"""KNOBS of the figures."""

from functools import cache

from pydantic import Field

from services.common.settings import CommonSettings


class FigureSettings(CommonSettings):
    """Each is an environment variable ESTATELOOP_{NAME}."""

    ledger_check_seconds: float = Field(default=60, gt=0, description="At most this often is the ledger checked")
    ledger_check_timeout_ms: int = Field(default=300_000, gt=0, description="How long one check may take")


@cache
def settings() -> FigureSettings:
    """Read once a process, when first needed."""
    return FigureSettings()
