"""Arrears risk: scores with reasons, and the model's card (D7)."""

from datetime import date
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel

from gateway.resources.base import example, shown
from services.common.fields import Period

REASON: dict[str, Any] = {
    "code": "late_streak",
    "effect": 0.812,
    "text": {"zh-CN": "连续 3 期逾期", "en": "late 3 months in a row"},
}
MODEL: dict[str, Any] = {
    "id": 2,
    "trained_at": "2026-11-20T03:00:00+08:00",
    "cutoff": "2026-08",
    "shipped": False,
    "auc": 0.83,
    "calibration_error": 0.01,
    "baseline_auc": 0.71,
}


class RiskItem(BaseModel):
    """How likely a household is late with the bills due next, and why. It orders a steward's work, nothing else."""

    model_config = shown(
        household="GZ01-1-0101",
        building="1",
        probability=0.6123,
        score=61,
        band="high",
        reasons=[REASON],
        as_of="2026-11-21",
    )
    household: str
    building: str
    probability: float
    score: int
    band: Literal["high", "medium", "low"]
    reasons: list[Any]
    as_of: date


class Risk(BaseModel):
    """The likeliest first; `buildings` sums up the whole estate."""

    model_config = shown(
        items=[RiskItem.model_config["json_schema_extra"]["examples"][0]],  # type: ignore[index]
        next_cursor=None,
        buildings=[{"building": "1", "households": 96, "expected_late": 11.4, "mean_probability": 0.1188, "high": 7}],
        model=MODEL,
    )
    items: list[RiskItem]
    next_cursor: str | None = None
    buildings: list[Any]
    model: Any


class RiskModel(BaseModel):
    """How the model that scores was trained and tested."""

    model_config = shown(**MODEL, intercept=-1.9, weights={}, card={})
    id: int
    auc: float
    baseline_auc: float
    card: Any


class TrainingRequest(BaseModel):
    """Learn from bills due before the month `cutoff`, test from it on; the last three months by default."""

    model_config = example(cutoff="2026-08")
    cutoff: Period | None = None


class Training(BaseModel):
    """How a training stands; `problem` says why there is no model."""

    model_config = shown(id="0a6c2f7e-1d43-4b8e-9a52-7c1f8f3b6d10", status="done", problem=None, model_id=2)
    id: UUID
    status: Literal["pending", "running", "done", "failed"]
    problem: str | None = None
    model_id: int | None = None
