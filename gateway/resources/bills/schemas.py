"""Bill runs over HTTP (B4)."""

from typing import Annotated

from pydantic import BaseModel, Field

from gateway.resources.base import example
from services.common.fields import Code, Estates, Period


class BillRunRequest(BaseModel):
    """Bill one period; without `estates` all in the caller's scope (B4)."""

    model_config = example(period="2026-10", estates=["GZ01"], fee_items=["property_fee"], dry_run=True)
    period: Period
    estates: Estates | None = None
    fee_items: Annotated[list[Code], Field(min_length=1, max_length=100)] | None = None
    dry_run: Annotated[bool, Field(strict=True)] = False
