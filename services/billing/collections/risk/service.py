"""DOORS to arrears risk (D7)."""

from uuid import UUID

from services.billing.collections.risk import handlers
from services.billing.collections.risk.worker import run_training
from services.common.contracts.answers.base import Created
from services.common.contracts.answers.risk import Risk, RiskModel, Training
from services.common.domain.access import Caller
from services.common.paging import DEFAULT_LIMIT, Limit
from services.common.process.service import EstateService, rpc, timer

TRAIN_SECONDS = 10
SCORE_SECONDS = 2


class RiskDoors(EstateService):
    """Scores for stewards, and the model behind them."""

    @rpc
    def list_risk(
        self,
        caller: Caller,
        estate: str,
        building: str | None = None,
        limit: Limit = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> Risk:
        """Scores of an estate."""
        with self.transaction() as session:
            return handlers.list_risk(session, caller, estate, building, limit, cursor)

    @rpc
    def get_risk_model(self, caller: Caller) -> RiskModel:
        """The model's card."""
        with self.transaction() as session:
            return handlers.get_model(session, caller)

    @rpc
    def request_risk_training(self, caller: Caller, request_id: UUID, cutoff: str | None = None) -> Created:
        """Ask for a new model."""
        with self.transaction() as session:
            return handlers.request_training(session, caller, request_id, cutoff, self.clock())

    @rpc
    def get_risk_training(self, caller: Caller, training_id: UUID) -> Training:
        """How a training stands."""
        with self.transaction() as session:
            return handlers.get_training(session, caller, training_id)

    @timer(TRAIN_SECONDS)
    def train_risk_model(self) -> None:
        """Do a training that waits, in a process of its own."""
        with self.transaction() as session:
            training_id = handlers.claim_training(session, self.clock())
        if training_id is not None:
            run_training(training_id)

    @timer(SCORE_SECONDS)
    def score_risk(self) -> None:
        """Score one estate that waits."""
        with self.transaction() as session:
            handlers.score_next_estate(session, self.clock())
