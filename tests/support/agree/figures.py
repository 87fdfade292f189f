"""What managers are told: dashboards, collection rates by every cut, and metrics, against the entries."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import date, timedelta
from typing import Any

from tests.support.agree.scene import Scene, differences
from tests.support.agree.truth import TrueBill, Truth, age_of, receivable_fen

WINDOWS = (("current", "billed"), ("cumulative", "billed"), ("recovery", "open"))
SUMS = ("billed_fen", "collected_fen", "waived_fen", "billed_count")
AGES = ("not_due", "1-15", "16-30", "31-60", "61-365", "365+")
AS_BEFORE = ("credit_applied", "waiver_carried", "discount_carried")
METRIC = "estateloop_receivable_fen"
RATE = "estateloop_collection_rate_ratio"


def dashboards(scene: Scene) -> Iterator[str]:
    """J1, D5: receivable by age, households and the three windows, of the group and of each estate."""
    for estate in (None, *scene.estates):
        bills = [bill for bill in scene.truth.bills.values() if estate in (None, bill.row.estate)]
        homes = [row for row in scene.truth.households.values() if estate in (None, row.estate)]
        ages = _ages(scene.truth, bills)
        late = {bill.row.household_id for bill in bills if bill.open_fen and scene.truth.overdue_days(bill) > 0}
        right = {
            "receivable_fen": sum(ages.values()),
            "overdue_fen": sum(ages.values()) - ages["not_due"],
            "receivable_by_bucket": ages,
            "households": len(homes),
            "overdue_households": len(late),
            **_windows(scene.truth, bills),
        }
        answer = scene.places.dashboard(estate)
        place = f"the dashboard of {estate or 'the group'}"
        yield from differences(place, {name: answer[name] for name in right}, right)
        for line in answer.get("estates", ()):
            of_estate = _windows(scene.truth, [bill for bill in bills if bill.row.estate == line["estate"]])
            said = {name: line[name] for name in of_estate}
            yield from differences(f"{place}, line {line['estate']},", said, of_estate)


def _ages(truth: Truth, bills: Iterable[TrueBill]) -> dict[str, int]:
    ages = dict.fromkeys(AGES, 0)
    for bill in bills:
        ages[age_of(truth.overdue_days(bill))] += bill.open_fen
    return ages


def _windows(truth: Truth, bills: list[TrueBill]) -> dict[str, Any]:
    """The three windows of today's month: due in it, due by today, and older with what came in since its first."""
    month = truth.today.replace(day=1)
    after = (month + timedelta(days=31)).replace(day=1)
    current = [bill for bill in bills if month <= bill.row.due_date < after]
    due = [bill for bill in bills if bill.row.due_date <= truth.today]
    old = [bill for bill in bills if bill.row.due_date < month]
    pairs = {
        "current": (sum(b.amount_fen for b in current), sum(b.paid_fen for b in current)),
        "cumulative": (sum(b.amount_fen for b in due), sum(b.paid_fen for b in due)),
        "recovery": (sum(_open_before(b, month) for b in old), sum(_paid_since(b, month) for b in old)),
    }
    return {
        name: value
        for window, whole in WINDOWS
        for name, value in (
            (f"{window}_{whole}_fen", pairs[window][0]),
            (f"{window}_collected_fen", pairs[window][1]),
            (f"{window}_rate", _share(*pairs[window])),
        )
    }


def _share(whole_fen: int, part_fen: int) -> float | None:
    """Between 0 and 1; what came back counts as nothing that came in."""
    return max(0, part_fen) / whole_fen if whole_fen > 0 else None


def _first_day(row: Any) -> date:
    """When a bill begins to count; a reissue as the one it replaces."""
    month_end = (row.period + timedelta(days=32)).replace(day=1) - timedelta(days=1)
    day: date = min(row.first_issued_on or row.issued_on, row.due_date, month_end)
    return day


def _figure_day(bill: TrueBill, entry: Any) -> date:
    """Prepaid balance and what a reissue takes over count from their own day; nothing before its bill."""
    day: date = entry.counts_on if entry.kind in AS_BEFORE else entry.booked_on
    return max(day, _first_day(bill.row))


def _is_waiver(entry: Any) -> bool:
    return bool((entry.debit_account, entry.credit_account) == ("fee_income", "receivable"))


def _settles(entry: Any) -> bool:
    return not (entry.debit_account == "receivable" and entry.credit_account in ("fee_income", "opening_equity"))


def _open_before(bill: TrueBill, day: date) -> int:
    """What was left of a bill when a day began."""
    settled = sum(receivable_fen(e) for e in bill.entries if _settles(e) and _figure_day(bill, e) < day)
    return bill.amount_fen + settled


def _paid_since(bill: TrueBill, day: date) -> int:
    entries = (e for e in bill.entries if _settles(e) and not _is_waiver(e) and _figure_day(bill, e) >= day)
    return -sum(map(receivable_fen, entries))


