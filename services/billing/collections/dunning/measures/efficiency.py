"""STORY of dunning efficiency (D8): what each step of the ladder brought in, from the steps taken and the ledger.

A payment counts for the latest step before it only (on the day of a step: for that step), and only on bills that step
spoke of. The ledger is append-only and steps stay, so the same question has the same answer until more is paid.
"""

from dataclasses import dataclass
from datetime import date

from sqlalchemy.orm import Session

from services.billing.collections.dunning.measures.efficiency_sql import EFFICIENCY
from services.billing.collections.dunning.measures.rules import WINDOWS, share
from services.common.contracts.answers.dunning import Efficiency, EfficiencyBy, StepResult
from services.common.contracts.errors import Invalid
from services.common.domain.access import Caller
from services.common.domain.permissions import Permission
from services.common.rows import rows_of


@dataclass(frozen=True)
class Recovery:
    """What the steps of a key brought in, in the short and in the long window."""

    key: str | None
    taken: int
    households: int
    contacts: int
    paid_short: int
    paid_long: int
    short_fen: int
    long_fen: int


def dunning_efficiency(
    session: Session, caller: Caller, estate: str | None, from_date: date, to_date: date, group_by: EfficiencyBy
) -> Efficiency:
    """Per step or steward, of steps taken in the span; shares are of households. Invalid, Forbidden."""
    caller.require(Permission.READ_FIGURES)
    if from_date > to_date:
        raise Invalid("The span ends before it begins.", [{"loc": "from", "msg": "not after to"}])
    codes = caller.estate_filter(estate)
    parameters = {
        "from_date": from_date,
        "to_date": to_date,
        "group_by": group_by,
        "short": WINDOWS[0],
        "long": WINDOWS[1],
    }
    rows = session.execute(EFFICIENCY, parameters | {"estates": None if codes is None else sorted(codes)})
    items = [_item(row) for row in rows_of(Recovery, rows)]
    return {"from": from_date, "to": to_date, "group_by": group_by, "items": items, "next_cursor": None}


def _item(row: Recovery) -> StepResult:
    return StepResult(
        key=row.key,
        taken=row.taken,
        households=row.households,
        contacts=row.contacts,
        paid_within_7=row.paid_short,
        paid_within_30=row.paid_long,
        recovered_7_fen=row.short_fen,
        recovered_30_fen=row.long_fen,
        share_7=share(row.paid_short, row.households),
        share_30=share(row.paid_long, row.households),
    )
