"""STORE of arrears risk: trainings, models, scores; nothing here is read by pricing, billing or service (D7)."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Numeric,
    Table,
    Text,
    Uuid,
    delete,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from services.billing.collections.risk.rules import FEATURES, Model, Weight
from services.billing.tables import metadata
from services.common.contracts.answers.risk import Feature, FeatureWeight, ModelCard, RiskReason
from services.common.once import by_id
from services.common.rows import row_of, rows_of

risk_training = Table(
    "risk_training",
    metadata,
    # the request id
    Column("id", Uuid, primary_key=True),
    # bills due from this month on are held out for the test; null: the last three months
    Column("cutoff", Date),
    Column("requested_by", Text, nullable=False),
    Column("requested_at", DateTime(timezone=True), nullable=False),
    # a training whose process died is taken again when this is long ago
    Column("claimed_at", DateTime(timezone=True)),
    Column("finished_at", DateTime(timezone=True)),
    # why there is no model; null while it is not finished, and when there is one
    Column("problem", Text),
    Column("model_id", Integer),
)

risk_model = Table(
    "risk_model",
    metadata,
    Column("id", Integer, Identity(), primary_key=True),
    Column("trained_at", DateTime(timezone=True), nullable=False),
    # null: the model the product came with
    Column("training_id", Uuid, unique=True),
    Column("cutoff", Date),
    Column("intercept", Numeric(12, 6), nullable=False),
    # feature → {mean, scale, coefficient}
    Column("weights", JSONB, nullable=False),
    # what the test on held-out months found
    Column("card", JSONB, nullable=False),
)

risk_score = Table(
    "risk_score",
    metadata,
    Column("household_id", BigInteger, ForeignKey("household.id"), primary_key=True, autoincrement=False),
    Column("estate_id", Integer, nullable=False),
    Column("building", Text, nullable=False),
    Column("model_id", Integer, ForeignKey("risk_model.id"), nullable=False),
    Column("as_of", Date, nullable=False),
    Column("probability", Numeric(6, 5), nullable=False),
    Column("reasons", JSONB, nullable=False),
    Index("risk_score_estate_id_idx", "estate_id", "probability", "household_id"),
)

# When each estate was last scored, by which model, and how far its bills and what is settled of them had moved then.
risk_estate = Table(
    "risk_estate",
    metadata,
    Column("estate_id", Integer, ForeignKey("estate.id"), primary_key=True, autoincrement=False),
    Column("scored_on", Date, nullable=False),
    Column("model_id", Integer, nullable=False),
    Column("scored_at", DateTime(timezone=True), nullable=False, server_default="-infinity"),
    Column("bills", BigInteger, nullable=False, server_default="-1"),
    Column("settlements", BigInteger, nullable=False, server_default="-1"),
)

_CLAIM_TRAINING = text("""
UPDATE risk_training SET claimed_at = :now WHERE id = (
  SELECT id FROM risk_training WHERE finished_at IS NULL AND (claimed_at IS NULL OR claimed_at < :lost)
  ORDER BY requested_at LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING id
""")
# An estate whose scores are of another day or model, or made before bills came or went; money comes all the time, so of
# that alone they are made anew only when they are not fresh. The lock keeps a second replica off it; whoever comes
# first has it scored when the other looks.
_CLAIM_ESTATE = text("""
SELECT e.id, COALESCE(m.bills, 0) AS bills, COALESCE(m.settlements, 0) AS settlements
FROM estate e LEFT JOIN risk_estate r ON r.estate_id = e.id LEFT JOIN estate_movement m ON m.estate_id = e.id
WHERE (r.estate_id IS NULL OR r.scored_on < :today OR r.model_id < :model_id OR m.bills > r.bills
       OR m.settlements > r.settlements AND r.scored_at < :fresh)
ORDER BY r.scored_on NULLS FIRST, r.scored_at, e.id LIMIT 1 FOR NO KEY UPDATE OF e SKIP LOCKED
""")
_SCORES = text("""
SELECT s.household_id, h.code AS household, s.building, s.probability, s.reasons, s.as_of, s.model_id
FROM risk_score s JOIN household h ON h.id = s.household_id
WHERE s.estate_id = :estate_id AND (CAST(:building AS text) IS NULL OR s.building = :building)
  AND (CAST(:below AS numeric) IS NULL OR (-s.probability, s.household_id) > (-CAST(:below AS numeric), :after))
ORDER BY s.probability DESC, s.household_id LIMIT :limit
""")
_BUILDINGS = text("""
SELECT building, count(*) AS households, sum(probability) AS expected_late, avg(probability) AS mean_probability,
       count(*) FILTER (WHERE probability >= 0.5) AS high
FROM risk_score WHERE estate_id = :estate_id GROUP BY building ORDER BY mean_probability DESC, building
""")


@dataclass(frozen=True)
class TrainingRecord:
    """A training as it stands; `problem`: why there is no model."""

    id: UUID
    cutoff: date | None
    requested_by: str
    claimed_at: datetime | None
    finished_at: datetime | None
    problem: str | None
    model_id: int | None


@dataclass(frozen=True)
class NewModel:
    """A model that was learned."""

    trained_at: datetime
    training_id: UUID
    cutoff: date
    intercept: float
    weights: dict[Feature, FeatureWeight]
    card: ModelCard


@dataclass(frozen=True)
class ModelRecord:
    """A model with its card; without a training it is the one the product came with."""

    id: int
    trained_at: datetime
    training_id: UUID | None
    cutoff: date | None
    intercept: Decimal
    weights: dict[Feature, FeatureWeight]
    card: ModelCard


@dataclass(frozen=True)
class Score:
    """A household's score, with the codes people know it by."""

    household_id: int
    household: str
    building: str
    probability: Decimal
    reasons: list[RiskReason]
    as_of: date


@dataclass(frozen=True)
class BuildingSums:
    """The scores of a building, summed up."""

    building: str
    households: int
    expected_late: Decimal
    mean_probability: Decimal
    high: int


@dataclass(frozen=True)
class WaitingEstate:
    """An estate to be scored, and how far its bills and what is settled of them have moved."""

    id: int
    bills: int
    settlements: int


@dataclass(frozen=True)
class NewScore:
    """A household's score before it is written."""

    household_id: int
    building: str
    probability: float
    reasons: list[RiskReason]


def training(session: Session, training_id: UUID) -> TrainingRecord | None:
    """A training as it stands."""
    return row_of(TrainingRecord, by_id(session, risk_training, training_id))


def claim_training(session: Session, now: datetime, lost: datetime) -> UUID | None:
    """Take a training that nobody does: new, or claimed before `lost` and never finished."""
    training_id: UUID | None = session.scalar(_CLAIM_TRAINING, {"now": now, "lost": lost})
    return training_id


def finish_training(
    session: Session, training_id: UUID, at: datetime, *, problem: str | None = None, model_id: int | None = None
) -> None:
    """Say how a training ended."""
    statement = update(risk_training).where(risk_training.c.id == training_id)
    session.execute(statement.values(finished_at=at, problem=problem, model_id=model_id))


def insert_model(session: Session, model: NewModel) -> int:
    """Keep a model; from then on it is the one that scores."""
    model_id: int = session.scalars(insert(risk_model).values(vars(model)).returning(risk_model.c.id)).one()
    return model_id


def newest_model(session: Session) -> ModelRecord:
    """The model that scores: the newest; the product comes with one."""
    return row_of(ModelRecord, session.execute(select(risk_model).order_by(risk_model.c.id.desc()).limit(1)).one())


def as_model(record: ModelRecord) -> Model:
    """As the rules want it."""
    return Model(float(record.intercept), {name: Weight(**record.weights[name]) for name in FEATURES})


def claim_estate(session: Session, today: date, model_id: int, fresh: datetime) -> WaitingEstate | None:
    """An estate that waits to be scored, locked until the transaction ends; what was scored since `fresh` is fresh."""
    key = {"today": today, "model_id": model_id, "fresh": fresh}
    return row_of(WaitingEstate, session.execute(_CLAIM_ESTATE, key).one_or_none())


def replace_scores(
    session: Session, estate: WaitingEstate, scores: Sequence[NewScore], model_id: int, day: date, at: datetime
) -> None:
    """Put an estate's scores in the place of the ones before, and say of which day, model and movements they are."""
    session.execute(delete(risk_score).where(risk_score.c.estate_id == estate.id))
    if scores:
        common = {"estate_id": estate.id, "model_id": model_id, "as_of": day}
        session.execute(insert(risk_score), [asdict(score) | common for score in scores])
    seal = {"scored_on": day, "model_id": model_id, "scored_at": at}
    seal |= {"bills": estate.bills, "settlements": estate.settlements}
    statement = upsert(risk_estate).values(estate_id=estate.id, **seal)
    session.execute(statement.on_conflict_do_update(index_elements=["estate_id"], set_=seal))


def scores(
    session: Session, estate_id: int, building: str | None, after: tuple[Decimal, int] | None, limit: int
) -> list[Score]:
    """Scores of an estate, the likeliest first."""
    below, last = after or (None, 0)
    key = {"estate_id": estate_id, "building": building, "below": below, "after": last, "limit": limit}
    return rows_of(Score, session.execute(_SCORES, key))


def buildings(session: Session, estate_id: int) -> list[BuildingSums]:
    """Scores of an estate by building, the worst first."""
    return rows_of(BuildingSums, session.execute(_BUILDINGS, {"estate_id": estate_id}))
