"""PROCESS of one training (D7): `python -m services.billing.collections.risk.train <training id>`.

Learning is arithmetic for seconds or minutes: in a service process it would stop every other door. Reads estate by
estate, at most `HOUSEHOLDS` households, and keeps the model and its card in one transaction.
"""

import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime
from uuid import UUID

from sqlalchemy import Engine

from services.billing.collections.risk import history, tables, training
from services.billing.collections.risk.rules import Past
from services.billing.collections.risk.tables import NewModel
from services.billing.settings import settings
from services.common.database import allow_long_statements, service_engine, transaction
from services.common.domain.calendar import business_date
from services.common.observability.logs import configure_logging, get_logger

HOUSEHOLDS = 60_000
READ_TIMEOUT_MS = 300_000
log = get_logger(__name__)


def main(training_id: UUID) -> None:
    """Train and keep; a training that is finished is left alone."""
    engine = service_engine(settings(), "billing")
    train(engine, training_id, datetime.now(UTC))
    engine.dispose()


def train(engine: Engine, training_id: UUID, now: datetime) -> None:
    """Learn from history before the cut-off; say so when there is too little of it."""
    with transaction(engine) as session:
        request = tables.training(session, training_id)
    if request is None or request.finished_at is not None:
        return
    try:
        pasts = read(engine, business_date(now))
        cutoff = request.cutoff or training.default_cutoff(newest_due(pasts))
        model_fit = training.fit(training.examples(pasts), cutoff)
    except training.TooLittle as problem:
        with transaction(engine) as session:
            tables.finish_training(session, training_id, now, problem=str(problem))
        return
    with transaction(engine) as session:
        model = NewModel(now, training_id, cutoff, model_fit.intercept, model_fit.weights, model_fit.card)
        model_id = tables.insert_model(session, model)
        tables.finish_training(session, training_id, now, model_id=model_id)
    log.info("risk model trained", extra={"model_id": model_id, "auc": model_fit.card["model"]["auc"]})


def read(engine: Engine, today: date) -> list[Past]:
    """What is known of households with more than one month that can be test_of today, estate by estate."""
    with transaction(engine) as session:
        estate_ids = history.estates(session)
    pasts: list[Past] = []
    most = max(1, HOUSEHOLDS // max(1, len(estate_ids)))
    for estate_id in estate_ids:
        with transaction(engine) as session:
            allow_long_statements(session, READ_TIMEOUT_MS)
            homes = history.homes(session, estate_id, history.first_needed(today), today)
        judgeable = [_judgeable(home.past, today) for home in homes]
        pasts += _sample([past for past in judgeable if len(past.months) > 1], most)
    return pasts


def newest_due(pasts: Sequence[Past]) -> date:
    """The last due date that can be test_of; TooLittle without any."""
    if not pasts:
        raise training.TooLittle("no household has two months that can be test_of yet")
    return max(past.months[-1].due for past in pasts)


def _judgeable(past: Past, today: date) -> Past:
    months = [month for month in past.months if month.known_on(today)]
    return Past(months, past.complaints, past.orders)


def _sample(pasts: list[Past], most: int) -> list[Past]:
    """Evenly spread, the same every time."""
    step = max(1, -(-len(pasts) // most))
    return pasts[::step]


if __name__ == "__main__":
    configure_logging("billing-risk")
    main(UUID(sys.argv[1]))
