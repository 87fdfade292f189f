"""Arrears risk learned from our own events and tested on months it never saw, beside a plain baseline (D7)."""

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from services.billing.collections.risk import handlers, history, rules, tables
from services.billing.collections.risk.train import train
from services.billing.collections.risk.worker import run_training
from services.billing.figures.rates import totals
from services.common.contracts.errors import Conflict, Forbidden, Invalid, NotFound
from services.common.database import build_engine, service_database_url, transaction
from services.common.domain.access import Caller
from services.common.domain.calendar import business_date
from services.common.paging import encode_cursor
from services.common.process.settings import CommonSettings
from tests.support.billing.behaviour import NOW, Lived, generate
from tests.support.billing.books import Books
from tests.support.billing.relief import Relief
from tests.support.databases import TemplateDatabases

ROOT = Path(__file__).parents[4]
ADMIN = Caller(sub="a", roles=frozenset({"group_admin"}), estates=frozenset({"*"}))
SCOPED = ADMIN.model_copy(update={"estates": frozenset({"E1"})})  # FC8: the model is the group's
STEWARD = Caller(sub="s", roles=frozenset({"steward"}), estates=frozenset({"R7"}))
LAST_DUE = date(2026, 10, 15)


@pytest.fixture
def engine(database: Callable[[str], Engine]) -> Engine:
    return database("billing")


@pytest.fixture
def lived(engine: Engine) -> list[Lived]:
    """800 households over 16 months, with the truth about each month."""
    with transaction(engine) as session:
        return generate(session, households=800, months=16, last_due=LAST_DUE)


def ask(engine: Engine, cutoff: str | None = None) -> dict[str, object]:
    training_id = uuid4()
    with transaction(engine) as session:
        handlers.request_training(session, ADMIN, training_id, cutoff, NOW)
    train(engine, training_id, NOW)
    with transaction(engine) as session:
        return handlers.get_training(session, ADMIN, training_id)


def test_d7_a_model_beats_late_last_month_on_months_it_never_saw_and_is_calibrated(
    engine: Engine, lived: list[Lived]
) -> None:
    assert ask(engine)["status"] == "done"
    with transaction(engine) as session:
        card = handlers.get_model(session, STEWARD)["card"]
    held_out = [month for month in lived if month.due >= date(2026, 8, 15)]
    best = roc_auc_score([month.late for month in held_out], [month.chance for month in held_out])
    model, baseline = card["model"], card["baseline"]
    assert card["tested_rows"] == len(held_out)
    assert model["auc"] > baseline["auc"] + 0.05
    assert model["auc"] <= best + 0.01, "nobody knows more than the truth: something leaked"
    assert model["auc"] > best - 0.08
    assert model["calibration_error"] < 0.03
    assert model["brier"] < baseline["brier"]


def test_d7_what_is_read_is_what_was_lived(engine: Engine, lived: list[Lived]) -> None:
    with transaction(engine) as session:
        [estate_id] = history.estates(session)
        homes = history.homes(session, estate_id, date(2020, 1, 1), business_date(NOW))
    read = {(home.household_id, m.due): m.late for home in homes for m in home.past.months}
    assert read == {(month.household_id, month.due): month.late for month in lived}


def test_d7_scores_are_the_model_s_and_come_with_reasons(engine: Engine, lived: list[Lived]) -> None:
    ask(engine)
    with transaction(engine) as session:
        assert handlers.score_next_estate(session, NOW) is not None
        assert handlers.score_next_estate(session, NOW) is None, "once a day"
        told = handlers.list_risk(session, STEWARD, "R7", None, 500, None)
        more = handlers.list_risk(session, STEWARD, "R7", None, 500, told["next_cursor"])
    chances = [item["probability"] for item in told["items"] + more["items"]]
    assert len({item["household"] for item in told["items"] + more["items"]}) == 800
    assert chances == sorted(chances, reverse=True)
    assert all(item["reasons"] and item["reasons"][0]["text"]["zh-CN"] for item in told["items"])
    assert sum(row["households"] for row in told["buildings"]) == 800
    late = {month.household_id: month.late for month in lived if month.due == LAST_DUE}
    with transaction(engine) as session:
        rows = session.execute(text("SELECT household_id, probability FROM risk_score")).all()
    assert roc_auc_score([late[row[0]] for row in rows], np.array([row[1] for row in rows], dtype=float)) > 0.8


