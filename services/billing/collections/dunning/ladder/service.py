"""DOORS to the ladder as data (D1)."""

from services.billing.collections.dunning.ladder import handlers
from services.billing.collections.dunning.ladder.rules import Rung
from services.common.contracts.answers.dunning import Ladder
from services.common.domain.access import Caller
from services.common.process.service import EstateService, rpc


class LadderDoors(EstateService):
    """Which steps there are and when they are due."""

    @rpc
    def get_dunning_ladder(self, caller: Caller, estate: str | None = None) -> Ladder:
        """The ladder of an estate, or the group's."""
        with self.transaction() as session:
            return handlers.get_ladder(session, caller, estate)

    @rpc
    def put_dunning_ladder(self, caller: Caller, steps: list[Rung], estate: str | None = None) -> Ladder:
        """Replace a ladder by another."""
        with self.transaction() as session:
            return handlers.put_ladder(session, caller, estate, steps)
