"""VOCABULARY of arrears risk: scores with reasons in words, the model's card, trainings (D7)."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field
from typing_extensions import TypedDict

from services.common.contracts.answers.base import Cursor
from services.common.fields import Period, Whole

Band = Literal["high", "medium", "low"]
TrainingStatus = Literal["pending", "running", "done", "failed"]
Feature = Literal[
    "late_last",
    "late_share_3",
    "late_share_12",
    "pays_after_6",
    "open_months",
    "late_streak",
    "on_time_streak",
    "complaints",
    "orders",
    "short_history",
]
_BothLanguages = TypedDict("_BothLanguages", {"zh-CN": str, "en": str})


class Wording(_BothLanguages):
    """The same in both languages."""


class RiskReason(TypedDict):
    """What speaks for being late, or against it."""

    code: Feature
    effect: Annotated[float, Field(description="What it adds to the log-odds, against an average household")]
    text: Wording


class RiskItem(TypedDict):
    """How likely a household is late with the bills due next, and why. It orders a steward's work, nothing else."""

    household: str
    building: str
    probability: float
    score: Annotated[Whole, Field(description="The probability in percent")]
    band: Band
    reasons: list[RiskReason]
    as_of: date


class BuildingRisk(TypedDict):
    """The scores of a building, summed up."""

    building: str
    households: Whole
    expected_late: float
    mean_probability: float
    high: Annotated[Whole, Field(description="Households that are likelier late than not")]


class RiskModelSummary(TypedDict):
    """The model that scores, and how well it did in its test."""

    id: Whole
    trained_at: datetime
    cutoff: Annotated[
        Period | None, Field(description="First month of the test; null: the model the product came with")
    ]
    shipped: bool
    auc: float
    calibration_error: float
    baseline_auc: float


class Risk(TypedDict):
    """The likeliest first; `buildings` sums up the whole estate."""

    items: list[RiskItem]
    next_cursor: Cursor
    buildings: list[BuildingRisk]
    model: RiskModelSummary


class CalibrationBin(TypedDict):
    """Household months of about one probability: what was said, and what share was late."""

    rows: Whole
    said: float
    was: float


class ModelTest(TypedDict):
    """Discrimination and calibration on the months held out."""

    auc: float
    brier: float
    calibration_error: float
    calibration: list[CalibrationBin]


class ModelCard(TypedDict):
    """How a model was trained and tested, beside the baseline "was late last month"."""

    trained_rows: Whole
    tested_rows: Whole
    late_rate_trained: float
    late_rate_tested: float
    model: ModelTest
    baseline: ModelTest


class FeatureWeight(TypedDict):
    """How a feature counts: standardised by mean and scale, times the coefficient."""

    mean: float
    scale: float
    coefficient: float


class RiskModel(RiskModelSummary):
    """The card of the model that scores (D7)."""

    card: ModelCard
    intercept: float
    weights: dict[Feature, FeatureWeight]


class Training(TypedDict):
    """How a training stands."""

    id: UUID
    status: TrainingStatus
    problem: Annotated[str | None, Field(description="Why there is no model")]
    model_id: Whole | None
