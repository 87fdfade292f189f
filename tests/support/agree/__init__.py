"""Whether every place that tells of money says the same, and what the entries add up to (B7, J1, D5).

`agree(session)` asks billing alone, by the stories behind its doors; `everywhere.agree_everywhere(stack)` asks a
running product, and its other services too. Both give the disagreements in words, each with the places, the key and
both figures; nothing when all agree. The truth is a naive second reading of the raw entries (`truth.py`), which is none
of the places.
"""

from collections.abc import Iterator
from datetime import date

from sqlalchemy.orm import Session

from tests.support.agree import claims, figures, households, ledger
from tests.support.agree.places import Stories
from tests.support.agree.scene import Check, Scene
from tests.support.agree.truth import Truth, day_of_last_posting

CHECKS: tuple[Check, ...] = (
    households.statement,
    households.bills,
    households.arrears,
    households.arrears_summary,
    households.cases,
    households.messages,
    claims.closure,
    claims.limitations,
    claims.suit_gate,
    figures.dashboards,
    figures.rates,
    figures.rates_of_months,
    figures.rates_of_past_days,
    figures.metrics,
    ledger.kept_of_bills,
    ledger.credit,
    ledger.reserved,
    ledger.standing_credit,
    ledger.late_fee_left,
    ledger.closes,
    ledger.trial_balance,
    ledger.rollup_check,
    ledger.late_fees,
    ledger.receipts,
    ledger.told_receipts,
    ledger.told_open,
)


def agree(session: Session, today: date | None = None) -> list[str]:
    """The disagreements of a database of billing, on the day of its last posting unless another one is named."""
    as_of = today or day_of_last_posting(session)
    if as_of is None:
        return []
    return list(disagreements(Scene(Truth(session, as_of), Stories(session, as_of)), CHECKS))


def disagreements(scene: Scene, checks: tuple[Check, ...]) -> Iterator[str]:
    """What the checks find."""
    for check in checks:
        yield from check(scene)
