"""STORY of billing's policies: each with its shape, its table and its law (ADR 23)."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy.orm import Session

from services.billing.collections.dunning.ladder.rules import Rung
from services.billing.collections.dunning.ladder.tables import steps
from services.billing.collections.policies import rules, tables
from services.billing.portfolio.tables import find_estate
from services.common.contracts.answers.dunning import LadderRung
from services.common.contracts.answers.policies import (
    AllocationOrder,
    CauseTracks,
    ClosureStages,
    ClosureTerms,
    DunningTerms,
    LateFeeRate,
    LateFeeTerms,
    PlanTerms,
)
from services.common.policies.handlers import Catalogue, Fault, Policy

Values = dict[str, Any]


def _rate(_session: Session, _estate: str | None, values: Values) -> Sequence[Fault]:
    return rules.rate_faults(values["daily"])


def _closure(_session: Session, _estate: str | None, values: Values) -> Sequence[Fault]:
    return rules.closure_faults(values["opens"], values["closes"])


def _stages(_session: Session, _estate: str | None, values: Values) -> Sequence[Fault]:
    return rules.stage_faults(values["stages"])


def _tracks(session: Session, _estate: str | None, values: Values) -> Sequence[Fault]:
    return rules.track_faults(values["tracks"], [_rung(step) for step in steps(session, tables.GROUP)])


def _rung(step: LadderRung) -> Rung:
    return Rung(
        code=step["code"],
        earliest_day=step["earliest_day"],
        latest_day=step["latest_day"],
        kind=step["kind"],
        channels=tuple(step["channels"]),
        template=step["template"],
        requires=tuple(step["requires"]),
        deadline_days=step["deadline_days"],
        gap_days=step["gap_days"],
    )


CATALOGUE = Catalogue(
    {
        "late_fee_rate": Policy(LateFeeRate, tables.read_rate, tables.write_rate, _rate, has_days=True),
        "late_fee_terms": Policy(LateFeeTerms, tables.LATE_FEE_TERMS.read, tables.LATE_FEE_TERMS.write, has_days=True),
        "allocation": Policy(AllocationOrder, tables.ALLOCATION.read, tables.ALLOCATION.write, has_days=True),
        "plan": Policy(PlanTerms, tables.PLAN.read, tables.PLAN.write),
        "dunning": Policy(DunningTerms, tables.DUNNING.read, tables.DUNNING.write),
        "tracks": Policy(CauseTracks, tables.read_tracks, tables.write_tracks, _tracks, of_group_only=True),
        "closure": Policy(ClosureTerms, tables.read_closure, tables.write_closure, _closure),
        "closure_stages": Policy(ClosureStages, tables.read_stages, tables.write_stages, _stages),
    },
    find_estate,
)
