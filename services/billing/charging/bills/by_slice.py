"""STORY of everything that SQL does not price by itself: lines by rate, metered and shared, in one go for a slice."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from services.billing.charging.metered import handlers as metered
from services.billing.charging.shared_costs import handlers as shared
from services.billing.charging.slices import lines, units
from services.billing.charging.slices.lines import Job, Lines
from services.billing.charging.tariffs.rules import Rate


def compute(session: Session, job: Job, rates: Sequence[Rate]) -> tuple[Lines, list[int]]:
    """The lines of a slice, and the units whose rates are among them.

    Without metered and shared fees this asks nothing where nobody changed hands or moved in and bills are by the month.
    """
    slice_lines = Lines()
    meters = metered.load(session, job)
    days = [job.cycle.first, job.consumption_cycle.first, *([meters.since] if meters.since else [])]
    history = lines.load_history(session, job, min(days))
    apart = lines.by_rate(session, job, rates, history, slice_lines)
    if job.piece.first and job.piece.dry_run:
        shared.tell_unpriced(session, job, slice_lines)
    if job.is_open(job.consumption_cycle.last) and (job.priced_by("metered") or job.priced_by("shared")):
        homes = units.units_of(session, job.piece)
        metered.add(job, homes, meters, history, slice_lines)
        shared.add(session, job, homes, history, slice_lines)
    return slice_lines, apart