def test_d7_a_new_model_scores_every_estate_again(engine: Engine, lived: list[Lived]) -> None:
    with transaction(engine) as session:
        handlers.score_next_estate(session, NOW)
        before = tables.newest_model(session)
        assert handlers.list_risk(session, STEWARD, "R7", None, 1, None)["model"]["shipped"]
    ask(engine)
    with transaction(engine) as session:
        assert tables.newest_model(session).id > before.id
        assert handlers.score_next_estate(session, NOW) is not None
        assert not handlers.list_risk(session, STEWARD, "R7", None, 1, None)["model"]["shipped"]


def test_d7_the_model_the_product_comes_with_orders_households_well(engine: Engine, lived: list[Lived]) -> None:
    """Learned from another generated portfolio (another seed): it must hold on this one."""
    with transaction(engine) as session:
        model = tables.as_model(tables.newest_model(session))
        homes = history.homes(
            session, int(session.scalar(text("SELECT id FROM estate")) or 0), date(2020, 1, 1), NOW.date()
        )
    day = LAST_DUE.replace(day=1)
    late = {month.household_id: month.late for month in lived if month.due == LAST_DUE}
    chances = [rules.probability(model, rules.features(home.past, day)) for home in homes]
    assert roc_auc_score([late[home.household_id] for home in homes], chances) > 0.75


def test_d7_too_little_history_is_said_and_the_old_model_stays(engine: Engine) -> None:
    assert ask(engine)["problem"] == "no household has two months that can be judged yet"
    with transaction(engine) as session:
        generate(session, households=20, months=6, last_due=LAST_DUE)
    told = ask(engine, "2026-09")
    assert (told["status"], told["model_id"]) == ("failed", None)
    assert "household months before the cut-off" in str(told["problem"])
    with transaction(engine) as session:
        assert tables.newest_model(session).training_id is None


def test_d7_a_training_is_taken_once_and_again_when_it_was_lost(engine: Engine) -> None:
    training_id = uuid4()
    with Session(engine) as session, session.begin():
        for _ in range(2):
            assert handlers.request_training(session, ADMIN, training_id, None, NOW) == {"id": training_id}
        with pytest.raises(Conflict):
            handlers.request_training(session, ADMIN, training_id, "2026-08", NOW)
        assert handlers.claim_training(session, NOW) == training_id
        assert handlers.claim_training(session, NOW) is None
        assert handlers.get_training(session, ADMIN, training_id)["status"] == "running"
        assert handlers.claim_training(session, NOW + 2 * handlers.LOST_AFTER) == training_id


def test_d7_what_comes_later_changes_no_feature_of_a_past_day(books: Books) -> None:
    """A waiver, a bounced debit, money that comes again: a past day read today is what it was when read then."""
    waived, bounced = books.household("H1"), books.household("H2")
    paid_late = books.household("H3")
    bills = {home: books.bill(10000, "2026-09-15", home) for home in ("H1", "H2", "H3")}
    books.pay(10000, "2026-09-10", "H2")
    days = [date(2026, 10, 1), date(2026, 10, 31), date(2026, 11, 7)]

    def known(read_on: date) -> dict[tuple[int, date], dict[str, float]]:
        homes = history.homes(books.session, books.estates["E1"], date(2020, 1, 1), read_on)
        return {(h.household_id, day): rules.features(h.past, day) for h in homes for day in days if day <= read_on}

    then = known(days[1]) | known(days[0])
    assert (then[waived, days[0]]["late_last"], then[bounced, days[0]]["late_last"]) == (1.0, 0.0)
    Relief(books).on("2026-11-02").approve(
        Relief(books).on("2026-11-02").ask(bills["H1"], kind="principal", ratio="1")["id"], ADMIN, "resolution 7"
    )
    books.give_back(bills["H2"], 10000, date(2026, 11, 5), channel="wechat")
    books.pay(10400, "2026-11-06", "H3")
    then = known(days[2]) | then
    books.pay(10400, "2026-11-09", "H2")
    now = known(date(2026, 11, 21))
    assert now == then
    months = {home: now[home, days[2]]["open_months"] > 0 for home in (waived, bounced, paid_late)}
    assert months == {waived: False, bounced: True, paid_late: False}


