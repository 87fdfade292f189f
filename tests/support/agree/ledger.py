"""What is kept beside the ledger, and what others are told of it: bills, credit, late fee left, closes, receipts."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from tests.support.agree.scene import Scene, differences
from tests.support.agree.truth import TrueBill, Truth

CLOSES = """SELECT e.code, c.period, c.estate_id, x ->> 'account' AS account, (x ->> 'balance_fen')::bigint AS fen
FROM ledger_close c JOIN estate e ON e.id = c.estate_id CROSS JOIN jsonb_array_elements(c.balances) x
WHERE jsonb_typeof(c.balances) = 'array'"""
KEPT = "SELECT id, amount_fen, paid_fen, waived_fen FROM bill WHERE voided_at IS NULL"
FEE_LEFT = "SELECT f.bill_id FROM late_fee_left f"
POSTINGS = """SELECT p.payment_id::text AS id, p.amount_fen, h.code FROM payment_posting p
JOIN household h ON h.id = p.household_id"""
TOLD = """SELECT event, data FROM outbox
WHERE event IN ('bills_issued', 'bills_adjusted', 'payment_allocated', 'payment_reallocated')
ORDER BY COALESCE((data ->> 'revision')::int, 0), id"""
RESERVED = """SELECT h.code, h.reserved_fen, COALESCE((SELECT sum(r.amount_fen) FROM credit_refund r
  WHERE r.household_id = h.id AND r.status = 'requested'), 0)::bigint AS fen FROM household h"""
IMBALANCE = ("difference_fen", "imbalance_fen")


def kept_of_bills(scene: Scene) -> Iterator[str]:
    """B7: amount, paid and waived of a bill are its postings; a void bill has none of it left."""
    said = {row.id: (row.amount_fen, row.paid_fen, row.waived_fen) for row in scene.truth.rows(KEPT)}
    right = {id_: (bill.amount_fen, bill.paid_fen, bill.waived_fen) for id_, bill in scene.truth.bills.items()}
    yield from differences("the row of the bill", said, right, "bill ")
    void = {id_: bill.open_fen for id_, bill in scene.truth.void_bills.items()}
    yield from differences("the row of the void bill", dict.fromkeys(void, 0), void, "bill ")


def credit(scene: Scene) -> Iterator[str]:
    """B6, B7: the prepaid balance of a household is its postings."""
    said = {row.code: row.credit_fen for row in scene.truth.rows("SELECT code, credit_fen FROM household")}
    yield from differences("the household's credit", said, scene.truth.credit_fen)


def reserved(scene: Scene) -> Iterator[str]:
    """FM1, FC1: what is kept for refunds is what is asked for, and at most the prepaid balance."""
    kept = {row.code: row.reserved_fen for row in scene.truth.rows(RESERVED)}
    yield from differences("reserved credit", kept, {row.code: row.fen for row in scene.truth.rows(RESERVED)})
    for code, fen in kept.items():
        if fen > scene.truth.credit_fen[code]:
            yield f"{code}: reserved credit says {fen}, the entries {scene.truth.credit_fen[code]}"


def standing_credit(scene: Scene) -> Iterator[str]:
    """FM1: no free credit stands beside an open bill of the household."""
    kept = {row.code: row.reserved_fen for row in scene.truth.rows("SELECT code, reserved_fen FROM household")}
    for code, bills in scene.truth.by_household.items():
        free, open_fen = scene.truth.credit_fen[code] - kept[code], sum(bill.open_fen for bill in bills)
        if free > 0 and open_fen > 0:
            yield f"{code}: standing credit says {free} free, the entries {open_fen} open"


def late_fee_left(scene: Scene) -> Iterator[str]:
    """C1: marked are the bills of which only late fee is left; those of plans are left to the plans' own tests."""
    marked = {row.bill_id: True for row in scene.truth.rows(FEE_LEFT) if row.bill_id not in scene.truth.planned}
    right = {id_: True for id_, bill in scene.truth.bills.items() if not bill.open_fen and _has_fee_left(scene, bill)}
    yield from differences("late fee left", marked, right, "bill ")


def _has_fee_left(scene: Scene, bill: TrueBill) -> bool:
    beyond_grace = scene.truth.terms_of(bill).spared_until(bill.row.due_date) + timedelta(days=1)
    return bool(scene.truth.late_fee_of(bill, max(scene.truth.today, beyond_grace)))


def closes(scene: Scene) -> Iterator[str]:
    """B8: what a month was closed with is what its entries still add up to."""
    for row in scene.truth.rows(CLOSES):
        after = (row.period + timedelta(days=31)).replace(day=1)
        entries = [e for e in scene.truth.entries if e.estate_id == row.estate_id and e.booked_on < after]
        key = f"{row.code} {row.period:%Y-%m} {row.account}"
        yield from differences("the close", {key: row.fen}, {key: _balances(entries).get(row.account, 0)})


def _balances(entries: list[Any]) -> dict[str, int]:
    sums: dict[str, int] = defaultdict(int)
    for entry in entries:
        sums[entry.debit_account] += entry.amount_fen
        sums[entry.credit_account] -= entry.amount_fen
    return sums


