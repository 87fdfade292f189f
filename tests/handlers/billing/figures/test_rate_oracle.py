"""J1, D5, B7: figures against an oracle that adds up bills and ledger entries one by one, over random histories."""

import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, Row, text
from sqlalchemy.orm import Session

from services.billing.collections.dunning.measures.arrears import ArrearsCut, arrears_summary, list_arrears
from services.billing.figures.rates import handlers
from services.billing.figures.rates.handlers import RateCut
from services.billing.figures.rates.metrics import figure_families
from services.billing.figures.rates.rules import BUCKET_LABELS
from services.billing.receivables.trial_balance.handlers import imbalance_fen
from tests.support.billing.lived import FIRST, LAST, SYSTEM, Lived

BILLS = """SELECT b.*, e.code AS estate, e.region, h.code AS household FROM bill b JOIN estate e ON e.id = b.estate_id
           JOIN household h ON h.id = b.household_id"""
TODAY = LAST + timedelta(days=1)
DAYS = [date(2025, 12, 1), FIRST, date(2026, 8, 15), date(2026, 9, 29), date(2026, 9, 30), LAST, date(2027, 3, 1)]
SUMS = ("billed_fen", "collected_fen", "waived_fen", "billed_count")


def is_payer(account: str) -> bool:
    return account.startswith("cash_") or account in ("customer_credit", "opening_equity")


def first_day(bill: Row[Any]) -> date:
    """When a bill begins to count; a reissue as the one it replaces."""
    month_end = (bill.period + timedelta(days=32)).replace(day=1) - timedelta(days=1)
    day: date = min(bill.first_issued_on or bill.issued_on, bill.due_date, month_end)
    return day


def rolled_on(bill: Row[Any], entry: Row[Any]) -> date:
    """Prepaid balance and what a reissue keeps count from their own day; nothing before its bill."""
    is_dated_back = entry.kind in ("credit_applied", "waiver_carried", "discount_carried")
    on: date = entry.value_on or entry.booked_on if is_dated_back else entry.booked_on
    return max(on, first_day(bill))


