"""LAW of owner files: what may be kept of a household and of a unit's co-owners (A1, A2)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from services.common.contracts.answers.files import (
    Liable,
    PreferredChannel,
    PreferredTime,
    ServiceCounts,
    ServiceHistory,
)

MOST_PHONES = 5
MOST_OWNERS = 50
Value = str | list[str] | date | None


@dataclass(frozen=True)
class FileFields:
    """What people keep of a household beside the register, field by field."""

    segment: str | None
    other_phones: list[str]
    preferred_channel: PreferredChannel | None
    preferred_time: PreferredTime | None
    dispute_liable: Liable | None
    dispute_since: date | None
    dispute_note: str | None


EMPTY = FileFields(None, [], None, None, None, None, None)


@dataclass(frozen=True)
class CoOwner:
    """Somebody who owns a part of a unit but does not pay for it; `share` of 1, exact."""

    name: str
    share: Decimal | None = None
    phone: str | None = None


def owners_complaints(owners: Sequence[CoOwner]) -> list[dict[str, str]]:
    """What is wrong with the co-owners of a unit: together they own at most all of it."""
    errors = []
    if len(owners) > MOST_OWNERS:
        errors.append({"loc": "owners", "msg": f"at most {MOST_OWNERS}"})
    for place, owner in enumerate(owners):
        if owner.share is not None and not 0 < owner.share <= 1:
            errors.append({"loc": f"owners.{place}.share", "msg": "more than 0 and at most 1"})
        elif owner.share is not None and owner.share != round(owner.share, 6):
            errors.append({"loc": f"owners.{place}.share", "msg": "at most 6 decimals"})
    if sum((owner.share or Decimal(0) for owner in owners), Decimal(0)) > 1:
        errors.append({"loc": "owners", "msg": "the shares add up to more than 1"})
    return errors


def dispute_complaints(since: date | None, today: date) -> list[dict[str, str]]:
    """What is wrong with a legacy dispute."""
    if since is not None and not date(1980, 1, 1) <= since <= today:
        return [{"loc": "change.legacy_dispute.since", "msg": "in the future, or before there were estates"}]
    return []


def differences(before: FileFields, after: Mapping[str, Value]) -> dict[str, tuple[Value, Value]]:
    """Field → (before, after) of what a change really changes."""
    return {name: (was, value) for name, value in after.items() if (was := getattr(before, name)) != value}


@dataclass(frozen=True)
class Service:
    """One complaint or work order of a household, as far as it was heard of."""

    kind: str
    opened_at: datetime | None
    closed_at: datetime | None
    reopened: int

    @property
    def is_open(self) -> bool:
        """Opened, and not closed since it was opened last; one whose closing came first counts as over."""
        return self.opened_at is not None and (self.closed_at is None or self.closed_at < self.opened_at)


def service_history(events: Sequence[Service]) -> ServiceHistory:
    """Complaints and work orders, counted."""
    return ServiceHistory(
        complaints=_counts([event for event in events if event.kind == "complaint"]),
        work_orders=_counts([event for event in events if event.kind == "work_order"]),
    )


def _counts(events: Sequence[Service]) -> ServiceCounts:
    openings = [event.opened_at for event in events if event.opened_at is not None]
    return ServiceCounts(
        total=len(events),
        open=sum(event.is_open for event in events),
        reopened=sum(event.reopened for event in events),
        last_opened_at=max(openings, default=None),
    )
