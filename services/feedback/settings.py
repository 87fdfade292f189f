"""KNOBS of the feedback service; environment variables ESTATELOOP_… in upper case."""

from functools import cache

from pydantic import Field

from services.common.process.settings import CommonSettings


class Settings(CommonSettings):
    """What ops may turn without a release. Limits and escalation are not here: they are rows (H2)."""

    complaint_alarm_batch: int = Field(default=200, ge=1, description="Alarms raised in one transaction")
    complaint_recompute_batch: int = Field(
        default=200, ge=1, description="Provisional promises moved in one transaction"
    )
    complaint_figures_days: int = Field(default=30, ge=1, description="Days that shares, handling rate and CSAT cover")


@cache
def settings() -> Settings:
    """The process's settings, read once."""
    return Settings()
