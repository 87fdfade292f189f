"""Collection rates over HTTP (J1)."""

from pydantic import BaseModel, Field

from gateway.resources.base import shown
from services.common.fields import Fen


class CollectionRate(BaseModel):
    """Principal received by the cut-off ÷ principal billed on bills due in the period (J1)."""

    model_config = shown(
        key="GZ01", billed_fen=1000000, collected_fen=912000, waived_fen=0, rate=0.912, billed_count=310
    )
    key: str | None
    billed_fen: Fen
    collected_fen: Fen
    waived_fen: Fen
    rate: float | None = Field(description="0–1; null when nothing was billed")
    billed_count: int | None = None
    current_rate: float | None = Field(default=None, description="Of bills due in the cut-off's month; with windows")
    cumulative_rate: float | None = Field(default=None, description="Of all bills due by the cut-off; with windows")
    recovery_rate: float | None = Field(
        default=None, description="Of older arrears open when the month began, what came in (清欠率); with windows"
    )
    households_billed: int | None = Field(default=None, description="With households")
    households_paid: int | None = Field(default=None, description="Those of them that paid in full; with households")
    household_rate: float | None = Field(default=None, description="0–1; with households")


class CollectionRates(BaseModel):
    """One row per key of the grouping."""

    items: list[CollectionRate]
