"""The worked month of docs/billing.md, lived through and compared line by line (B4–B9, C1, C2)."""

import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from services.billing.charging.tariffs.cycles import BillingPolicy
from services.billing.charging.tariffs.policy import put_policy
from services.billing.charging.voids import handlers as voids
from services.billing.charging.voids.voiding import Void
from services.billing.receivables.allocation.handlers import allocate_payment
from services.billing.receivables.books import handlers as books
from services.billing.receivables.trial_balance import handlers as ledger
from services.billing.receivables.waivers import handlers as waivers
from services.billing.receivables.waivers.handlers import Ask
from services.billing.settings import Settings
from services.common.domain.access import Caller
from services.common.domain.money import yuan
from tests.support.billing.books import settled
from tests.support.billing.desk import ESTATES, FINANCE, TARIFFS, UNITS, Desk, manager

PAGE = Path(__file__).parents[4] / "docs/billing.md"
ROW = re.compile(r"^\| (\d{4}-\d\d-\d\d) \| ([^|]*) \| (\w+) \| (\w+) \| (\w+) \| ([\d.]+) \| (\w+) \|$", re.MULTILINE)
BALANCE = re.compile(r"^\| (\w+) \| (-?[\d.]+) \| (-?[\d.]+) \|$", re.MULTILINE)
HOMES = "GZ01,1,{n},{area},residential,occupied,H{n},王,1000000000{n}"


@pytest.fixture
def desk(database: Callable[[str], Engine]) -> Desk:
    return Desk(database("billing"), Settings())


def at(day: str) -> datetime:
    return datetime.fromisoformat(f"{day}T12:00:00+08:00")


def pay(desk: Desk, day: str, household: str, fen: int, channel: str) -> None:
    with Session(desk.engine) as session, session.begin():
        allocate_payment(session, settled(fen, day, household, channel=channel), desk.now)


def bill_of(desk: Desk, household: str, period: str) -> int:
    query = """SELECT b.id FROM bill b JOIN household h ON h.id = b.household_id
               WHERE h.code = :code AND b.period = :period AND b.voided_at IS NULL"""
    return int(desk.one(query, code=household, period=date.fromisoformat(f"{period}-01")))


def live(desk: Desk) -> None:
    """November and the first days of December of three families."""
    desk.load("estates", ESTATES, "GZ01,翠苑,华南,广州,residential,A,lump_sum,合同第七条")
    desk.load("units", UNITS, *(HOMES.format(n=n, area=area) for n, area in ((1, 100), (2, 50), (3, 80))))
    desk.load("tariffs", TARIFFS, "GZ01,property_fee,per_area,residential,2.80,2020-01-01,")
    desk.publish("GZ01")
    with Session(desk.engine) as session, session.begin():
        policy = BillingPolicy("monthly", "arrears", 15, 1, roll_to_working_day=False, notice_days=14)
        put_policy(session, FINANCE, "GZ01", policy)
    desk.now = at("2026-11-01")
    desk.run("2026-10")
    desk.now = at("2026-11-10")
    pay(desk, "2026-11-10", "H1", 30_000, "wechat")
    desk.now = at("2026-11-12")
    desk.load("units", UNITS, HOMES.format(n=2, area=60))
    with Session(desk.engine) as session, session.begin():
        void = Void(bill_of(desk, "H2", "2026-10"), "the area is 60 m²", reissue=True)
        voids.void_bill(session, FINANCE, uuid4(), void, desk.now)
    desk.now = at("2026-11-14")
    pay(desk, "2026-11-14", "H2", 16_800, "transfer")
    desk.now = at("2026-11-30")
    pay(desk, "2026-11-30", "H3", 10_000, "cash")
    desk.now = at("2026-12-01")
    desk.run("2026-11")
    desk.now = at("2026-12-05")
    pay(desk, "2026-12-05", "H3", 13_000, "cash")
    desk.now = at("2026-12-06")
    waive(desk, bill_of(desk, "H2", "2026-11"))
    desk.now = at("2026-12-08")
    with Session(desk.engine) as session, session.begin():
        books.close_month(session, FINANCE, "GZ01", "2026-11", desk.now)
    desk.now = at("2026-12-09")
    pay(desk, "2026-11-29", "H2", 15_120, "transfer")


def waive(desk: Desk, bill_id: int) -> None:
    """A tenth of H2's November, for the lift that was broken: asked for by the steward, granted by the manager."""
    steward = Caller(sub="steward-1", roles=frozenset({"steward"}), estates=frozenset({"GZ01"}))
    with Session(desk.engine) as session, session.begin():
        waiver_id = uuid4()
        waivers.request_waiver(
            session, steward, waiver_id, Ask([bill_id], "principal", "lift", Decimal("0.1")), desk.now
        )
        waivers.approve_waiver(session, manager("GZ01"), waiver_id, None, None, desk.now)


def test_b7_the_worked_month_of_the_page_is_what_the_ledger_says(desk: Desk) -> None:
    live(desk)
    rows = desk.rows("""
        SELECT booked_on, value_on, kind, debit_account, credit_account, amount_fen, h.code
        FROM ledger_entry e JOIN household h ON h.id = e.household_id ORDER BY e.id""")
    said = [
        (str(on), str(value) if value else "", kind, debit, credit, yuan(fen), code)
        for on, value, kind, debit, credit, fen, code in rows
    ]
    page = PAGE.read_text()
    assert [tuple(cell.strip() for cell in row) for row in ROW.findall(page)] == said


def test_b8_the_balances_of_the_page_are_those_of_the_close_and_of_today(desk: Desk) -> None:
    live(desk)
    with Session(desk.engine) as session:
        [close] = books.list_closes(session, FINANCE, "GZ01")["items"]
        today = ledger.trial_balance(session, FINANCE, "GZ01")
        assert today["imbalance_fen"] == 0
    closed = {line.account: line.balance_fen for line in close["balances"]}
    said = [(line.account, yuan(closed.get(line.account, 0)), yuan(line.balance_fen)) for line in today["accounts"]]
    assert BALANCE.findall(PAGE.read_text()) == said
