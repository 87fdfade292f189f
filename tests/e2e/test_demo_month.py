"""`make demo` on a running stack: every figure it tells is computed again from billing's own books, to the fen.

The demo is run as a user runs it, as a program over HTTP. The books are read by SQL, restricted to the demo's estates
and to what was written while the month was lived; the bill amounts are worked out again from areas and prices.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, bindparam, create_engine, text

from local.supervisor import Stack
from services.common.domain.calendar import add_months
from services.common.domain.money import half_up

ROOT = Path(__file__).parents[2]
PAYERS = 40
CHANNELS = ("wechat", "pos", "cash")


class Ledger:
    """Billing's books of the demo's estates; `since`: the last entry before the month was lived."""

    def __init__(self, connection: Connection, estates: list[str]) -> None:
        self._connection, self._estates = connection, estates
        self.since = int(connection.execute(text("SELECT coalesce(max(id), 0) FROM ledger_entry")).scalar_one())
        self.actions_before = self.value("SELECT count(*) FROM dunning_action d {ours}", "d")

    def rows(self, query: str, table: str, **values: object) -> list[Any]:
        """Rows of a query; `{ours}` in it joins the demo's estates to `table`."""
        ours = f"JOIN estate e ON e.id = {table}.estate_id AND e.code IN :estates"
        statement = text(query.format(ours=ours)).bindparams(bindparam("estates", expanding=True))
        found = self._connection.execute(statement, {"estates": self._estates, "since": self.since, **values})
        return list(found.fetchall())

    def value(self, query: str, table: str, **values: object) -> int:
        """The one number a query answers."""
        return int(self.rows(query, table, **values)[0][0])

    def entries(self, where: str, **values: object) -> int:
        """Fen of the ledger entries written while the month was lived."""
        query = f"SELECT coalesce(sum(l.amount_fen), 0) FROM ledger_entry l {{ours}} WHERE l.id > :since AND {where}"
        return self.value(query, "l", **values)

    def month(self, side: str, period: date, until: int | None = None) -> int:
        """Fen that the bills of a month put on a side ("debit", "credit") of the receivable, up to an entry."""
        query = (
            "SELECT coalesce(sum(l.amount_fen), 0) FROM ledger_entry l {ours} JOIN bill b ON b.id = l.bill_id "
            f"WHERE b.period = :period AND l.{side}_account = 'receivable' AND l.id <= :until"
        )
        return self.value(query, "l", period=period, until=2**62 if until is None else until)