def test_d7_who_may_see_and_train(books: Books) -> None:
    books.household("H1")
    owner = Caller(sub="o", roles=frozenset({"owner"}), household="H1")
    with pytest.raises(Forbidden):
        handlers.list_risk(books.session, owner, "E1", None, 50, None)
    with pytest.raises(Forbidden):
        handlers.list_risk(books.session, STEWARD, "E1", None, 50, None)
    with pytest.raises(Forbidden):
        handlers.request_training(books.session, STEWARD, uuid4(), None, NOW)
    with pytest.raises(Forbidden):
        handlers.request_training(books.session, SCOPED, uuid4(), None, NOW)
    with pytest.raises(NotFound):
        handlers.list_risk(books.session, ADMIN, "nowhere", None, 50, None)
    with pytest.raises(NotFound):
        handlers.get_training(books.session, ADMIN, uuid4())
    with pytest.raises(Invalid):
        handlers.request_training(books.session, ADMIN, uuid4(), "2026-13", NOW)
    for part in ("x", "1e999999999999999999999"):
        with pytest.raises(Invalid):
            handlers.list_risk(books.session, ADMIN, "E1", None, 50, encode_cursor([part, 1]))
    assert handlers.list_risk(books.session, ADMIN, "E1", None, 50, None)["items"] == []


def test_fc10_an_estate_is_scored_again_when_its_bills_came_and_in_a_while_when_money_did(books: Books) -> None:
    """Scored before its opening balances were in, it says nothing of months it has not seen, and not for a day."""
    books.household("H1")

    def reasons() -> list[str]:
        [home] = handlers.list_risk(books.session, ADMIN, "E1", None, 50, None)["items"]
        return [reason["code"] for reason in home["reasons"]]

    def again(after: timedelta) -> bool:
        totals.fold(books.session, 1000)
        return handlers.score_next_estate(books.session, NOW + after) is not None

    assert again(timedelta())
    assert reasons() == ["short_history"]
    assert not again(timedelta(seconds=2)), "nothing has changed"
    bills = [books.bill(10000, f"2026-{month:02}-15", issued=f"2026-{month:02}-01") for month in (8, 9, 10)]
    assert again(timedelta(seconds=4))
    assert "open_months" in reasons()
    books.pay(30900, "2026-11-20", bills=bills)
    assert not again(timedelta(minutes=14))
    assert again(timedelta(minutes=16))
    assert "open_months" not in reasons()


@pytest.mark.bends_the_books
def test_fm3_who_has_credit_for_everything_has_no_month_open(books: Books) -> None:
    home = books.household("H1")
    books.bill(10000, "2026-10-15")
    books.prepay(20000, date(2026, 10, 1))
    assert history.in_credit(books.session, books.estates["E1"], date(2026, 11, 21)) == {home}
    assert history.in_credit(books.session, books.estates["E1"], date(2027, 12, 31)) == {home}
    books.session.execute(text("UPDATE household SET credit_fen = 10000"))
    assert history.in_credit(books.session, books.estates["E1"], date(2026, 11, 21)) == set(), "late fee is owed"


def test_d7_no_price_bill_or_service_reads_a_score() -> None:
    """Who reads the tables or the room of risk: its own doors, and nobody else."""
    readers = {
        str(path.relative_to(ROOT / "services/billing"))
        for path in (ROOT / "services").rglob("*.py")
        if "risk_score" in path.read_text() or "collections.risk" in path.read_text()
    }
    assert "collections/service.py" in readers
    assert [name for name in readers if not name.startswith(("collections/risk/", "migrations/"))] == [
        "collections/service.py"
    ]


def test_d7_a_training_runs_in_a_process_of_its_own(
    templates: TemplateDatabases, monkeypatch: pytest.MonkeyPatch
) -> None:
    prefix = templates.clone("billing")
    place = CommonSettings(database_url=templates.server_url, database_prefix=prefix)
    engine = build_engine(
        service_database_url(place, "billing"), pool_size=2, statement_timeout_ms=30_000, application="test"
    )
    training_id = uuid4()
    with transaction(engine) as session:
        handlers.request_training(session, ADMIN, training_id, None, NOW)
    monkeypatch.setenv("DATABASE_URL", templates.server_url)
    monkeypatch.setenv("ESTATELOOP_DATABASE_PREFIX", prefix)
    assert run_training(training_id) == 0
    with transaction(engine) as session:
        assert handlers.get_training(session, ADMIN, training_id)["status"] == "failed"
    engine.dispose()
