"""Arrears, dunning, collection rates, trial balance."""

from datetime import date
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field

from gateway.schemas.base import Code, Estates, Note, Text, example, shown


class ArrearsCauseRequest(BaseModel):
    """Why the household does not pay (D2); each cause has its own track."""

    model_config = example(cause="dissatisfied", note="Lift noise, promised to be fixed by Friday")
    cause: Code
    note: Note | None = None


class ArrearsCause(BaseModel):
    """The cause now on record."""

    model_config = shown(household="GZ01-1-0101", cause="dissatisfied")


class Arrears(BaseModel):
    """One household in arrears (D5)."""

    model_config = shown(
        household="GZ01-1-0101",
        estate="GZ01",
        building="1",
        overdue_fen=31814,
        late_fee_fen=48,
        oldest_due_date="2026-11-15",
        overdue_days=5,
        bucket="1-15",
        cause="unknown",
        steward="S001",
    )
    household: str


class SweepRequest(BaseModel):
    """Decide which steps of the ladder are due on a day (D1); repeating it decides nothing twice."""

    model_config = example(as_of="2026-11-20", estates=["GZ01"])
    as_of: date
    estates: Estates | None = None


class Sweep(BaseModel):
    """A sweep and how far it is."""

    model_config = shown(
        id="0a6c2f7e-1d43-4b8e-9a52-7c1f8f3b6d10",
        as_of="2026-11-20",
        status="done",
        estates_total=3,
        estates_done=3,
        steps=118,
        held=4,
    )
    id: UUID
    status: str


class DunningCase(BaseModel):
    """What was said to a household and what holds the next step back (D1, D3)."""

    model_config = shown(
        household="GZ01-1-0101",
        steps=[{"step": "overdue_notice", "taken_on": "2026-11-16", "overdue_fen": 31814}],
        holds=[{"reason": "complaint", "since": "2026-11-18T02:00:00+00:00", "released_at": None}],
        next_step={"step": "visit", "earliest": "2026-11-25"},
    )
    household: str | None = None
    steps: list[Any] = []
    holds: list[Any] = []
    next_step: Any = None


class DunningCaseSummary(BaseModel):
    """A case in a list."""

    model_config = shown(household="GZ01-1-0101", estate="GZ01", step="overdue_notice", overdue_fen=31814, held=True)
    household: str


class ContactRequest(BaseModel):
    """A talk with the owner, recorded (D1)."""

    model_config = example(
        step="visit",
        kind="phone",
        answer="Will pay after salary day",
        promised_on="2026-11-28",
        cause="forgot",
        note="called at 18:30",
    )
    kind: Code
    answer: Text
    step: Code | None = None
    note: Note | None = None
    promised_on: date | None = None
    cause: Code | None = None


class Contact(BaseModel):
    """The contact as it was recorded."""

    model_config = shown(id="0a6c2f7e-1d43-4b8e-9a52-7c1f8f3b6d10", household="GZ01-1-0101", kind="phone")


class CollectionRate(BaseModel):
    """Principal received by the cut-off ÷ principal billed on bills due in the period (J1)."""

    model_config = shown(
        key="GZ01", billed_fen=1000000, collected_fen=912000, waived_fen=0, rate=0.912, billed_count=310
    )
    key: str | None
    billed_fen: int
    collected_fen: int
    waived_fen: int
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


class TrialBalance(BaseModel):
    """Accounts and their balances; the difference is zero at all times (B7)."""

    model_config = shown(
        accounts=[{"account": "receivable", "debit_fen": 31814, "credit_fen": 0, "balance_fen": 31814}],
        difference_fen=0,
    )
    accounts: list[Any]
    difference_fen: int