@dataclass
class Oracle:
    """Reads each bill that stands, with its entries, and adds up in plain loops, without any rollup or kept sum."""

    session: Session

    def __post_init__(self) -> None:
        self.bills = self.session.execute(text(f"{BILLS} WHERE b.voided_at IS NULL")).all()
        self.bill_by_id = {row.id: row for row in self.bills}
        self.entries: dict[int, list[Row[Any]]] = {row.id: [] for row in self.bills}
        for entry in self.session.execute(text("SELECT * FROM ledger_entry WHERE bill_id IS NOT NULL ORDER BY id")):
            self.entries.setdefault(entry.bill_id, []).append(entry)
        self.terms = self.session.execute(text("SELECT t.*, e.code AS estate FROM stewardship t JOIN estate e "
                                               "ON e.id = t.estate_id ORDER BY from_date")).all()  # fmt: skip

    def steward(self, estate: str, building: str, on: date) -> str | None:
        terms = [t for t in self.terms if (t.estate, t.building) == (estate, building)]
        here = [t for t in terms if t.from_date <= on and (t.to_date is None or on <= t.to_date)]
        first = [t for t in terms[:1] if on < t.from_date]
        return next((t.staff_code for t in here + first), None)

    def received(self, bill_id: int, until: date, since: date = date.min) -> int:
        fen = 0
        for e in self.entries[bill_id]:
            if since <= rolled_on(self.bill_by_id[bill_id], e) <= until:
                fen += e.amount_fen * (e.credit_account == "receivable" and is_payer(e.debit_account))
                fen -= e.amount_fen * (e.debit_account == "receivable" and is_payer(e.credit_account)
                                       and e.kind != "opening_bill")  # fmt: skip
        return fen

    def waived(self, bill_id: int, until: date, since: date = date.min) -> int:
        given = [
            e for e in self.entries[bill_id] if (e.debit_account, e.credit_account) == ("fee_income", "receivable")
        ]
        bill = self.bill_by_id[bill_id]
        return sum(e.amount_fen for e in given if since <= rolled_on(bill, e) <= until)

    def key(self, bill: Row[Any], group_by: str, as_of: date) -> Any:
        steward = self.steward(bill.estate, bill.building, as_of)
        return {
            "group": "group", "region": bill.region, "estate": bill.estate, "building": (bill.estate, bill.building),
            "steward": steward, "fee_item": bill.fee_item, "period": f"{bill.period:%Y-%m}",
        }[group_by]  # fmt: skip

    def among(self, as_of: date, cut: dict[str, Any]) -> Iterator[Row[Any]]:
        for bill in self.bills:
            shape = {"period": f"{bill.period:%Y-%m}", "due_in": f"{bill.due_date:%Y-%m}", "estate": bill.estate,
                     "building": bill.building, "fee_item": bill.fee_item}  # fmt: skip
            shape["steward"] = self.steward(bill.estate, bill.building, as_of) or ""
            if all(shape[name] == value for name, value in cut.items()):
                yield bill

    def rates(self, group_by: str, as_of: date, **cut: Any) -> dict[Any, dict[str, int]]:
        found: dict[Any, dict[str, int]] = {}
        for bill in self.among(as_of, cut):
            sums = found.setdefault(self.key(bill, group_by, as_of), dict.fromkeys(SUMS, 0))
            if cut.keys() & {"period", "due_in"} or first_day(bill) <= as_of:
                sums["billed_fen"] += bill.amount_fen
                sums["billed_count"] += 1
            sums["collected_fen"] += self.received(bill.id, as_of)
            sums["waived_fen"] += self.waived(bill.id, as_of)
        return {key: sums for key, sums in found.items() if any(sums.values())}

    def windows(self, group_by: str, as_of: date, **cut: Any) -> dict[Any, dict[str, int]]:
        month = as_of.replace(day=1)
        after = (month + timedelta(days=32)).replace(day=1)
        names = [f"{w}_{s}_fen" for w, s in (("current", "billed"), ("cumulative", "billed"), ("recovery", "open"))]
        names += [f"{w}_collected_fen" for w in ("current", "cumulative", "recovery")]
        found: dict[Any, dict[str, int]] = {}
        for bill in self.among(as_of, cut):
            sums = found.setdefault(self.key(bill, group_by, as_of), dict.fromkeys(names, 0))
            billed = bill.amount_fen
            if month <= bill.due_date < after:
                sums["current_billed_fen"] += billed
                sums["current_collected_fen"] += self.received(bill.id, as_of)
            if bill.due_date <= as_of:
                sums["cumulative_billed_fen"] += billed
                sums["cumulative_collected_fen"] += self.received(bill.id, as_of)
            if bill.due_date < month:
                before = month - timedelta(days=1)
                sums["recovery_open_fen"] += billed - self.received(bill.id, before) - self.waived(bill.id, before)
                sums["recovery_collected_fen"] += self.received(bill.id, as_of, month)
        return {key: sums for key, sums in found.items() if any(sums.values())}

    def overdue(self, today: date) -> Iterator[dict[str, Any]]:
        for bill in self.bills:
            days = (today - bill.due_date).days
            fen = bill.amount_fen - self.received(bill.id, date.max) - self.waived(bill.id, date.max)
            bounds = ((15, "1-15"), (30, "16-30"), (60, "31-60"), (365, "61-365"), (days, "365+"))
            if days > 0:
                yield {
                    "household": bill.household, "estate": bill.estate, "building": bill.building, "fen": fen,
                    "days": days, "bucket": next(name for last, name in bounds if days <= last),
                    "steward": self.steward(bill.estate, bill.building, today),
                }  # fmt: skip

    def households(self, group_by: str, as_of: date, **cut: Any) -> dict[Any, tuple[int, int]]:
        left: dict[Any, dict[int, list[int]]] = {}
        for bill in self.among(as_of, cut):
            one = left.setdefault(self.key(bill, group_by, as_of), {}).setdefault(bill.household_id, [0, 0])
            paid = self.received(bill.id, as_of)
            one[0] += bill.amount_fen - paid - self.waived(bill.id, as_of)
            one[1] += paid
        return {key: (len(homes), sum(owes == 0 and paid > 0 for owes, paid in homes.values()))
                for key, homes in left.items()}  # fmt: skip


