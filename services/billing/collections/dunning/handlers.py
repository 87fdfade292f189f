"""STORY of sweeps: ask for a slice per estate → each takes the steps that are due and says so → progress (D1, D3)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy.orm import Session

from services.billing.collections.dunning import queries, tables
from services.billing.collections.dunning.sweep_sql import SWEEP
from services.billing.collections.dunning.tables import WaitingSlice, dunning_sweep
from services.billing.portfolio.tables import estates_in_scope
from services.common.contracts.answers.base import Created
from services.common.contracts.answers.dunning import Sweep, SweepStatus
from services.common.contracts.errors import Invalid, NotFound
from services.common.contracts.events import BATCH, DunningStepsDue, SweepSliceRequested
from services.common.database import allow_long_statements
from services.common.domain.access import Caller
from services.common.domain.permissions import Permission
from services.common.messaging import record_many
from services.common.messaging.names import event_exchange
from services.common.observability.logs import current_trace_id, get_logger
from services.common.once import by_id, insert_once, same_request

# A statement over some estates costs little more than over one; few enough that work spreads over replicas.
ESTATES_AT_ONCE = 25
SLICE_TIMEOUT_MS = 600_000
# Days to come are swept too, to try a ladder out; deadlines are counted from them and have to stay in the calendar.
FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2199, 12, 31)
log = get_logger(__name__)


@dataclass(frozen=True)
class SweepRequest:
    """What a sweep is asked to do; `estates` None means all in the caller's scope."""

    as_of: date
    estates: list[str] | None = None


def start_sweep(session: Session, caller: Caller, request_id: UUID, request: SweepRequest, now: datetime) -> Created:
    """Plan a sweep, one slice per estate (D1). The same call again answers the same and plans nothing.

    Errors: Forbidden, Invalid (unknown estate, empty list, a day of another age), Conflict (id used for another sweep).
    """
    caller.require(Permission.RUN_SWEEP)
    if request.estates is not None and not request.estates:
        raise Invalid("estates is empty.", [{"loc": "estates", "msg": "name at least one, or leave it out for all"}])
    if not FIRST_DAY <= request.as_of <= LAST_DAY:
        raise Invalid("Nobody owed on this day.", [{"loc": "as_of", "msg": f"from {FIRST_DAY} to {LAST_DAY}"}])
    estate_ids = estates_in_scope(session, caller, request.estates).values()
    estates = None if request.estates is None else sorted(set(request.estates))
    row = {"as_of": request.as_of, "estates": estates, "requested_by": caller.sub}
    if insert_once(session, dunning_sweep, {"id": request_id, "created_at": now, **row}):
        _request_slices(session, request_id, list(estate_ids), now)
    same_request("sweep", by_id(session, dunning_sweep, request_id), row)
    return Created(id=request_id)


def sweep_slice(session: Session, slice_id: int, now: datetime) -> None:
    """Take every step that is due on the estate of a slice, and of those it leads, and tell who delivers (D1).

    Slices that are done are left alone. Households with a standing hold get no escalation; a reminder before the due
    date still goes, because it urges nobody (D3). After the release the ladder goes on as `rules.due_step` says.
    """
    tables.lock_ladder(session, [piece.estate_id for piece in tables.waiting_slices(session, slice_id)])
    pieces = tables.waiting_slices(session, slice_id)  # again: another replica may have finished some
    if not pieces:
        return
    allow_long_statements(session, SLICE_TIMEOUT_MS)
    outcomes = SWEEP.execute(session, _about(pieces, now)).all()
    counts = {"actions": sum(row.actions for row in outcomes), "held": sum(row.held for row in outcomes)}
    log.info(
        "sweep slices done",
        extra={"sweep_id": str(pieces[0].sweep_id), "slice": slice_id, "estates": len(outcomes)} | counts,
    )


def get_sweep(session: Session, caller: Caller, sweep_id: UUID) -> Sweep:
    """A sweep and how far it is; NotFound, Forbidden."""
    caller.require(Permission.READ_DUNNING)
    sweep = queries.sweep(session, sweep_id)
    if sweep is None:
        raise NotFound("There is no such sweep.")
    progress = queries.sweep_progress(session, sweep_id)
    for estate in progress.estates or []:
        caller.require_estate(estate)
    return Sweep(
        id=sweep_id,
        as_of=sweep.as_of,
        status=_status(progress.estates_total, progress.estates_done),
        estates_total=progress.estates_total,
        estates_done=progress.estates_done,
        actions=progress.actions,
        held=progress.held,
        created_at=sweep.created_at,
        finished_at=progress.finished_at if progress.estates_total == progress.estates_done else None,
    )


def _status(total: int, finished_slices: int) -> SweepStatus:
    if finished_slices == total:
        return "done"
    return "running" if finished_slices else "pending"


def _request_slices(session: Session, sweep_id: UUID, estate_ids: Sequence[int], now: datetime) -> None:
    leaders = tables.plan_slices(session, sweep_id, estate_ids, ESTATES_AT_ONCE)
    events = [SweepSliceRequested(sweep_id=sweep_id, slice_id=slice_id) for slice_id in leaders]
    record_many(session, events, aggregate=f"sweep:{sweep_id}", at=now)


def _about(pieces: Sequence[WaitingSlice], now: datetime) -> dict[str, object]:
    """What the statement needs: the slices, and the envelope of the `DunningStepsDue` it records in batches."""
    envelope: dict[str, object] = {
        "event": DunningStepsDue.NAME,
        "version": DunningStepsDue.VERSION,
        "source": DunningStepsDue.SOURCE,
        "exchange": event_exchange(DunningStepsDue.SOURCE),
        "trace_id": current_trace_id(),
        "batch": BATCH,
        "now": now,
    }
    work = {"slice_ids": [piece.id for piece in pieces], "estate_ids": [piece.estate_id for piece in pieces]}
    return envelope | work | {"sweep_id": pieces[0].sweep_id, "as_of": pieces[0].as_of}
