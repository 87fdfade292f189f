"""STORY of how a case of the closure programme is shown (D6)."""

from datetime import date

from services.billing.collections.closure.queries import AppointmentRecord, BillRecord, CaseState, EventRecord
from services.common.contracts.answers.closure import Appointment, CaseEvent, ClosureCaseSummary, EnrolledBill, Pause


def summary(case: CaseState, stage_due_on: date | None, today: date) -> ClosureCaseSummary:
    """A case as it stands today."""
    return ClosureCaseSummary(
        household=case.household,
        estate=case.estate,
        building=case.building,
        steward=case.steward,
        cause=case.cause,
        enrolled_on=case.enrolled_on,
        stage=case.stage,
        stage_since=case.stage_since,
        stage_due_on=stage_due_on,
        overdue=case.status == "active" and stage_due_on is not None and stage_due_on < today,
        status=case.status,
        paused_by=_pauses(case),
        enrolled_fen=case.enrolled_fen,
        recovered_fen=case.recovered_fen,
        open_fen=case.open_fen,
    )


def _pauses(case: CaseState) -> list[Pause]:
    if case.status != "paused":
        return []
    pauses: list[tuple[Pause, bool]] = [("complaint", case.complaint), ("plan", case.plan)]
    return [name for name, stands in pauses if stands]


def bill(record: BillRecord) -> EnrolledBill:
    """A bill a case is about."""
    return EnrolledBill(bill_id=record.bill_id, added_on=record.added_on, open_fen=record.open_fen)


def event(record: EventRecord) -> CaseEvent:
    """What happened to a case."""
    return CaseEvent(
        happened_on=record.happened_on,
        stage=record.stage,
        outcome=record.outcome,
        note=record.note,
        recorded_by=record.recorded_by,
        recorded_at=record.recorded_at,
    )


def appointment(record: AppointmentRecord, household: str) -> Appointment:
    """An appointment with a household."""
    return Appointment(
        id=record.id,
        household=household,
        at=record.at,
        place=record.place,
        who=record.who,
        stage=record.stage,
        made_by=record.made_by,
        outcome=record.outcome,
        note=record.note,
        recorded_by=record.recorded_by,
        recorded_at=record.recorded_at,
    )