@pytest.fixture
def engine(database: Callable[[str], Engine]) -> Engine:
    return database("billing")


def asked(session: Session, group_by: Any, as_of: date, **cut: Any) -> dict[Any, dict[str, Any]]:
    found = handlers.collection_rates(session, SYSTEM, RateCut(group_by, **cut), as_of)["items"]
    keys = [(item["estate"], item["key"]) if group_by == "building" else item["key"] for item in found]
    assert len(set(keys)) == len(keys)
    return dict(zip(keys, found, strict=True))


def only(items: dict[Any, dict[str, Any]], names: tuple[str, ...]) -> dict[Any, dict[str, int]]:
    found = {key: {name: item[name] for name in names} for key, item in items.items()}
    return {key: sums for key, sums in found.items() if any(sums.values())}


CUTS: list[dict[str, str]] = [
    {}, {"estate": "E1"}, {"estate": "E1", "building": "2"}, {"building": "1"}, {"building": "3"}, {"steward": "S1"},
    {"steward": "S3", "fee_item": "lift"}, {"fee_item": "arrears"}, {"estate": "E1", "steward": "S4", "building": "1"},
    {"steward": "nobody"}, {"estate": "E2", "fee_item": "property_fee", "building": "2", "steward": "S3"},
]  # fmt: skip
WHEN: list[dict[str, str]] = [{}, {"period": "2026-08"}, {"due_in": "2026-09"}, {"period": "2025-03"}]
STANDING = ("current", "cumulative", "recovery")
GROUPS = ("group", "region", "estate", "building", "steward", "fee_item", "period")


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_j1_every_cut_of_a_random_history_is_what_bills_and_ledger_add_up_to(engine: Engine, seed: int) -> None:
    lived = Lived(engine, random.Random(seed))
    lived.live()
    with Session(engine) as session:
        assert imbalance_fen(session) == 0
        oracle = Oracle(session)
        questions = [cut | when for cut in CUTS for when in WHEN]
        for as_of in DAYS:
            for group_by in GROUPS:
                for cut in lived.chance.sample(questions, 5):
                    compare(session, oracle, group_by, as_of, cut)
        told = handlers.rollup_check(session, SYSTEM, None)
        assert (told["rollups"]["differences"], told["totals"]["differences"]) == (0, 0)


def compare(session: Session, oracle: Oracle, group_by: str, as_of: date, cut: dict[str, str]) -> None:
    about = (group_by, as_of, cut)
    dated = bool(cut.keys() & {"period", "due_in"})
    items = asked(session, group_by, as_of, windows=not dated, households=dated, **cut)
    assert only(items, SUMS) == oracle.rates(group_by, as_of, **cut), about
    for item in items.values():
        whole = item["billed_fen"]
        assert item["rate"] is None or 0 <= item["rate"] <= 1, (about, item)
        assert whole or not item["collected_fen"], (about, item)
        assert dated or all(0 <= (item[f"{name}_rate"] or 0) <= 1 for name in STANDING), (about, item)
        assert item["rate"] == (item["collected_fen"] / whole if whole > 0 else None), about
    if dated:
        counted = {key: (item["households_billed"], item["households_paid"]) for key, item in items.items()}
        expected = oracle.households(group_by, as_of, **cut)
        assert {key: pair for key, pair in counted.items() if any(pair)} == expected, about
    else:
        windows = oracle.windows(group_by, as_of, **cut)
        names = tuple(next(iter(windows.values()), {}))
        assert only(items, names) == windows, about


