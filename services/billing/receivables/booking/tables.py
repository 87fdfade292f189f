"""STORE of booking: the statements that move money, each for many rows at once.

Nobody else has such statements but the set-based issue of bills and of opening balances, which a test holds equal to
`book` (ADR 15).
"""

from collections.abc import Iterable, Mapping
from dataclasses import astuple
from datetime import date, datetime

from sqlalchemy import insert, text
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from services.billing.receivables.booking.rules import FigureKey
from services.billing.receivables.ledger.rules import Account, Effect, Entry
from services.billing.receivables.ledger.tables import late_fee_left
from services.billing.tables import ledger_entry

_MOVE_BILLS = text("""
UPDATE bill SET paid_fen = bill.paid_fen + moved.paid, waived_fen = bill.waived_fen + moved.waived
FROM unnest(CAST(:bills AS bigint[]), CAST(:paid AS bigint[]), CAST(:waived AS bigint[])) AS moved(id, paid, waived)
WHERE bill.id = moved.id
""")
_MOVE_CREDIT = text("""
UPDATE household SET credit_fen = household.credit_fen + moved.fen
FROM unnest(CAST(:households AS bigint[]), CAST(:amounts AS bigint[])) AS moved(id, fen) WHERE household.id = moved.id
""")
_ROLL_UP = text("""
INSERT INTO rate_rollup AS r (estate_id, building, fee_item, period, due_date, booked_on, billed_fen, collected_fen,
                              waived_fen, billed_count)
SELECT * FROM unnest(
  CAST(:estate_id AS int[]), CAST(:building AS text[]), CAST(:fee_item AS text[]), CAST(:period AS date[]),
  CAST(:due_date AS date[]), CAST(:booked_on AS date[]), CAST(:billed_fen AS bigint[]), CAST(:paid_fen AS bigint[]),
  CAST(:waived_fen AS bigint[]), CAST(:billed_count AS int[]))
ON CONFLICT (estate_id, building, fee_item, period, due_date, booked_on) DO UPDATE
SET billed_fen = r.billed_fen + excluded.billed_fen, collected_fen = r.collected_fen + excluded.collected_fen,
    waived_fen = r.waived_fen + excluded.waived_fen, billed_count = r.billed_count + excluded.billed_count
""")
_WAIVER_DAYS = text("""
SELECT id::text AS source, base_on FROM waiver WHERE id = ANY (ARRAY(
  SELECT source::uuid FROM unnest(CAST(:sources AS text[])) source WHERE source ~ '^[0-9a-f]{8}-[0-9a-f-]{27}$'))
""")
_FEE_SETTLED = text("DELETE FROM late_fee_left WHERE bill_id = ANY (:bills)")


def post(session: Session, estate_id: int, lines: Iterable[tuple[int, Entry]], now: datetime) -> None:
    """Append entries of households, by id, to the ledger (B7)."""
    rows = [_row(entry) | {"estate_id": estate_id, "household_id": of, "created_at": now} for of, entry in lines]
    if rows:
        session.execute(insert(ledger_entry), rows)


def _row(entry: Entry) -> dict[str, object]:
    return {
        "kind": entry.kind,
        "debit_account": entry.debit_account,
        "credit_account": entry.credit_account,
        "amount_fen": entry.amount_fen,
        "booked_on": entry.day.booked_on,
        "value_on": entry.day.value_on,
        "source": entry.source,
        "bill_id": entry.bill_id,
    }


def waiver_days(session: Session, sources: Iterable[str]) -> dict[str, date]:
    """Up to the end of which day each of some waivers goes, by its id as the ledger has it (C2)."""
    rows = session.execute(_WAIVER_DAYS, {"sources": list(sources)})
    return {row.source: row.base_on for row in rows}


def move_bills(session: Session, effects: Mapping[int, Effect]) -> None:
    """Move `paid_fen` and `waived_fen` of locked bills, by id."""
    changes = {bill_id: effect for bill_id, effect in effects.items() if effect.paid_fen or effect.waived_fen}
    if changes:
        paid_fen = [effect.paid_fen for effect in changes.values()]
        waived_fen = [effect.waived_fen for effect in changes.values()]
        session.execute(_MOVE_BILLS, {"bills": list(changes), "paid": paid_fen, "waived": waived_fen})


def move_credit(session: Session, credit: Mapping[int, int]) -> None:
    """Move the prepaid balances of locked households, by id."""
    changes = {household_id: fen for household_id, fen in credit.items() if fen}
    if changes:
        session.execute(_MOVE_CREDIT, {"households": list(changes), "amounts": list(changes.values())})


def roll_up(session: Session, figures: Mapping[FigureKey, Effect]) -> None:
    """Add to the figures, in the order of their keys (J1)."""
    if figures:
        names = [*FigureKey.__dataclass_fields__, *Effect.__dataclass_fields__]
        rows = zip(*(astuple(key) + astuple(effect) for key, effect in figures.items()), strict=True)
        session.execute(_ROLL_UP, dict(zip(names, map(list, rows), strict=True)))


def keep_fee_left(session: Session, account: Account, fee_left: Mapping[int, bool]) -> None:
    """Say of bills for which it changed whether only late fee is left on them."""
    marks = [{"bill_id": bill_id, "household_id": account.id} for bill_id, is_left in fee_left.items() if is_left]
    settled_ids = [bill_id for bill_id, is_left in fee_left.items() if not is_left]
    if marks:
        session.execute(upsert(late_fee_left).values(marks).on_conflict_do_nothing())
    if settled_ids:
        session.execute(_FEE_SETTLED, {"bills": settled_ids})
