"""Imports over HTTP (A3)."""

from typing import Literal

from pydantic import BaseModel

from gateway.resources.base import shown

ImportKind = Literal["estates", "units", "staff", "tariffs", "opening_balances", "meter_readings"]


class ImportResult(BaseModel):
    """What an import did; a second import of the same file changes nothing."""

    model_config = shown(kind="units", rows=151, created=150, updated=1, unchanged=0)
    kind: ImportKind
    rows: int
    created: int
    updated: int
    unchanged: int
