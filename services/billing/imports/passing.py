"""STORY of units that a file gives to another household (A1, A3).

A file counts where it says something new: what it says is compared with what the last file said of the unit. So a file
that is older than a transfer somebody recorded leaves that transfer and the unit's status alone. A unit nobody was ever
billed for did not change hands, its entry is corrected; any other passes from `payer_from` on, or from today.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy.orm import Session

from services.billing.imports.rules import KnownPayer
from services.billing.portfolio.tables import HeldUnit
from services.billing.portfolio.transfers import handlers as transfers
from services.billing.portfolio.transfers import tables
from services.billing.portfolio.transfers.rules import role_by
from services.billing.portfolio.transfers.tables import NewTransfer
from services.common.sheets.reading import Row

Holders = Mapping[tuple[int, str], HeldUnit]


@dataclass
class Passing:
    """Units of a file that pass to another household: what to record, which transfers the file has caught up, and of
    which units it knows too little (`stale`)."""

    units: dict[int, HeldUnit] = field(default_factory=dict)
    stale: set[int] = field(default_factory=set)
    transfers: list[NewTransfer] = field(default_factory=list)
    caught_up: list[int] = field(default_factory=list)


def known_payers(session: Session, estate_ids: Collection[int]) -> dict[tuple[str, str], KnownPayer]:
    """(estate, unit) → who pays, of the units of some estates that ever changed hands."""
    payers: dict[tuple[str, str], KnownPayer] = {}
    for row in tables.ever_transferred(session, estate_ids):
        days = dict(zip(row.days, row.day_households, strict=True))
        since = dict(zip(row.since, row.since_households, strict=True))
        payers[row.estate, row.unit] = KnownPayer(row.unit_id, row.household, row.filed, days, since)
    return payers


def sort_out(
    session: Session,
    rows: Sequence[tuple[Row, dict[str, Any]]],
    holders: Holders,
    payers: Mapping[tuple[str, str], KnownPayer],
    today: date,
) -> Passing:
    """Take out of `rows`, each with its unit as it will be written, what is a transfer: such a unit keeps its payer."""
    passing = Passing()
    moving_units = [_holding(unit, holders) for _, unit in rows if _moves(unit, holders)]
    billed_ids = tables.billed(session, [unit.id for unit in moving_units])
    for row, unit in rows:
        payer = payers.get((row["estate_code"], row["code"]))
        if payer is not None and row["household_code"] == payer.household != payer.filed_household:
            passing.caught_up.append(payer.unit_id)
        if not _moves(unit, holders):
            continue
        now = _holding(unit, holders)
        if payer is not None and not payer.is_news(row["household_code"]):
            unit["household_id"] = now.household_id
            passing.stale.add(now.id)
        elif payer is not None or row["payer_from"] is not None or now.id in billed_ids:
            passing.units[now.id] = now
            passing.transfers.append(_transfer(now, unit, row["payer_from"] or today))
            unit["household_id"] = now.household_id
    return passing


def carry_out(session: Session, passing: Passing, source: str, now: datetime, today: date) -> set[int]:
    """Record the transfers; the households that lost or won a unit."""
    if passing.caught_up:
        tables.file_current(session, passing.caught_up, today, now)
    if not passing.transfers:
        return set()
    _supersede(session, passing.transfers, source, now)
    new = [replace(each, reason=source, filed_at=now) for each in passing.transfers]
    transfers.record(session, passing.units, new, source, now)
    household_ids = transfers.settle(session, list(passing.units), today, now)
    return household_ids | {each.household_id for each in new}


def _supersede(session: Session, new: Sequence[NewTransfer], source: str, now: datetime) -> None:
    """What a file said of a day, a later file may say differently; what people recorded was refused before."""
    days = {each.unit_id: each.from_date for each in new}
    standing = tables.standing(session, days)
    same: list[UUID] = [row.id for unit_id, rows in standing.items() for row in rows if row.from_date == days[unit_id]]
    if same:
        tables.undo(session, same, source, "another file names another payer", now)


def _moves(unit: Mapping[str, Any], holders: Holders) -> bool:
    now = holders.get((unit["estate_id"], unit["code"]))
    return now is not None and now.household_id != unit["household_id"]


def _holding(unit: Mapping[str, Any], holders: Holders) -> HeldUnit:
    return holders[unit["estate_id"], unit["code"]]


def _transfer(now: HeldUnit, unit: Mapping[str, Any], since: date) -> NewTransfer:
    role = role_by(unit["status"])
    return NewTransfer(uuid4(), now.id, unit["household_id"], role, since, source="import", reason="")
