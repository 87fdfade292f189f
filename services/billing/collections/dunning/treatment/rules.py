"""LAW of treatment (D2): which cause of arrears the facts suggest, and why. It is suggested only; people set it."""

from dataclasses import dataclass

from services.common.contracts.answers.dunning import CauseFact, CauseReason
from services.common.contracts.answers.files import Liable
from services.common.contracts.answers.portfolio import Cause

SOON_DAYS = 7
RECENT_DAYS = 90
NEVER_PAYS_DAYS = 365
LOW_INCOME = frozenset({"low_income", "hardship"})


@dataclass(frozen=True)
class Facts:
    """What is known of a household on a day.

    `reminded`: bills that were paid off after a step of the ladder; `paid_soon`: those of them paid within `SOON_DAYS`
    of their last step. `service_issues`: complaints and orders about our service, open or of the last `RECENT_DAYS`.
    `legacy_dispute`: a bill from before the books were opened is in dispute; `liable`: the owner's file has a legacy
    dispute (遗留问题), and this party (developer, owner, company) has to answer for it (A2).
    """

    overdue_days: int = 0
    reminded: int = 0
    paid_soon: int = 0
    payments: int = 0
    part_paid: int = 0
    demands: int = 0
    service_issues: int = 0
    vacant: bool = False
    segment: str | None = None
    legacy_dispute: bool = False
    liable: Liable | None = None


@dataclass(frozen=True)
class Suggestion:
    """A cause and the facts that speak for it, as codes with their figures: people put words to them."""

    cause: Cause
    reasons: tuple[CauseReason, ...]


def reason(
    fact: CauseFact,
    *,
    count: int | None = None,
    bills: int | None = None,
    days: int | None = None,
    overdue_days: int | None = None,
    segment: str | None = None,
    liable: Liable | None = None,
) -> CauseReason:
    """A fact with its figures."""
    return CauseReason(
        fact=fact,
        count=count,
        bills=bills,
        days=days,
        overdue_days=overdue_days,
        segment=segment,
        liable=liable,
    )


def suggest_cause(facts: Facts) -> Suggestion:
    """The first of these that holds: an old dispute, an empty flat, something wrong with our service, little money,
    never a payment in spite of demands, forgetting. Whoever has a reason not to pay is never called malicious."""
    suggestion = _not_our_business(facts) or _ours_to_put_right(facts) or _habit(facts)
    return suggestion or Suggestion("unknown", ())


def _not_our_business(facts: Facts) -> Suggestion | None:
    on_file = (reason("legacy_dispute_on_file", liable=facts.liable),) if facts.liable else ()
    of_bills = (reason("dispute_from_before"),) if facts.legacy_dispute else ()
    if on_file or of_bills:
        return Suggestion("legacy_dispute", (*on_file, *of_bills))
    return Suggestion("vacant", (reason("all_units_vacant"),)) if facts.vacant else None


def _ours_to_put_right(facts: Facts) -> Suggestion | None:
    if facts.service_issues:
        return Suggestion("dissatisfied", (reason("service_issues", count=facts.service_issues),))
    poor = (reason("segment", segment=facts.segment),) if facts.segment in LOW_INCOME else ()
    parts = (reason("part_payments", count=facts.part_paid),) if facts.part_paid else ()
    return Suggestion("hardship", (*poor, *parts)) if poor or parts else None


def _habit(facts: Facts) -> Suggestion | None:
    if facts.payments == 0 and facts.overdue_days > NEVER_PAYS_DAYS and facts.demands:
        never = reason("never_paid", overdue_days=facts.overdue_days)
        return Suggestion("malicious", (never, reason("demands", count=facts.demands)))
    if facts.reminded and facts.paid_soon == facts.reminded:
        return Suggestion("forgot", (reason("pays_when_reminded", bills=facts.reminded, days=SOON_DAYS),))
    return None
