"""STORY of booking: money moves, and all that follows from it follows at once (B5–B9, C1, C3, J1). Never commits.

Every story that moves money calls `book`, and nothing else writes the ledger, `bill.paid_fen` and `waived_fen`,
`household.credit_fen`, `late_fee_left` or the figures. The caller holds the estate's lock, shared or alone, and the
household's row.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from sqlalchemy.orm import Session

from services.billing.receivables.booking import events, fee_waivers, rules, tables
from services.billing.receivables.booking.open_items import items_of
from services.billing.receivables.booking.rules import OpenItems
from services.billing.receivables.late_fee.open_bills import policy_of
from services.billing.receivables.ledger.rules import CUSTOMER_CREDIT, Account, Entry, Movement, debit_fen
from services.billing.receivables.plans import standing as plans
from services.common.domain.calendar import business_date
from services.common.messaging import record_many


def book(
    session: Session, account: Account, movements: Iterable[Movement], now: datetime, items: OpenItems | None = None
) -> None:
    """Move money of a locked account; movements of nothing are left out.

    Ledger, bills, prepaid balance, figures, late fee left and plans follow, and others are told. `items`: what the
    story read of the account to decide; whoever read nothing leaves it out. KeyError for a bill that is void or not
    the household's.
    """
    entries = [movement.entry for movement in movements if movement.fen]
    bills = rules.bills_of(entries)
    if items is None:
        items = items_of(session, account, bills) if bills else OpenItems()
    after = items.after(entries)
    excess = _waivers_in_excess(session, account, after, {*bills, *items.plans.principal}, now)
    entries, after = [*entries, *excess], after.after(excess)
    tables.post(session, account.estate_id, ((account.id, entry) for entry in entries), now)
    tables.move_bills(session, rules.effects(entries))
    tables.move_credit(session, {account.id: _credit_fen(entries)})
    tables.roll_up(session, rules.figures(items, entries))
    tables.keep_fee_left(session, account, rules.fee_left(items, after, bills, policy_of(account)))
    plans.restate_plans(session, account.code, after.plans, after.entries, now)
    record_many(session, events.events_of(account, items.bills, entries), aggregate=f"estate:{account.estate}", at=now)


def _waivers_in_excess(
    session: Session, account: Account, after: OpenItems, bill_ids: Collection[int], now: datetime
) -> list[Entry]:
    """What late-fee waivers do not reach any more, taken back; what accrues after a waiver is owed (C2)."""
    waivers = fee_waivers.waivers_of(after, bill_ids)
    if not waivers:
        return []
    days = {source: lines[0].counts_on for by_source in waivers.values() for source, lines in by_source.items()}
    reach = days | tables.waiver_days(session, days)
    booked_on = account.booking_day(business_date(now)).booked_on
    movements = fee_waivers.excess(after, waivers, reach, policy_of(account), booked_on)
    return [movement.entry for movement in movements if movement.fen]


def book_credit(session: Session, estate_id: int, movements: Mapping[int, Movement], now: datetime) -> None:
    """One movement of prepaid balance for each of many locked households of an estate, by id; ValueError for bills."""
    entries = {household_id: movement.entry for household_id, movement in movements.items() if movement.fen}
    if rules.bills_of(entries.values()):
        raise ValueError("what moves money on a bill is booked by household")
    tables.post(session, estate_id, entries.items(), now)
    tables.move_credit(session, {household_id: _credit_fen([entry]) for household_id, entry in entries.items()})


def _credit_fen(entries: Iterable[Entry]) -> int:
    return -sum(debit_fen(entry, CUSTOMER_CREDIT) for entry in entries)
