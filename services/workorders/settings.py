"""KNOBS of the workorders service; environment variables ESTATELOOP_… in upper case."""

from functools import cache

from pydantic import Field

from services.common.process.settings import CommonSettings


class Settings(CommonSettings):
    """What ops may turn without a release. Limits and escalation are not here: they are rows (G2)."""

    reopen_days: int = Field(default=7, ge=0, description="How long after completion the owner may send it back (返工)")
    sla_alarm_batch: int = Field(default=200, ge=1, description="Alarms raised in one transaction")
    sla_figures_days: int = Field(default=30, ge=1, description="Share within limit counts what was done in these days")


@cache
def settings() -> Settings:
    """The process's settings, read once."""
    return Settings()