def rates(scene: Scene) -> Iterator[str]:
    """J1: billed, collected, waived and the three windows, by seven cuts; no rate is outside 0–1."""
    for group_by, key_of in _keys(scene.truth).items():
        groups: dict[Any, list[TrueBill]] = defaultdict(list)
        for bill in scene.truth.bills.values():
            groups[key_of(bill)].append(bill)
        right = {key: _sums(bills) | _windows(scene.truth, bills) for key, bills in groups.items()}
        place = f"the collection rate by {group_by}"
        names = next(iter(right.values()), {})
        rows = scene.places.rates(group_by, scene.truth.today, windows=True)
        said = {_key(group_by, row): {name: row[name] for name in names} for row in rows}
        yield from differences(place, _of_something(said), _of_something(right))
        yield from _out_of_range(place, rows)


def _of_something(groups: dict[Any, dict[str, Any]]) -> dict[Any, dict[str, Any]]:
    """A group in which nothing stands may have a line or none."""
    return {key: sums for key, sums in groups.items() if any(sums[name] for name in sums)}


def rates_of_months(scene: Scene) -> Iterator[str]:
    """J1: the bills of a period and those due in a month, with the households that paid them in full."""
    for window in ("period", "due_in"):
        by_month: dict[str, list[TrueBill]] = defaultdict(list)
        for bill in scene.truth.bills.values():
            day = bill.row.period if window == "period" else bill.row.due_date
            by_month[f"{day:%Y-%m}"].append(bill)
        for month in sorted(month for month in by_month if "1900-01" <= month <= "2999-12")[-2:]:
            rows = scene.places.rates("estate", scene.truth.today, households=True, **{window: month})
            place = f"the collection rate of {window} {month}"
            groups: dict[str, list[TrueBill]] = defaultdict(list)
            for bill in by_month[month]:
                groups[bill.row.estate].append(bill)
            right = {estate: _sums(bills) | _households(bills) for estate, bills in groups.items()}
            names = next(iter(right.values()))
            said = {row["key"]: {name: row[name] for name in names} for row in rows if row["billed_count"]}
            yield from differences(place, said, right)
            yield from _out_of_range(place, rows)


def rates_of_past_days(scene: Scene) -> Iterator[str]:
    """J1: on the last days of months gone by, too, a rate is a number between 0 and 1."""
    day = scene.truth.today.replace(day=1) - timedelta(days=1)
    for as_of in (day, day.replace(day=1) - timedelta(days=1), scene.truth.today - timedelta(days=1)):
        for group_by in ("estate", "fee_item"):
            rows = scene.places.rates(group_by, as_of, windows=True)
            yield from _out_of_range(f"the collection rate by {group_by} as of {as_of}", rows)


def _keys(truth: Truth) -> dict[str, Callable[[TrueBill], Any]]:
    return {
        "group": lambda _bill: "group",
        "region": lambda bill: bill.row.region,
        "estate": lambda bill: bill.row.estate,
        "building": lambda bill: (bill.row.estate, bill.row.building),
        "steward": truth.steward_of,
        "fee_item": lambda bill: bill.row.fee_item,
        "period": lambda bill: f"{bill.row.period:%Y-%m}",
    }


def _key(group_by: str, row: dict[str, Any]) -> Any:
    return (row["estate"], row["key"]) if group_by == "building" else row["key"]


def _sums(bills: list[TrueBill]) -> dict[str, Any]:
    sums = (sum(b.amount_fen for b in bills), sum(b.paid_fen for b in bills), sum(b.waived_fen for b in bills))
    return dict(zip(SUMS, (*sums, len(bills)), strict=True))


def _households(bills: list[TrueBill]) -> dict[str, int]:
    homes: dict[int, list[TrueBill]] = defaultdict(list)
    for bill in bills:
        homes[bill.row.household_id].append(bill)
    paid = [h for h in homes.values() if not sum(b.open_fen for b in h) and sum(b.paid_fen for b in h) > 0]
    return {"households_billed": len(homes), "households_paid": len(paid)}


def _out_of_range(place: str, rows: Iterable[dict[str, Any]]) -> Iterator[str]:
    for row in rows:
        for name in ("rate", "household_rate", *(f"{window}_rate" for window, _ in WINDOWS)):
            if row[name] is not None and not 0 <= row[name] <= 1:
                yield f"{row['key']}: {place} says {name} {row[name]}, a rate is between 0 and 1"


def metrics(scene: Scene) -> Iterator[str]:
    """J1, B7: what Prometheus has of receivable, rates and imbalance."""
    truth = scene.truth
    right: dict[tuple[str, ...], float] = {("estateloop_ledger_imbalance_fen",): 0.0}
    for estate in {row.code for row in truth.rows("SELECT code FROM estate")}:
        bills = [bill for bill in truth.bills.values() if bill.row.estate == estate]
        right |= {(METRIC, bucket, estate): float(fen) for bucket, fen in _ages(truth, bills).items()}
        shares = {window: _windows(truth, bills)[f"{window}_rate"] for window, _ in WINDOWS}
        right |= {(RATE, estate, window): share for window, share in shares.items() if share is not None}
    yield from differences("a metric", scene.places.metrics(), right)
