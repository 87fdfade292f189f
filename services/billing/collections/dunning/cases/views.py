"""STORY of how a case is shown: steps, holds, talks (D1, D3)."""

from collections.abc import Mapping
from datetime import date, timedelta
from uuid import UUID

from services.billing.collections.dunning.queries import Action, HoldSource, LaidRung, LastStep
from services.billing.collections.dunning.tables import ContactRecord
from services.billing.holds.rules import hold_periods
from services.common.contracts.answers.dunning import (
    Contact,
    Dispute,
    DunningCase,
    DunningCaseSummary,
    Hold,
    HoldSourceKind,
    TakenStep,
)
from services.common.domain.calendar import start_of_business_day


def taken_step(action: Action, rung: LaidRung | None) -> TakenStep:
    """A step that was taken; `rung` None: the ladder has it no more."""
    return TakenStep(
        step=action.step,
        as_of=action.as_of,
        due_date=action.due_date,
        overdue_days=action.overdue_days,
        overdue_fen=action.overdue_fen,
        late_fee_fen=action.late_fee_fen,
        deadline=action.deadline,
        bill_id=action.bill_id,
        kind=rung.kind if rung else None,
        template=rung.template if rung else None,
        answered=action.answered if rung and rung.kind == "task" else None,
    )


def holds(sources: Mapping[tuple[HoldSourceKind, UUID], HoldSource], today: date) -> list[Hold]:
    """Every hold there was, oldest first."""
    periods = [hold for (kind, source_id), source in sources.items() for hold in _holds(kind, source_id, source, today)]
    return sorted(periods, key=lambda hold: (hold["since"], str(hold["source_id"])))


def _holds(kind: HoldSourceKind, source_id: UUID, source: HoldSource, today: date) -> list[Hold]:
    last = source.until if source.until and source.until < today else None
    over = start_of_business_day(last + timedelta(days=1)) if last else None
    return [
        Hold(
            reason=source.reason,
            since=period.since,
            released_at=period.released_at,
            until=source.until,
            source=kind,
            source_id=source_id,
        )
        for period in hold_periods(source.facts, ended=source.ended, over=over)
    ]


def contact(record: ContactRecord, household: str) -> Contact:
    """A talk as people see it."""
    return Contact(
        id=record.id,
        household=household,
        step=record.step,
        kind=record.kind,
        answer=record.answer,
        note=record.note,
        promised_on=record.promised_on,
        cause=record.cause,
        outcome=record.outcome,
        contacted_at=record.contacted_at,
        contacted_by=record.contacted_by,
    )


def case(row: LastStep, today: date) -> DunningCaseSummary:
    """A household on the ladder."""
    return DunningCaseSummary(
        household=row.household,
        estate=row.estate,
        building=row.building,
        step=row.step,
        as_of=row.as_of,
        due_date=row.due_date,
        overdue_days=(today - row.due_date).days,
        overdue_fen=row.overdue_fen,
        cause=row.cause,
        held=row.held,
        answered=row.answered,
    )


def for_owner(case: DunningCase, ladder: Mapping[str, LaidRung]) -> DunningCase:
    """A case as the household may see it: what was and will be said to it, not what staff do, think or are called."""
    upcoming = case["next_step"]
    is_said = upcoming is not None and ladder[upcoming["step"]].kind == "message"
    return DunningCase(
        household=case["household"],
        estate=case["estate"],
        cause=None,
        held=case["held"],
        steps=[step for step in case["steps"] if step["kind"] == "message"],
        holds=case["holds"],
        next_step=upcoming if is_said else None,
        disputes=[_without_names(dispute) for dispute in case["disputes"]],
        contacts=[],
        cause_note=None,
        promise=None,
        promises=[],
        plan=None,
        plans=[],
        suggested_cause=None,
    )


def _without_names(dispute: Dispute) -> Dispute:
    return Dispute(**{**dispute, "opened_by": None, "settled_by": None})
