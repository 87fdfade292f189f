"""Arrears risk: scores with reasons, and the model's card (D7)."""

from pydantic import BaseModel

from gateway.resources.base import example
from services.common.fields import Period


class TrainingRequest(BaseModel):
    """Learn from bills due before the month `cutoff`, test from it on; the last three months by default."""

    model_config = example(cutoff="2026-08")
    cutoff: Period | None = None
