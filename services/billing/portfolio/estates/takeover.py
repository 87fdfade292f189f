"""STORY of the day on which somebody takes over: units and buildings follow what was recorded for it (A1, A4)."""

from datetime import datetime

from sqlalchemy.orm import Session

from services.billing.portfolio import tables
from services.billing.portfolio.statuses import recording as statuses
from services.billing.portfolio.stewards import handlers as stewards
from services.billing.portfolio.transfers import handlers as transfers
from services.common.domain.calendar import business_date


def take_over(session: Session, estate_id: int, now: datetime) -> bool:
    """Let everything of an estate take effect whose day has come; again it does nothing.

    False when somebody else holds the estate, be it a run or another replica at this very work: the next round sees to
    it. Bills do not wait for it: a run goes by the days themselves.
    """
    if not tables.try_lock_estate(session, estate_id):
        return False
    transfers.take_over(session, estate_id, now)
    statuses.take_over(session, estate_id, business_date(now))
    stewards.take_over(session, estate_id, now)
    return True
