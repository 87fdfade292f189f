"""STORY of sweeps: ask for a slice per estate → each takes the steps that are due and says so → progress (D1, D3)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.orm import Session

from services.billing.dunning import queries, tables
from services.billing.dunning.sweep_sql import SWEEP
from services.billing.portfolio.tables import estates_in_scope
from services.common.access import Caller
from services.common.contracts.errors import Conflict, Invalid, NotFound
from services.common.contracts.events import BATCH, DunningStepsDue, SweepSliceRequested
from services.common.messaging import record_many
from services.common.messaging.names import event_exchange
from services.common.observability.logs import current_trace_id, get_logger

SWEEPERS = ("group_admin", "finance", "estate_manager")
log = get_logger(__name__)


@dataclass(frozen=True)
class SweepRequest:
    """What a sweep is asked to do; `estates` None means all in the caller's scope."""

    as_of: date
    estates: list[str] | None = None


def start_sweep(
    session: Session, caller: Caller, request_id: UUID, asked: SweepRequest, now: datetime
) -> dict[str, str]:
    """Plan a sweep, one slice per estate (D1); `{"id"}`. The same call again answers the same and plans nothing.

    Errors: Forbidden, Invalid (unknown estate, empty list), Conflict (id used for another sweep).
    """
    caller.require(*SWEEPERS)
    if asked.estates is not None and not asked.estates:
        raise Invalid("estates is empty.", [{"loc": "estates", "msg": "name at least one, or leave it out for all"}])
    estate_ids = estates_in_scope(session, caller, asked.estates).values()
    row = {"id": request_id, "as_of": asked.as_of, "requested_by": caller.sub, "created_at": now}
    row["estates"] = None if asked.estates is None else sorted(set(asked.estates))
    if tables.insert_sweep(session, row):
        _request_slices(session, request_id, list(estate_ids), now)
    elif not _same(queries.sweep(session, request_id), row):
        raise Conflict("This request id was used for another sweep.")
    return {"id": str(request_id)}


def sweep_slice(session: Session, slice_id: int, now: datetime) -> None:
    """Take every step that is due on one estate and tell who delivers (D1). A slice that is done is left alone.

    Households with a standing hold get no escalation; a reminder before the due date still goes, because it urges
    nobody (D3). After the release the ladder goes on at the rung whose window covers the day.
    """
    tables.lock_ladder(session, tables.load_slice(session, slice_id).estate_id)
    piece = tables.load_slice(session, slice_id)  # again: another replica may have finished it
    if piece.finished_at is not None:
        return
    outcome = session.execute(SWEEP, _about(piece, now)).one()
    tables.finish_slice(session, slice_id, actions=outcome.actions, held=outcome.held, now=now)
    log.info(
        "sweep slice done",
        extra={
            "sweep_id": str(piece.sweep_id),
            "estate": piece.estate,
            "actions": outcome.actions,
            "held": outcome.held,
        },
    )


def get_sweep(session: Session, caller: Caller, sweep_id: UUID) -> dict[str, Any]:
    """`{id, as_of, status: pending/running/done, estates_total, estates_done, actions, held}`; NotFound, Forbidden."""
    caller.require(*SWEEPERS, "steward", "auditor")
    sweep = queries.sweep(session, sweep_id)
    if sweep is None:
        raise NotFound("There is no such sweep.")
    progress = queries.sweep_progress(session, sweep_id)
    for estate in progress.estates or []:
        caller.require_estate(estate)
    return {
        "id": str(sweep_id),
        "as_of": sweep.as_of,
        "status": _status(progress.estates_total, progress.estates_done),
        "estates_total": progress.estates_total,
        "estates_done": progress.estates_done,
        "actions": int(progress.actions),
        "held": int(progress.held),
        "created_at": sweep.created_at,
        "finished_at": progress.finished_at if progress.estates_total == progress.estates_done else None,
    }


def _same(kept: Row[Any] | None, asked: dict[str, Any]) -> bool:
    return kept is not None and all(getattr(kept, name) == asked[name] for name in ("as_of", "estates", "requested_by"))


def _status(total: int, done: int) -> str:
    if done == total:
        return "done"
    return "running" if done else "pending"


def _request_slices(session: Session, sweep_id: UUID, estate_ids: Sequence[int], now: datetime) -> None:
    slice_ids = tables.plan_slices(session, sweep_id, estate_ids)
    events = [SweepSliceRequested(sweep_id=sweep_id, slice_id=slice_id) for slice_id in slice_ids]
    record_many(session, events, aggregate=f"sweep:{sweep_id}", at=now)


def _about(piece: Row[Any], now: datetime) -> dict[str, Any]:
    """What the statement needs: the slice, and the envelope of the `DunningStepsDue` it records in batches."""
    envelope = {
        "event": DunningStepsDue.NAME,
        "version": DunningStepsDue.VERSION,
        "source": DunningStepsDue.SOURCE,
        "exchange": event_exchange(DunningStepsDue.SOURCE),
        "aggregate": f"estate:{piece.estate}",
        "trace_id": current_trace_id(),
        "batch": BATCH,
        "now": now,
    }
    named = {"slice_id": piece.id, "estate_id": piece.estate_id, "estate": piece.estate, "as_of": piece.as_of}
    return envelope | named | {"sweep_id": str(piece.sweep_id), "past": False}
