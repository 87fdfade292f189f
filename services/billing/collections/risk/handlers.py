"""STORY of arrears risk: ask for a training, score an estate, show scores with reasons and the model's card (D7)."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from sqlalchemy.orm import Session

from services.billing.collections.risk import history, rules, tables
from services.billing.collections.risk.tables import (
    BuildingSums,
    ModelRecord,
    NewScore,
    Score,
    TrainingRecord,
    risk_training,
)
from services.billing.periods import first_of
from services.billing.portfolio.tables import find_estate
from services.common.contracts.answers.base import Created
from services.common.contracts.answers.risk import (
    BuildingRisk,
    Risk,
    RiskItem,
    RiskModel,
    RiskModelSummary,
    Training,
    TrainingStatus,
)
from services.common.contracts.errors import NotFound
from services.common.domain.access import Caller
from services.common.domain.calendar import business_date, format_period
from services.common.domain.permissions import Permission
from services.common.observability.logs import get_logger
from services.common.once import by_id, insert_once, same_request
from services.common.paging import page, position

LOST_AFTER = timedelta(minutes=30)
FRESH_FOR = timedelta(minutes=15)
log = get_logger(__name__)


def request_training(session: Session, caller: Caller, training_id: UUID, cutoff: str | None, now: datetime) -> Created:
    """Ask for a model trained on bills due before the month `cutoff` and tested from it on.

    It is the group's model: only who has the whole group in scope may. The same request again is the same training.
    Invalid (cutoff), Conflict (id used for another), Forbidden.
    """
    caller.require(Permission.TRAIN_RISK_MODEL)
    caller.require_every_estate()
    row = {"id": training_id, "cutoff": first_of(cutoff, "cutoff") if cutoff else None, "requested_by": caller.sub}
    insert_once(session, risk_training, row | {"requested_at": now})
    same_request("training", by_id(session, risk_training, training_id), row)
    return Created(id=training_id)


def get_training(session: Session, caller: Caller, training_id: UUID) -> Training:
    """How a training stands; NotFound, Forbidden."""
    caller.require(Permission.READ_RISK_TRAINING)
    row = tables.training(session, training_id)
    if row is None:
        raise NotFound("There is no such training.")
    return Training(id=training_id, status=_status(row), problem=row.problem, model_id=row.model_id)


def _status(row: TrainingRecord) -> TrainingStatus:
    if row.finished_at is not None:
        return "failed" if row.problem else "done"
    return "running" if row.claimed_at else "pending"


def claim_training(session: Session, now: datetime) -> UUID | None:
    """A training to do now; one whose process was lost half an hour ago is done again."""
    return tables.claim_training(session, now, now - LOST_AFTER)


def score_next_estate(session: Session, now: datetime) -> int | None:
    """Score an estate that was not scored today, or by an older model, or before its facts changed; its id, None when
    none waits."""
    today, row = business_date(now), tables.newest_model(session)
    estate = tables.claim_estate(session, today, row.id, now - FRESH_FOR)
    if estate is None:
        return None
    model = tables.as_model(row)
    homes = history.homes(session, estate.id, history.first_needed(today), today)
    in_credit = history.in_credit(session, estate.id, today)
    scores = [_score(model, home, today, is_covered=home.household_id in in_credit) for home in homes]
    tables.replace_scores(session, estate, scores, row.id, today, now)
    return estate.id


def _score(model: rules.Model, home: history.Home, today: date, *, is_covered: bool) -> NewScore:
    past = replace(home.past, is_covered=is_covered)
    values = rules.features(past, today)
    chance = round(rules.probability(model, values), 5)
    return NewScore(home.household_id, home.building, chance, rules.reasons(model, values, past.known_months(today)))


def list_risk(
    session: Session, caller: Caller, estate: str, building: str | None, limit: int, cursor: str | None
) -> Risk:
    """Households of an estate, the likeliest to be late first, with reasons; sums by building; the model (D7).

    It orders a steward's work; nothing else reads it. NotFound, Forbidden.
    """
    caller.require(Permission.READ_RISK)
    found = find_estate(session, caller, estate)
    after = position(cursor, Decimal, int)
    rows = tables.scores(session, found.id, building, after, limit + 1)
    shown, next_cursor = page(rows, limit, lambda row: [row.probability, row.household_id])
    return Risk(
        items=[_item(row) for row in shown],
        next_cursor=next_cursor,
        buildings=[_building(row) for row in tables.buildings(session, found.id)],
        model=_model(tables.newest_model(session)),
    )


def _item(row: Score) -> RiskItem:
    chance = float(row.probability)
    return RiskItem(
        household=row.household,
        building=row.building,
        probability=chance,
        score=round(chance * 100),
        band=rules.band(chance),
        reasons=row.reasons,
        as_of=row.as_of,
    )


def _building(row: BuildingSums) -> BuildingRisk:
    return BuildingRisk(
        building=row.building,
        households=row.households,
        expected_late=round(float(row.expected_late), 2),
        mean_probability=round(float(row.mean_probability), 4),
        high=row.high,
    )


def _model(row: ModelRecord) -> RiskModelSummary:
    return RiskModelSummary(
        id=row.id,
        trained_at=row.trained_at,
        cutoff=format_period(row.cutoff) if row.cutoff else None,
        shipped=row.training_id is None,
        auc=row.card["model"]["auc"],
        calibration_error=row.card["model"]["calibration_error"],
        baseline_auc=row.card["baseline"]["auc"],
    )


def get_model(session: Session, caller: Caller) -> RiskModel:
    """The card of the model that scores: how it was trained and tested, its weights, its calibration. Forbidden."""
    caller.require(Permission.READ_RISK)
    row = tables.newest_model(session)
    return RiskModel(**_model(row), card=row.card, intercept=float(row.intercept), weights=row.weights)
