"""kill -9 of services, relay and gateway at random points, and both servers restarted, while money moves.

`ESTATELOOP_CHAOS_KILLS` (50) and `ESTATELOOP_CHAOS_PAYMENTS` (2,000) set the length; `make chaos` takes more kills.
The seed is printed: the same seed kills the same programs in the same order.
"""

import os
import random
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid5

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import create_engine, text

from local.private import private_home
from local.processes import ProcessError
from local.supervisor import Stack
from services.common.database import SERVICES
from services.common.domain.calendar import add_months, business_date, format_period
from tests.support.agree.everywhere import agree_everywhere
from tests.support.api import Api
from tests.support.estates import SmallEstate
from tests.support.processes import free_port
from tests.support.waiting import until

KILLS = int(os.environ.get("ESTATELOOP_CHAOS_KILLS", "50"))
PAYMENTS = int(os.environ.get("ESTATELOOP_CHAOS_PAYMENTS", "2000"))
SEED = int(os.environ.get("ESTATELOOP_CHAOS_SEED", "20261121"))
VICTIMS = [*SERVICES, "relay", "gateway"]
ESTATES = 4
WECHAT_SHARE = 5  # every fifth payment goes through the channel, notified twice; the others are cash at the desk
FLAT_FEN = 20523
CLIENTS = 8
WINDOWS = {"current": "billed", "cumulative": "billed", "recovery": "open"}
KEYS = UUID("5b3f1d9e-3a51-4f37-9c43-0b7f6c1f7c55")


@dataclass
class Chaos:
    """Kills until told to stop, then lets everything come back."""

    stack: Stack
    kills: Counter[str] = field(default_factory=Counter)
    restarts: Counter[str] = field(default_factory=Counter)
    stopping: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        chance = random.Random(SEED)
        restarts = {KILLS // 4: "rabbitmq", KILLS // 2: "postgres", 3 * KILLS // 4: "rabbitmq"}
        while sum(self.kills.values()) < KILLS and not self.stopping.is_set():
            self._kill(chance.choice(VICTIMS))
            if server := restarts.get(sum(self.kills.values())):
                getattr(self.stack, f"restart_{server}")(kill=True)
                self.restarts[server] += 1
            self.stopping.wait(chance.uniform(0.2, 1.2))

    def _kill(self, victim: str) -> None:
        """A victim that is still down from the last kill, or just going down, is no kill."""
        if victim in self.stack.pids():
            try:
                self.stack.kill(victim)
            except ProcessError:
                return
            self.kills[victim] += 1


class Cashier:
    """A front end that repeats a request with its key until it has an answer, as the contract lets it."""

    def __init__(self, url: str) -> None:
        self.api = Api(url)

    def pay(self, number: int, household: str) -> str:
        channel = "wechat" if number % WECHAT_SHARE == 0 else "cash"
        body = {"household": household, "channel": channel, "amount_fen": FLAT_FEN}
        payment = self.insist("/v1/payments", body, f"pay-{number}")
        if channel == "wechat":
            until(lambda: self.code_shows(str(payment["id"])), "the QR code shows, for nobody can pay before", 120)
            self.insist(f"/v1/sandbox/payments/{payment['id']}/pay", {"repeat": 2}, None)
        return str(payment["id"])

    def code_shows(self, payment_id: str) -> bool:
        """Whether there is something to scan; a killed service places the order when it is back."""
        try:
            answer = self.api.call("GET", f"/v1/payments/{payment_id}")
        except httpx.TransportError:
            return False
        return answer.is_success and bool(answer.json().get("qr_code"))

    def insist(self, path: str, body: dict[str, object], key: str | None) -> dict[str, object]:
        headers = {"Idempotency-Key": str(uuid5(KEYS, key))} if key else {}
        answers: list[str] = []

        def asked() -> dict[str, object] | None:
            try:
                answer = self.api.call("POST", path, json=body, headers=headers)
            except httpx.TransportError as error:
                answers.append(repr(error))
                return None
            answers.append(f"{answer.status_code} {answer.text[:300]}")
            retriable = answer.status_code >= 500 or answer.status_code in {409, 429}
            assert answer.is_success or retriable, f"{path}: {answers[-3:]}"
            return answer.json() if answer.is_success else None

        try:
            return until(asked, f"{path} is answered", deadline=120)
        except AssertionError as error:
            raise AssertionError(f"{error}; last answers: {answers[-3:]}") from None


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with private_home() as home, Stack(home=home, port=free_port(), demo=False, durable=False) as running:
        yield running


def rows(stack: Stack, service: str, query: str, **values: object) -> list[tuple[object, ...]]:
    engine = create_engine(stack.database_url(service).replace("postgresql://", "postgresql+psycopg2://"))
    try:
        with engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(query), values)]
    finally:
        engine.dispose()