def test_j1_the_metrics_are_the_oracle_s(engine: Engine) -> None:
    Lived(engine, random.Random(4)).live()
    with Session(engine) as session:
        oracle = Oracle(session)
        families = {family.name: family for family in figure_families(session, LAST)}
        told = {tuple(s.labels.values()): s.value for s in families["estateloop_collection_rate_ratio"].samples}
        expected = {}
        for estate, sums in oracle.windows("estate", LAST).items():
            for window, whole in (("current", "billed"), ("cumulative", "billed"), ("recovery", "open")):
                if sums[f"{window}_{whole}_fen"] > 0:
                    share = sums[f"{window}_collected_fen"] / sums[f"{window}_{whole}_fen"]
                    expected[estate, window] = share
        assert told == expected


def test_d5_arrears_are_the_oracle_s_however_they_are_cut_paged_or_added_up(engine: Engine) -> None:
    lived = Lived(engine, random.Random(5))
    lived.live()
    with Session(engine) as session:
        overdue = [row for row in Oracle(session).overdue(TODAY) if row["fen"]]
        metric = handlers.estate_buckets(session, TODAY)
        for estate, ages in metric.items():
            told = {name: fen for name, fen in ages.items() if name != "not_due"}
            assert told == ages_of(row for row in overdue if row["estate"] == estate)
        for cut in ({}, {"estate": "E1"}, {"building": "1"}, {"steward": "S3"}, {"bucket": "61-365"},
                    {"estate": "E1", "building": "2", "bucket": "365+"}, {"cause": "unknown", "steward": "S4"},
                    {"steward": "nobody"}):  # fmt: skip
            compare_arrears(session, overdue, cut)


def ages_of(rows: Iterable[dict[str, Any]]) -> dict[str, int]:
    found = dict.fromkeys(BUCKET_LABELS[1:], 0)
    for row in rows:
        found[row["bucket"]] += row["fen"]
    return found


def compare_arrears(session: Session, overdue: list[dict[str, Any]], cut: dict[str, Any]) -> None:
    wanted = {name: value for name, value in cut.items() if name not in ("bucket", "cause")}
    rows = [row for row in overdue if all(row[name] == value for name, value in wanted.items())]
    homes: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        homes.setdefault(row["household"], []).append(row)
    oldest = {home: max(bills, key=lambda row: row["days"])["bucket"] for home, bills in homes.items()}
    if "bucket" in cut:
        homes = {home: bills for home, bills in homes.items() if oldest[home] == cut["bucket"]}
    items = paged(session, cut)
    assert {item["household"]: item["buckets"] for item in items} == {h: ages_of(b) for h, b in homes.items()}, cut
    assert all(item["bucket"] == oldest[item["household"]] for item in items)
    assert len(items) == len({item["household"] for item in items})
    for group_by in ("bucket", "amount", "cause", "building", "steward"):
        groups = arrears_summary(session, SYSTEM, ArrearsCut(**cut), group_by, TODAY)["items"]
        if "bucket" not in cut or group_by in ("bucket", "amount", "cause"):
            assert ages_sum([g["buckets"] for g in groups]) == ages_sum([item["buckets"] for item in items]), cut
        for group in groups:
            key = {group_by: group["key"], **({"estate": group["estate"]} if group_by == "building" else {})}
            if group_by != "amount" and group["key"] is not None:
                assert group["buckets"] == ages_sum([item["buckets"] for item in paged(session, cut | key)]), cut | key


def paged(session: Session, cut: dict[str, Any]) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        page = list_arrears(session, SYSTEM, ArrearsCut(**cut), 3, cursor, TODAY)
        items += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return items


def ages_sum(ages: list[dict[str, int]]) -> dict[str, int]:
    return {name: sum(each[name] for each in ages) for name in BUCKET_LABELS[1:]}
