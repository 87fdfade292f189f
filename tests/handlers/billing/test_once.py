"""Two calls of one request id at once: one acts, the other waits for it and is answered the same, or refused."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, func, select, update

from services.billing.collections.dunning.handlers import SweepRequest, start_sweep
from services.billing.collections.dunning.tables import dunning_sweep_slice
from services.billing.receivables.books.funds import Expense, record_expense
from services.billing.receivables.books.tables import fund_entry
from services.billing.tables import estate
from services.common.contracts.errors import Conflict
from services.common.database import transaction
from tests.support.billing.books import NOW, SYSTEM, Books
from tests.support.databases import waits_for_a_lock
from tests.support.waiting import until

AS_OF = date(2026, 11, 21)


@pytest.fixture
def engine(database: Callable[[str], Engine]) -> Engine:
    return database("billing")


@pytest.fixture
def estates(books: Books) -> list[str]:
    """Two estates that everybody sees."""
    codes = ["E1", "E2"]
    for code in codes:
        books.estate(code)
    books.session.commit()
    return codes


def spend(engine: Engine, request_id: UUID, estate: str) -> str:
    """Record an expense in a transaction of its own; its estate, or why not."""
    spent = Expense("greening", 5_000, AS_OF, "hedges", "V-1")
    try:
        with transaction(engine) as own:
            return str(record_expense(own, SYSTEM, estate, request_id, spent, NOW)["estate"])
    except Conflict as refused:
        return refused.detail


def test_two_at_once_on_two_estates_spend_once(engine: Engine, estates: list[str]) -> None:
    request_id = uuid4()
    with transaction(engine) as session:
        session.execute(update(estate).values(charging_mode="remuneration"))
    with ThreadPoolExecutor(1) as pool:
        with transaction(engine) as first:
            spent = Expense("greening", 5_000, AS_OF, "hedges", "V-1")
            record_expense(first, SYSTEM, estates[0], request_id, spent, NOW)
            other = pool.submit(spend, engine, request_id, estates[1])
            until(lambda: waits_for_a_lock(engine), "the second call waits for the first")
        assert other.result(timeout=20) == "This request id was used for another expense."
    with transaction(engine) as session:
        assert session.scalar(select(func.count()).select_from(fund_entry)) == 1


def start(engine: Engine, request_id: UUID, estates: list[str]) -> str:
    """Plan a sweep in a transaction of its own; its id, or why not."""
    try:
        with transaction(engine) as own:
            return str(start_sweep(own, SYSTEM, request_id, SweepRequest(AS_OF, estates), NOW)["id"])
    except Conflict as refused:
        return refused.detail


@pytest.mark.parametrize(
    ("second", "answer"), [(["E1"], None), (["E1", "E2"], "This request id was used for another sweep.")]
)
def test_two_at_once_plan_one_sweep(engine: Engine, estates: list[str], second: list[str], answer: str | None) -> None:
    assert set(second) <= set(estates)
    request_id = uuid4()
    with ThreadPoolExecutor(1) as pool:
        with transaction(engine) as first:
            start_sweep(first, SYSTEM, request_id, SweepRequest(AS_OF, ["E1"]), NOW)
            other = pool.submit(start, engine, request_id, second)
            until(lambda: waits_for_a_lock(engine), "the second call waits for the first")
        assert other.result(timeout=20) == (answer or str(request_id))
    with transaction(engine) as session:
        assert session.scalar(select(func.count()).select_from(dunning_sweep_slice)) == 1
