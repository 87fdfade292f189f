"""What families are told they owe, one by one: statement, bills, arrears and the ladder against the entries."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

from tests.support.agree.scene import Scene, differences
from tests.support.agree.truth import TrueBill, age_of

BANDS = (("20000+", 2_000_000), ("5000-20000", 500_000), ("1000-5000", 100_000), ("500-1000", 50_000), ("under 500", 0))
LATEST_STEPS = """SELECT h.code, a.as_of, a.overdue_fen FROM dunning_action a JOIN household h ON h.id = a.household_id
JOIN dunning_sweep_slice s ON s.id = a.slice_id
WHERE a.overdue_days > 0 AND s.finished_at > (SELECT max(created_at) FROM ledger_entry)
  AND NOT EXISTS (SELECT FROM bill_dispute d JOIN bill b ON b.id = d.bill_id WHERE b.household_id = a.household_id)"""
AGE_NAMES = ("1-15", "16-30", "31-60", "61-365", "365+")


def statement(scene: Scene) -> Iterator[str]:
    """B6: principal, late fee, credit and total of a household; of each bill what is open and its late fee."""
    for code, said in scene.statements.items():
        bills = scene.truth.by_household[code]
        fees = {bill.row.id: scene.late_fee_fen(bill) for bill in bills}
        credit = scene.truth.credit_fen[code]
        principal, fee = sum(bill.open_fen for bill in bills), sum(fees.values())
        right = {"principal_fen": principal, "late_fee_fen": fee, "credit_fen": credit}
        right["total_due_fen"] = principal + fee - credit
        yield from differences("the statement", {name: said[name] for name in right}, right, f"{code} ")
        lines = {line["id"]: (line["outstanding_fen"], line["late_fee_fen"]) for line in said["bills"]}
        owed = {b.row.id: (b.open_fen, fees[b.row.id]) for b in bills if b.open_fen or fees[b.row.id]}
        yield from differences("the statement", lines, owed, f"{code}, bill ")


def bills(scene: Scene) -> Iterator[str]:
    """B4: paid, waived, outstanding and status of each bill of a household."""
    voids: dict[str, dict[int, Any]] = defaultdict(dict)
    for bill_id, bill in scene.truth.void_bills.items():
        voids[bill.row.household][bill_id] = (0, "void")
    for code in scene.households:
        said = {row["id"]: _shown(row) for row in scene.places.bills(code)}
        right = {bill.row.id: _of_bill(bill) for bill in scene.truth.by_household[code]} | voids[code]
        yield from differences("the list of bills", said, right, f"{code}, bill ")


def _shown(row: dict[str, Any]) -> tuple[Any, ...]:
    if row["status"] == "void":
        return row["outstanding_fen"], "void"
    return row["amount_fen"], row["paid_fen"], row["waived_fen"], row["outstanding_fen"], row["status"]


def _of_bill(bill: TrueBill) -> tuple[Any, ...]:
    return bill.amount_fen, bill.paid_fen, bill.waived_fen, bill.open_fen, bill.status


def arrears(scene: Scene) -> Iterator[str]:
    """D5: who is overdue with how much since when, by age; late fee as on the statement."""
    said = {row["household"]: row for row in scene.places.arrears()}
    right = {code: _arrears(scene, overdue) for code, overdue in _overdue(scene).items()}
    names = ("overdue_fen", "bills", "oldest_due_date", "overdue_days", "bucket", "buckets", "disputed_fen")
    shown = {code: {name: row[name] for name in names} for code, row in said.items()}
    yield from differences("the arrears list", shown, right)
    fees = {code: row["late_fee_fen"] for code, row in said.items() if code in scene.statements}
    stated = {code: scene.statements[code]["late_fee_fen"] for code in fees}
    yield from differences("the arrears list", fees, stated, "late fee of ")


def _overdue(scene: Scene) -> dict[str, list[TrueBill]]:
    found: dict[str, list[TrueBill]] = defaultdict(list)
    for bill in scene.truth.overdue():
        found[bill.row.household].append(bill)
    return found


def _arrears(scene: Scene, overdue: list[TrueBill]) -> dict[str, Any]:
    oldest = max(scene.truth.overdue_days(bill) for bill in overdue)
    ages = dict.fromkeys(AGE_NAMES, 0)
    for bill in overdue:
        ages[age_of(scene.truth.overdue_days(bill))] += bill.open_fen
    return {
        "overdue_fen": sum(ages.values()),
        "bills": len(overdue),
        "oldest_due_date": min(bill.row.due_date for bill in overdue).isoformat(),
        "overdue_days": oldest,
        "bucket": age_of(oldest),
        "buckets": ages,
        "disputed_fen": sum(bill.open_fen for bill in overdue if bill.row.disputed_at is not None),
    }


def arrears_summary(scene: Scene) -> Iterator[str]:
    """D5: the same added up by five things."""
    whole = _overdue(scene)
    of_household = {code: _arrears(scene, overdue) for code, overdue in whole.items()}
    keys: dict[str, Callable[[TrueBill], Any]] = {
        "bucket": lambda bill: of_household[bill.row.household]["bucket"],
        "amount": lambda bill: next(n for n, fen in BANDS if of_household[bill.row.household]["overdue_fen"] >= fen),
        "cause": lambda bill: scene.truth.households[bill.row.household].cause,
        "building": lambda bill: (bill.row.estate, bill.row.building),
        "steward": scene.truth.steward_of,
    }
    for group_by, key_of in keys.items():
        answer = scene.places.arrears_summary(group_by)
        said = {_key(group_by, row): (row["households"], row["bills"], row["overdue_fen"]) for row in answer["items"]}
        groups: dict[Any, list[TrueBill]] = defaultdict(list)
        for bill in scene.truth.overdue():
            groups[key_of(bill)].append(bill)
        right = {
            key: (len({b.row.household for b in bills}), len(bills), sum(b.open_fen for b in bills))
            for key, bills in groups.items()
        }
        yield from differences("the arrears summary", said, right, f"{group_by} ")
        total = sum(overdue for _, _, overdue in right.values())
        yield from differences(f"the arrears summary by {group_by}", {"overdue_fen": answer["overdue_fen"]},
                               {"overdue_fen": total})  # fmt: skip


def _key(group_by: str, row: dict[str, Any]) -> Any:
    return (row["estate"], row["key"]) if group_by == "building" else row["key"]


def cases(scene: Scene) -> Iterator[str]:
    """D1, D5: a household the ladder spoke to is listed until none of what was overdue then is; nobody without debt."""
    owing = {bill.row.household_id for bill in scene.truth.bills.values() if bill.open_fen}
    said = {scene.truth.households[row["household"]].id: row["household"] for row in scene.places.cases()}
    actions = scene.truth.rows("SELECT household_id, max(as_of) AS as_of FROM dunning_action GROUP BY household_id")
    last = {row.household_id: row.as_of for row in actions}
    for bill in scene.truth.overdue():
        spoken_of = last.get(bill.row.household_id)
        if spoken_of and bill.row.due_date < spoken_of and bill.row.household_id not in said:
            yield (f"{bill.row.household}: the list of dunning cases says nothing, the entries {bill.open_fen} open of "
                   f"bill {bill.row.id}, of which a step of {spoken_of} spoke")  # fmt: skip
    for household_id, code in said.items():
        if household_id not in owing:
            yield f"{code}: the list of dunning cases says that it owes, the entries nothing open"


def messages(scene: Scene) -> Iterator[str]:
    """F4, D1: a step taken after the last posting claims what was overdue on its day; who had a dispute is left out."""
    for step in scene.truth.rows(LATEST_STEPS):
        bills = scene.truth.by_household[step.code]
        right = sum(bill.open_on(step.as_of) for bill in bills if bill.row.due_date < step.as_of)
        yield from differences("a step of the ladder", {step.code: step.overdue_fen}, {step.code: right})