def demo(stack: Stack, *arguments: str) -> str:
    """Run the demo as a user would; what it printed."""
    command = [sys.executable, "-m", "demo", *arguments, "--url", stack.url]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, f"{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    assert "Traceback" not in done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def books(stack: Stack) -> Iterator[Ledger]:
    """The books of the loaded portfolio, remembered as they were before the month."""
    demo(stack, "load")
    engine = create_engine(stack.database_url("billing"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        codes = connection.execute(text("SELECT code FROM estate WHERE code LIKE 'DM%' ORDER BY code")).scalars()
        yield Ledger(connection, list(codes))
    engine.dispose()


@pytest.fixture(scope="module")
def told(stack: Stack, books: Ledger, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The figures of one month, as the demo wrote them; `story` is what it printed."""
    file = tmp_path_factory.mktemp("demo") / "figures.json"
    story = demo(stack, "month", "--payers", str(PAYERS), "--json", str(file))
    figures: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return figures | {"story": story}


def month_of(told: dict[str, Any]) -> date:
    return date.fromisoformat(f"{told['period']}-01")


def test_every_check_of_the_story_holds(told: dict[str, Any]) -> None:
    assert told["checks"]
    assert [check["what"] for check in told["checks"] if not check["held"]] == []
    assert told["estates"] == ["DM001", "DM002", "DM003"]
    assert "✗" not in told["story"]


def test_bills_are_area_times_price_and_each_was_issued_once(told: dict[str, Any], books: Ledger) -> None:
    query = (
        "SELECT b.amount_fen, t.method, u.area_m2, t.unit_price, u.status, t.vacancy_ratio, b.due_date FROM bill b "
        "{ours} JOIN unit u ON u.id = b.unit_id JOIN tariff t ON t.id = b.tariff_id WHERE b.period = :period"
    )
    bills = books.rows(query, "b", period=month_of(told))
    for amount, method, area, price, status, vacancy, due in bills:
        ratio = vacancy if status == "vacant" and vacancy is not None else Decimal(1)
        assert amount == half_up((area if method == "per_area" else Decimal(1)) * price * ratio * 100)
        assert due.isoformat() == told["due_date"]
    units = books.value("SELECT count(*) FROM unit u {ours}", "u")
    assert told["bills"] == len(bills) == units
    assert told["billed_fen"] == told["month_billed_fen"] == sum(bill.amount_fen for bill in bills)
    assert told["billed_fen"] == books.entries("l.kind = 'bill_issued'") == books.month("debit", month_of(told))
    assert told["bills_by_second_run"] == 0


def test_payments_by_channel_are_what_billing_posted_each_once(told: dict[str, Any], books: Ledger) -> None:
    posted = books.rows(
        "SELECT p.channel, count(*), count(DISTINCT p.payment_id), sum(p.amount_fen) FROM payment_posting p {ours} "
        "GROUP BY p.channel",
        "p",
    )
    assert {row[0] for row in posted} <= set(CHANNELS)
    for channel, count, distinct, amount in posted:
        assert told["payments"][channel] == {"count": count, "amount_fen": amount}
        assert count == distinct
        assert amount == books.entries("l.debit_account = :cash", cash=f"cash_{channel}")
    assert told["paid_fen"] == sum(row[3] for row in posted)
    assert sum(told["payments"][channel]["count"] for channel in CHANNELS) >= PAYERS
    assert told["notified_twice"] == told["payments"]["wechat"]["count"] > 0


def test_collected_late_fees_and_credit_are_what_the_ledger_says(told: dict[str, Any], books: Ledger) -> None:
    assert told["collected_fen"] == books.entries("l.kind = 'payment_principal' AND l.credit_account = 'receivable'")
    assert told["late_fee_fen"] == books.entries("l.credit_account = 'late_fee_income'")
    assert told["credit_fen"] == books.entries("l.credit_account = 'customer_credit'")
    assert told["paid_fen"] == told["collected_fen"] + told["late_fee_fen"] + told["credit_fen"]
    assert told["late_fee_fen"] > 0


def test_the_rates_before_and_after_are_the_ledgers(told: dict[str, Any], books: Ledger) -> None:
    month = month_of(told)
    billed = books.month("debit", month)
    before, after = books.month("credit", month, until=books.since), books.month("credit", month)
    assert (told["month_collected_before_fen"], told["month_collected_fen"]) == (before, after)
    assert (told["rate_before"], told["rate_after"]) == (before / billed, after / billed)
    assert told["rate_after"] > told["rate_before"]


def test_the_dunning_steps_are_the_actions_on_the_books(told: dict[str, Any], books: Ledger) -> None:
    actions = "SELECT count(*) FROM dunning_action d {ours}"
    taken = books.value(actions, "d") - books.actions_before
    assert taken == sum(sweep["actions"] for sweep in told["sweeps"]) > 0
    due = date.fromisoformat(told["due_date"])
    assert due >= add_months(month_of(told), 1, 15)
    days = [due - timedelta(days=7), due - timedelta(days=1), *[due + timedelta(days=1)] * (len(told["sweeps"]) - 2)]
    assert [sweep["as_of"] for sweep in told["sweeps"]] == [day.isoformat() for day in days]
    for day in set(days):
        of_day = sum(sweep["actions"] for sweep in told["sweeps"] if sweep["as_of"] == day.isoformat())
        assert of_day == books.value(f"{actions} WHERE d.as_of = :day", "d", day=day)


def test_the_trial_balance_is_even_and_the_receivable_is_what_the_bills_leave_open(
    told: dict[str, Any], books: Ledger
) -> None:
    moved = (
        "SELECT coalesce(sum(CASE WHEN l.debit_account = 'receivable' THEN l.amount_fen ELSE 0 END), 0) "
        "- coalesce(sum(CASE WHEN l.credit_account = 'receivable' THEN l.amount_fen ELSE 0 END), 0) "
        "FROM ledger_entry l {ours}"
    )
    still_open = "SELECT sum(b.amount_fen - b.paid_fen - b.waived_fen) FROM bill b {ours} WHERE b.voided_at IS NULL"
    assert books.value(moved, "l") == books.value(still_open, "b")
    one_sided = "SELECT count(*) FROM ledger_entry l {ours} WHERE l.debit_account = l.credit_account"
    assert told["trial_balance"] == {"difference_fen": books.value(one_sided, "l")}
