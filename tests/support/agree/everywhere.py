"""agree() of a running product: the same questions over HTTP and to /metrics, and what other services say besides."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session

from local.supervisor import Stack
from services.common.database import SERVICES
from services.common.domain.calendar import business_date
from tests.support.agree import CHECKS, disagreements, figures
from tests.support.agree.ledger import places_of_payments
from tests.support.agree.places import Product
from tests.support.agree.scene import Scene, differences
from tests.support.agree.truth import Truth
from tests.support.api import Api
from tests.support.waiting import until

BANNERS = """SELECT household, sum(greatest(open_fen, 0))::bigint AS fen FROM household_due
WHERE due_date < :today GROUP BY household HAVING sum(greatest(open_fen, 0)) > 0"""
DUNNING = "SELECT cause, text FROM message WHERE cause LIKE 'dunning:%' AND text <> ''"
STEPS = """SELECT 'dunning:' || h.code || ':' || a.bill_id || ':' || a.step AS cause, a.overdue_fen, a.late_fee_fen
FROM dunning_action a JOIN household h ON h.id = a.household_id"""


@dataclass
class Around(Scene):
    """A scene with the databases of the other services beside it."""

    stack: Stack | None = None

    def rows_of(self, service: str, query: str, **named: Any) -> list[Any]:
        """What another service keeps."""
        assert self.stack is not None
        with _reading(self.stack, service) as session:
            return list(session.execute(text(query), named))

    @property
    def product(self) -> Product:
        """Whom to ask over HTTP."""
        assert isinstance(self.places, Product)
        return self.places


def agree_everywhere(stack: Stack) -> list[str]:
    """The disagreements of a running product, when nothing is on its way any more."""
    wait_until_quiet(stack)
    today = business_date(datetime.now(UTC))
    with _reading(stack, "billing") as session:
        scene = Around(Truth(session, today), Product(Api(stack.url), stack.urls()["billing"]), stack=stack)
        found = list(disagreements(scene, tuple(check for check in CHECKS if check is not figures.metrics)))
        return found + [line for check in BESIDE for line in check(scene)]


def last_entry(stack: Stack) -> int:
    """The newest entry of the ledger; 0: there is none."""
    return _one(stack, "billing", "SELECT COALESCE(max(id), 0) FROM ledger_entry")


def wait_until_quiet(stack: Stack) -> None:
    """Nothing recorded waits to be told, every settled payment is posted and told of as posted."""
    waiting = "SELECT count(*) FROM outbox WHERE published_at IS NULL"
    posted = "SELECT count(*) FROM payment_posting"
    settled = "SELECT count(*) FROM payment WHERE status = 'settled'"
    placed = "SELECT count(*) FROM payment WHERE status = 'settled' AND jsonb_typeof(allocations) = 'array'"
    until(lambda: all(_one(stack, name, waiting) == 0 for name in SERVICES), "nothing waits to be told", 120)
    until(lambda: _one(stack, "billing", posted) >= _one(stack, "payments", settled), "payments are posted", 60)
    until(lambda: _one(stack, "payments", placed) == _one(stack, "payments", settled), "receipts say where", 60)
    until(lambda: all(_one(stack, name, waiting) == 0 for name in SERVICES), "nothing waits to be told again", 60)


@contextmanager
def _reading(stack: Stack, service: str) -> Iterator[Session]:
    engine = create_engine(stack.database_url(service).replace("postgresql://", "postgresql+psycopg2://"))
    try:
        with Session(engine) as session:
            yield session
    finally:
        engine.dispose()


def _one(stack: Stack, service: str, query: str) -> int:
    with _reading(stack, service) as session:
        return int(session.execute(text(query)).scalar_one())


def overview(scene: Around) -> Iterator[str]:
    """I1: the household at a glance has the statement's figures and the newest payments."""
    for code, statement in scene.statements.items():
        answer = scene.product.overview(code)
        yield from differences("the overview", answer["statement"] or {}, statement, f"{code} ")
        payments = {row["id"]: row["amount_fen"] for row in answer["payments"] or ()}
        newest = {row["id"]: row["amount_fen"] for row in scene.product.payments(code)[:20]}
        yield from differences("the overview", payments, newest, f"{code}, payment ")


def receipts(scene: Around) -> Iterator[str]:
    """E3, B9: what a receipt shows of a payment is where the entries have it; the rest is credit."""
    places = places_of_payments(scene.truth)
    for code in scene.households:
        for payment in scene.product.payments(code):
            if payment["allocations"] is not None:
                lines = {a["bill_id"]: (a["principal_fen"], a["late_fee_fen"]) for a in payment["allocations"]}
                right = places.get(payment["id"], {})
                yield from differences("the receipt", lines, right, f"{code}, payment {payment['id']}, bill ")
                rest = payment["amount_fen"] - sum(sum(pair) for pair in right.values())
                yield from differences("the receipt", {code: payment["credit_fen"]}, {code: rest}, "credit of ")


def banners(scene: Around) -> Iterator[str]:
    """G4: what a technician sees of arrears is what is overdue."""
    said = {row.household: row.fen for row in scene.rows_of("workorders", BANNERS, today=scene.truth.today)}
    right: dict[str, int] = {}
    for bill in scene.truth.overdue():
        right[bill.row.household] = right.get(bill.row.household, 0) + bill.open_fen
    yield from differences("the banner of work orders", said, right)


def messages(scene: Around) -> Iterator[str]:
    """F4: a message names the sums of the step it is about."""
    steps = {row.cause: row for row in scene.truth.rows(STEPS)}
    for message in scene.rows_of("notifications", DUNNING):
        step = steps.get(message.cause)
        amount = f"{step.overdue_fen / 100:.2f}" if step else "no step"
        if amount not in message.text.replace(",", ""):
            yield f"{message.cause}: the message says {message.text[:200]!r}, the step {amount}"


def metrics(scene: Around) -> Iterator[str]:
    """J1, B7: a scrape; figures are kept for moments, so they are asked for until they agree or a minute is over."""
    found: list[str] = []

    def is_quiet() -> bool:
        found[:] = figures.metrics(scene)
        return not found

    try:
        until(is_quiet, "the metrics agree", 60)
    except AssertionError:
        yield from found


BESIDE = (overview, receipts, banners, messages, metrics)
