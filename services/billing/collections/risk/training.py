"""ADAPTER to the learning library (D7): a logistic regression on months before the cut-off, tested on the months from
it on, beside the baseline "was late last month"."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, roc_auc_score
from sklearn.preprocessing import StandardScaler

from services.billing.collections.risk.rules import FEATURES, Past, features
from services.common.contracts.answers.risk import CalibrationBin, Feature, FeatureWeight, ModelCard, ModelTest
from services.common.domain.calendar import add_months

Floats = NDArray[np.float64]
LEAST_ROWS = 500
BINS = 10


class TooLittle(ValueError):
    """There is not enough history to learn from."""


@dataclass(frozen=True)
class Examples:
    """Rows of features with what happened, and the month the bills fell due."""

    known: Floats
    late: NDArray[np.bool_]
    due_month: NDArray[np.int64]

    def among(self, rows: NDArray[np.bool_]) -> "Examples":
        """Only those rows."""
        return Examples(self.known[rows], self.late[rows], self.due_month[rows])


def examples(pasts: Sequence[Past]) -> Examples:
    """One row for each household and month that can be test_of, with what was known on the first of that month."""
    rows = [row for past in pasts for row in _rows(past)]
    if not rows:
        raise TooLittle("no month of any household can be test_of yet")
    values, late, months = zip(*rows, strict=True)
    return Examples(np.array(values), np.array(late, dtype=np.bool_), np.array(months, dtype=np.int64))


def _rows(past: Past) -> Iterator[tuple[list[float], bool, int]]:
    """The first month of a household has nothing before it and teaches nothing."""
    for month in past.months[1:]:
        first = month.due.replace(day=1)
        values = features(past, first)
        yield [values[name] for name in FEATURES], month.late, month_number(first)


def month_number(first: date) -> int:
    """Months since year 0."""
    return first.year * 12 + first.month - 1


@dataclass(frozen=True)
class FittedModel:
    """A model as it is kept: intercept, weights by feature, and the card of its test."""

    intercept: float
    weights: dict[Feature, FeatureWeight]
    card: ModelCard


def default_cutoff(newest_due: date) -> date:
    """The last three months are held out."""
    return add_months(newest_due.replace(day=1), -2)


def fit(examples: Examples, cutoff: date) -> FittedModel:
    """Learn before the cut-off, test from it on. TooLittle without enough rows and both outcomes on either side."""
    before = examples.among(examples.due_month < month_number(cutoff))
    after = examples.among(examples.due_month >= month_number(cutoff))
    for name, part in (("before", before), ("from", after)):
        if len(part.late) < LEAST_ROWS or part.late.all() or not part.late.any():
            late = int(part.late.sum())
            raise TooLittle(f"{len(part.late)} household months {name} the cut-off, {late} of them late")
    scaler = StandardScaler().fit(before.known)
    scaler.scale_[scaler.var_ == 0] = 1.0
    model = LogisticRegression(C=1.0, max_iter=1000).fit(scaler.transform(before.known), before.late)
    chances = model.predict_proba(scaler.transform(after.known))[:, 1]
    weights = {
        name: FeatureWeight(mean=float(mean), scale=float(scale), coefficient=float(coefficient))
        for name, mean, scale, coefficient in zip(FEATURES, scaler.mean_, scaler.scale_, model.coef_[0], strict=True)
    }
    card = ModelCard(
        trained_rows=len(before.late),
        tested_rows=len(after.late),
        late_rate_trained=float(before.late.mean()),
        late_rate_tested=float(after.late.mean()),
        model=test_of(after.late, chances),
        baseline=test_of(after.late, baseline(before, after)),
    )
    return FittedModel(float(model.intercept_[0]), weights, card)


def baseline(before: Examples, after: Examples) -> Floats:
    """ "Was late last month": the share of late ones among those who were, and among those who were not."""
    column = FEATURES.index("late_last")
    rates = [float(before.late[before.known[:, column] == was].mean() or 0.0) for was in (0.0, 1.0)]
    chances: Floats = np.where(after.known[:, column] == 1.0, rates[1], rates[0])
    return chances


def test_of(late: NDArray[np.bool_], chances: Floats) -> ModelTest:
    """Discrimination and calibration: AUC, Brier score, expected calibration error and its table."""
    table = list(_bins(late, chances))
    error = sum(row["rows"] * abs(row["said"] - row["was"]) for row in table) / len(late)
    return ModelTest(
        auc=round(float(roc_auc_score(late, chances)), 4),
        brier=round(float(brier_score_loss(late, chances)), 4),
        calibration_error=round(error, 4),
        calibration=table,
    )


def _bins(late: NDArray[np.bool_], chances: Floats) -> Iterator[CalibrationBin]:
    place = np.minimum((chances * BINS).astype(int), BINS - 1)
    for number in range(BINS):
        rows = place == number
        if rows.any():
            predicted, was = float(chances[rows].mean()), float(late[rows].mean())
            yield CalibrationBin(rows=int(rows.sum()), said=round(predicted, 4), was=round(was, 4))