def one(stack: Stack, service: str, query: str, **values: object) -> object:
    return rows(stack, service, query, **values)[0][0]


def test_nothing_is_lost_or_doubled(stack: Stack) -> None:
    print(f"seed {SEED}, {KILLS} kills, {PAYMENTS} payments")
    estates = [SmallEstate(f"CH{number}", flats=PAYMENTS // ESTATES, region="West") for number in range(ESTATES)]
    api = Api(stack.url)
    for estate in estates:
        estate.load(api)
    households = [household for estate in estates for household in estate.households]
    month = add_months(business_date(datetime.now(UTC)), -3, 1)
    # the second month's bills are due in this one, so that all three windows of the collection rate have something
    period, later = format_period(month), format_period(add_months(month, 2))
    for estate in estates:
        due = add_months(month, 1, 15).isoformat()
        assert api.load("opening_balances", estate.opening(period, due))["created"] == estate.flats
        api.give_notice(estate.code, 0)

    chaos = Chaos(stack)
    killer = threading.Thread(target=chaos.run)
    killer.start()
    try:
        paid = move_money(stack, households, later, add_months(month, 1, 15) + timedelta(days=1))
        killer.join(timeout=600)
    finally:
        chaos.stopping.set()
        killer.join()
    stack.wait_ready()
    print(f"killed: {dict(chaos.kills)}, servers killed and started again: {dict(chaos.restarts)}")
    assert sum(chaos.kills.values()) >= KILLS
    assert chaos.restarts.keys() == {"rabbitmq", "postgres"}

    drained(stack, len(paid))
    check_money(stack, paid, bills=2 * PAYMENTS)
    check_messages(stack, len(paid))
    check_rates(stack, households)
    disagreements = agree_everywhere(stack)
    assert not disagreements, "\n".join(disagreements)


def move_money(stack: Stack, households: list[str], later: str, sweep_on: date) -> list[str]:
    """2,000 payments, a bill run and a sweep, all under fire; the payments' ids."""
    local = threading.local()

    def pay(order: tuple[int, str]) -> str:
        if not hasattr(local, "cashier"):
            local.cashier = signed_in(stack)
        return str(local.cashier.pay(*order))

    with ThreadPoolExecutor(CLIENTS) as pool:
        payments = [pool.submit(pay, order) for order in enumerate(households)]
        manager = signed_in(stack)
        run = manager.insist("/v1/bill-runs", {"period": later}, "bill-run")
        sweep = manager.insist("/v1/dunning/sweeps", {"as_of": sweep_on.isoformat()}, "sweep")
        paid = [payment.result() for payment in payments]
    for query in (f"/v1/bill-runs/{run['id']}", f"/v1/dunning/sweeps/{sweep['id']}"):
        until(lambda query=query: ended(manager, query), f"{query} ends", 180)
    return paid


def signed_in(stack: Stack) -> Cashier:
    """A cashier who waits for the gateway when it is down just now."""

    def attempt() -> Cashier | None:
        try:
            return Cashier(stack.url)
        except (httpx.TransportError, AssertionError):
            return None

    return until(attempt, "signing in works", 60)


def ended(manager: Cashier, path: str) -> bool:
    try:
        answer = manager.api.call("GET", path)
    except httpx.TransportError:
        return False
    return answer.is_success and answer.json()["status"] == "done"


def drained(stack: Stack, payments: int) -> None:
    """Wait until every service has nothing left to say and every payment its receipt."""
    waiting = "SELECT count(*) FROM outbox WHERE published_at IS NULL"
    until(lambda: all(one(stack, name, waiting) == 0 for name in SERVICES), "all outboxes are empty", 240)
    posted = "SELECT count(DISTINCT source) FROM ledger_entry WHERE debit_account LIKE 'cash_%'"
    until(lambda: one(stack, "billing", posted) == payments, "every payment is posted", 120)
    until(lambda: all(one(stack, name, waiting) == 0 for name in SERVICES), "all outboxes are empty again", 120)
    unsent = "SELECT count(*) FROM message WHERE status IN ('queued', 'waiting_contact', 'sending')"
    until(lambda: one(stack, "notifications", unsent) == 0, "every message is sent", 180)
    for name in SERVICES:
        parked = rows(stack, name, "SELECT event, queue, error FROM parked_event")
        assert parked == [], f"{name} parked {parked[:3]}"


def check_money(stack: Stack, paid: list[str], bills: int) -> None:
    assert len(set(paid)) == len(paid)
    settled = rows(stack, "payments", "SELECT id::text, status, amount_fen FROM payment")
    assert Counter(settled) == Counter((payment, "settled", FLAT_FEN) for payment in paid)
    posted = rows(
        stack,
        "billing",
        "SELECT source, sum(amount_fen)::bigint FROM ledger_entry WHERE debit_account LIKE 'cash_%' GROUP BY source",
    )
    assert sorted(posted) == sorted((payment, FLAT_FEN) for payment in paid)
    assert one(stack, "billing", "SELECT count(*) FROM bill") == bills
    assert (
        one(stack, "billing", "SELECT count(*) FROM (SELECT DISTINCT unit_id, fee_item, period FROM bill) b") == bills
    )
    balance = Api(stack.url).get("/v1/ledger/trial-balance")
    assert balance["difference_fen"] == 0
    assert balance["imbalance_fen"] == 0
    receipts = [row[0] for row in rows(stack, "payments", "SELECT receipt_no FROM payment")]
    numbers = Counter(str(receipt).rsplit("-", 1)[0] for receipt in receipts)
    wanted = {f"{series}-{number:06}" for series, count in numbers.items() for number in range(1, count + 1)}
    assert set(receipts) == wanted, "receipt numbers have no gap and no double"


def check_messages(stack: Stack, payments: int) -> None:
    """One message per cause, in our book and at the provider."""
    doubles = "SELECT count(*) FROM (SELECT recipient, cause FROM message GROUP BY 1, 2 HAVING count(*) > 1) d"
    assert one(stack, "notifications", doubles) == 0
    assert one(stack, "notifications", "SELECT count(*) FROM message WHERE cause LIKE 'receipt:%'") == payments
    sent = one(
        stack, "notifications", "SELECT count(*) FROM message WHERE status = 'sent' AND channel IN ('sms', 'email')"
    )
    api = Api(stack.url)
    keys: list[str] = []
    cursor: str | None = None
    while True:
        box = api.get("/v1/sandbox/inbox", limit=500, **({"cursor": cursor} if cursor else {}))
        keys += [message["key"] for message in box["items"]]
        cursor = box["next_cursor"]
        if cursor is None:
            break
    assert len(keys) == len(set(keys)) == sent


# Nothing but entries of the ledger and the due dates of the bills they are about: no rollup, no paid_fen.
FROM_LEDGER = """
WITH entry AS (
  SELECT e.code AS estate, b.due_date, l.booked_on,
    CASE WHEN l.debit_account = 'receivable' AND l.credit_account IN ('fee_income', 'opening_equity')
      THEN l.amount_fen ELSE 0 END AS billed,
    CASE WHEN l.credit_account = 'receivable' AND l.debit_account LIKE ANY (:payers) THEN l.amount_fen
         WHEN l.debit_account = 'receivable' AND l.credit_account LIKE ANY (:payers) THEN -l.amount_fen
         ELSE 0 END AS paid
  FROM ledger_entry l JOIN bill b ON b.id = l.bill_id JOIN estate e ON e.id = b.estate_id
)
SELECT estate,
  sum(billed) FILTER (WHERE due_date BETWEEN :first AND :last)::bigint,
  sum(paid) FILTER (WHERE due_date BETWEEN :first AND :last AND booked_on <= :today)::bigint,
  sum(billed) FILTER (WHERE due_date <= :today)::bigint,
  sum(paid) FILTER (WHERE due_date <= :today AND booked_on <= :today)::bigint,
  sum(billed) FILTER (WHERE due_date < :first)::bigint
    - COALESCE(sum(paid) FILTER (WHERE due_date < :first AND booked_on < :first), 0)::bigint,
  sum(paid) FILTER (WHERE due_date < :first AND booked_on BETWEEN :first AND :today)::bigint
FROM entry GROUP BY estate ORDER BY estate
"""


def check_rates(stack: Stack, households: list[str]) -> None:
    """The same rate from the API, from billing's own /metrics and from the ledger, to the fen (J1)."""
    api = Api(stack.url)
    # something of this month's bills too, and not the same on every estate
    for number, household in enumerate(households[:: PAYMENTS // 20]):
        amount = FLAT_FEN - 1000 * number
        api.post("/v1/payments", household=household, channel="cash", amount_fen=amount)
    wait_until_posted(stack)
    asked = api.get("/v1/collection-rates", windows=True)
    today = date.fromisoformat(asked["as_of"])
    month = {"first": today.replace(day=1), "last": add_months(today, 1, 1) - timedelta(days=1), "today": today}
    ledger = rows(stack, "billing", FROM_LEDGER, payers=["cash_%", "customer_credit"], **month)
    wanted = {
        str(estate): dict(zip(WINDOWS, zip(sums[::2], sums[1::2], strict=True), strict=True))
        for estate, *sums in ledger
    }
    assert len(wanted) == ESTATES
    assert len({sums["current"] for sums in wanted.values()}) > 1, "estates differ, so a mix-up would show"
    assert all(part for sums in wanted.values() for pair in sums.values() for part in pair)
    assert wanted == {
        item["key"]: {
            window: (item[f"{window}_{whole}_fen"], item[f"{window}_collected_fen"])
            for window, whole in WINDOWS.items()
        }
        for item in asked["items"]
    }
    due = api.get("/v1/collection-rates", due_in=format_period(today), windows=False)["items"]
    assert {item["key"]: (item["billed_fen"], item["collected_fen"]) for item in due} == {
        estate: sums["current"] for estate, sums in wanted.items()
    }
    ratios = {
        (estate, window): int(str(received)) / int(str(whole))
        for estate, sums in wanted.items()
        for window, (whole, received) in sums.items()
    }
    assert ratios == {(i["key"], window): i[f"{window}_rate"] for i in asked["items"] for window in WINDOWS}
    until(lambda: scraped(stack) == ratios, "billing's metrics show the same rates", 60)
    found = api.get("/v1/ledger/rollup-check")
    none = {"differences": 0, "items": [], "next_cursor": None}
    assert (found["rollups"], found["totals"]) == (none, none)


def wait_until_posted(stack: Stack) -> None:
    settled = one(stack, "payments", "SELECT sum(amount_fen)::bigint FROM payment WHERE status = 'settled'")
    posted = "SELECT sum(amount_fen)::bigint FROM payment_posting"
    until(lambda: one(stack, "billing", posted) == settled, "every payment is posted", 60)


def scraped(stack: Stack) -> dict[tuple[str, str], float]:
    """The collection rates that the billing process itself shows, by (estate, window)."""
    page = httpx.get(f"{stack.urls()['billing']}/metrics", timeout=30).text
    return {
        (sample.labels["estate"], sample.labels["window"]): sample.value
        for family in text_string_to_metric_families(page)
        if family.name == "estateloop_collection_rate_ratio"
        for sample in family.samples
    }