def trial_balance(scene: Scene) -> Iterator[str]:
    """B7: balances of accounts, what is receivable, and nothing that does not agree."""
    answer = scene.places.trial_balance()
    said = {row["account"]: row["balance_fen"] for row in answer["accounts"]}
    yield from differences("the trial balance", said, dict(_balances(scene.truth.entries)), "account ")
    sums = {name: answer[name] for name in (*IMBALANCE, "receivable_fen", "bills_open_fen")} | answer["checks"]
    owed = sum(bill.open_fen for bill in scene.truth.bills.values())
    right = dict.fromkeys(sums, 0) | {"receivable_fen": owed, "bills_open_fen": owed}
    yield from differences("the trial balance", sums, right)


def rollup_check(scene: Scene) -> Iterator[str]:
    """J1: rollups and totals have no difference."""
    answer = scene.places.rollup_check()
    for name in ("rollups", "totals"):
        if answer[name]["differences"]:
            yield f"{name}: the check of rollups says {answer[name]['items'][0]}, the entries otherwise"


def late_fees(scene: Scene) -> Iterator[str]:
    """C1: late fee due by estate is that of its bills."""
    answer = scene.places.late_fees(scene.truth.today)
    said = {row["estate"]: row["late_fee_fen"] for row in answer["estates"] if row["late_fee_fen"]}
    right: dict[str, int] = defaultdict(int)
    for bill in scene.truth.bills.values():
        right[bill.row.estate] += scene.late_fee_fen(bill)
    yield from differences("late fees by estate", said, {estate: fen for estate, fen in right.items() if fen})


def receipts(scene: Scene) -> Iterator[str]:
    """B7, B9: what is booked of a payment adds up to it."""
    booked: dict[str, int] = defaultdict(int)
    for entry in scene.truth.entries:
        cash = entry.debit_account.startswith("cash_") - entry.credit_account.startswith("cash_")
        booked[entry.source] += entry.amount_fen * cash
    postings = {row.id: row.amount_fen for row in scene.truth.rows(POSTINGS)}
    yield from differences("the posting", postings, {id_: booked[id_] for id_ in postings}, "payment ")


def places_of_payments(truth: Truth) -> dict[str, dict[int, tuple[int, int]]]:
    """Principal and late fee that each payment gave each bill, by its own entries (ADR 22).

    A void changes no receipt; but the next time the payment is placed, what it gave that bill is credit.
    """
    found: dict[str, dict[int, tuple[int, int]]] = defaultdict(dict)
    placed: dict[str, int] = {}
    for entry in truth.entries:
        accounts = (entry.debit_account, entry.credit_account)
        if not any(account.startswith("cash_") for account in accounts):
            continue
        placed[entry.source] = entry.id
        if entry.bill_id is not None:
            side = 1 if entry.debit_account.startswith("cash_") else -1
            principal, fee = found[entry.source].get(entry.bill_id, (0, 0))
            change = entry.amount_fen * side
            is_principal = "receivable" in accounts
            found[entry.source][entry.bill_id] = (principal + change * is_principal, fee + change * (not is_principal))
    voided = {entry.bill_id: entry.id for entry in truth.entries if entry.kind == "bill_voided"}
    return {
        id_: {bill: pair for bill, pair in places.items() if any(pair) and voided.get(bill, placed[id_]) >= placed[id_]}
        for id_, places in found.items()
    }


def told_receipts(scene: Scene) -> Iterator[str]:
    """E3, B9: what others were told last of a payment is where the entries have it; the rest is credit."""
    told, credit_fen, amounts = {}, {}, {}
    for row in scene.truth.rows(TOLD):
        if row.event in ("payment_allocated", "payment_reallocated"):
            id_, lines = row.data["payment_id"], row.data["allocations"]
            told[id_] = {line["bill_id"]: (line["principal_fen"], line["late_fee_fen"]) for line in lines}
            credit_fen[id_], amounts[id_] = row.data["credit_fen"], row.data["amount_fen"]
    places = places_of_payments(scene.truth)
    right = {id_: places.get(id_, {}) for id_ in told}
    yield from differences("the event of the payment", told, right, "payment ")
    rest = {id_: fen - sum(map(sum, right[id_].values())) for id_, fen in amounts.items()}
    yield from differences("the event of the payment", credit_fen, rest, "credit of payment ")


def told_open(scene: Scene) -> Iterator[str]:
    """G4: what others were told of a bill since it was issued adds up to what is open of it."""
    told: dict[int, int] = {}
    for row in scene.truth.rows(TOLD):
        for line in (*row.data.get("bills", ()), *row.data.get("adjustments", ())):
            change = line["open_fen"] if row.event == "bills_issued" else line["open_change_fen"]
            if row.event == "bills_issued" or line["bill_id"] in told:
                told[line["bill_id"]] = told.get(line["bill_id"], 0) + change
        for line in row.data.get("allocations", ()):
            if row.event == "payment_allocated" and line["bill_id"] in told:
                told[line["bill_id"]] -= line["principal_fen"]
    right = {id_: bill.open_fen for id_, bill in scene.truth.bills.items() if id_ in told}
    yield from differences("what others were told", told, dict.fromkeys(told, 0) | right, "bill ")
