"""FM12: categories are data, understood by meaning and not by spelling; an emergency is one in every wording (G2)."""

import importlib.util
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, insert, select
from sqlalchemy.orm import Session

from services.common.contracts.errors import Forbidden, Invalid
from services.common.contracts.events import WorkOrderOpened
from services.common.domain.access import Caller
from services.workorders.categories.handlers import list_categories, set_categories
from services.workorders.categories.rules import Category, word_key
from services.workorders.orders.handlers import get_order
from services.workorders.tables import order_category, sla_policy, work_order
from tests.support.orders import HOUR, NOW, T1, act, create, prepared
from tests.support.outbox import events
from tests.support.quality import GROUP, MANAGER, OWNER, STEWARD

REVISION = "services/workorders/migrations/versions/20261129_0002_order_categories.py"
LIFT = Category("lift", "电梯", "Lift", ("elevator",), "lift")
OTHER = Category("other", "其他", "Other")


@pytest.fixture
def engine(database: Callable[[str], Engine]) -> Engine:
    return prepared(database("workorders"))


@pytest.mark.parametrize(
    "word",
    ["电梯困人", "lift entrapment", "Lift_Entrapment", "LIFT-ENTRAPMENT", "ｌｉｆｔ　ｅｎｔｒａｐｍｅｎｔ",
     " 电梯 困人 ", "困梯", "trapped in elevator", "elevator entrapment", "水管爆裂", "Burst pipe", "爆管", "火灾",
     "Fire!", "漏气", "gas leak"],
)  # fmt: skip
def test_fm12_an_emergency_is_one_in_every_wording(session: Session, word: str) -> None:
    order = create(session, OWNER, category=word)
    assert order["respond_by"] == NOW + timedelta(minutes=30)
    assert order["resolve_by"] == NOW + 4 * HOUR


def test_fm12_the_three_words_of_the_report_are_the_lift_entrapment(session: Session) -> None:
    words = ("电梯困人", "lift entrapment", "Lift_Entrapment")
    assert {create(session, category=word)["category"] for word in words} == {"lift_entrapment"}
    assert {event.category for event in events(session, WorkOrderOpened)} == {"lift_entrapment"}


@pytest.mark.parametrize(
    ("word", "code"),
    [("lift", "lift"), ("Elevator", "lift"), ("plumbing", "plumbing"), ("electric", "electrical"), ("water", "water"),
     ("cleaning", "cleaning"), ("security", "security"), ("repair", "repair"), ("maintenance", "repair"),
     ("door", "door"), ("漏水", "leak"), ("停电", "power"), ("绿化", "greening"), ("public area", "public_area"),
     ("Street Light", "lighting"), ("其它", "other"), ("parking", "parking"), ("噪音", "noise"), ("garbage", "garbage"),
     ("保洁", "cleaning"), ("报修", "repair"), ("air-conditioning", "hvac"), ("门禁", "access"), ("wifi", "network")],
)  # fmt: skip
def test_fm12_ordinary_words_are_understood(session: Session, word: str, code: str) -> None:
    order = create(session, category=word)
    assert (order["category"], order["respond_by"]) == (code, NOW + 24 * HOUR)


@pytest.mark.parametrize("word", ["my own words", "liftt", "---", "电" * 30])
def test_fm12_an_unknown_word_is_refused_with_the_list(session: Session, word: str) -> None:
    with pytest.raises(Invalid) as refused:
        create(session, category=word)
    [finding] = refused.value.errors
    assert finding["loc"] == "category"
    for part in ("lift_entrapment", "电梯困人", "other"):
        assert part in finding["msg"]


def test_fm12_the_same_request_in_another_spelling_is_the_same_order(session: Session) -> None:
    order = create(session, category="Lift Entrapment")
    assert create(session, request_id=order["id"], category="电梯困人")["id"] == order["id"]


def test_fm12_a_technician_with_the_skill_is_sent_whatever_it_was_called(session: Session) -> None:
    assert act(session, create(session, category="电梯故障"), "dispatch", STEWARD)["technician"] == "T2"
    assert act(session, create(session, category="水龙头"), "dispatch", STEWARD)["technician"] == T1.sub


def test_fm12_everybody_reads_the_list(session: Session) -> None:
    for caller in (OWNER, T1, STEWARD, GROUP):
        items = list_categories(session, caller)["items"]
        assert next(item for item in items if item["code"] == "lift_entrapment") | {"synonyms": []} == {
            "code": "lift_entrapment", "zh": "电梯困人", "en": "Lift entrapment", "synonyms": [], "skill": "lift",
            "holds_dunning": True, "emergency": True,
        }  # fmt: skip
    words = [word_key(word) for item in items for word in (item["code"], item["zh"], item["en"], *item["synonyms"])]
    codes = {word: {item["code"] for item in items if word in _words(item)} for word in words}
    assert {word: owners for word, owners in codes.items() if len(owners) > 1} == {}


def _words(item: Any) -> set[str]:
    return {word_key(word) for word in (item["code"], item["zh"], item["en"], *item["synonyms"])}


def test_fm12_the_group_has_its_own_list_and_old_orders_keep_theirs(session: Session) -> None:
    old = create(session, category="greening")
    pool = Category("pool_alarm", "泳池警报", "Pool alarm", ("drowning",), None, False, True)
    shown = set_categories(session, GROUP, [LIFT, pool, OTHER])["items"]
    assert [item["code"] for item in shown] == ["lift", "pool_alarm", "other"]
    assert create(session, category="Drowning")["respond_by"] == NOW + timedelta(minutes=30)
    assert [event.holds_dunning for event in events(session, WorkOrderOpened)] == [True, False]
    with pytest.raises(Invalid):
        create(session, category="greening")
    assert get_order(session, STEWARD, old["id"], NOW)["category"] == "greening"
    set_categories(session, GROUP, [LIFT, OTHER, Category("greening", "绿化", "Greening")])
    assert create(session, category="绿化")["category"] == "greening"


@pytest.mark.parametrize(
    ("items", "loc"),
    [
        ([LIFT], "items"),
        ([OTHER, OTHER], "items"),
        ([OTHER, Category("Lift", "电梯", "Lift")], "items.1.code"),
        ([OTHER, LIFT, Category("hoist", "升降机", "Hoist", ("Elevator",))], "items.2"),
        ([OTHER, Category("lift", "——", "Lift")], "items.1"),
    ],
)
def test_fm12_a_list_that_is_not_clear_is_refused(session: Session, items: list[Category], loc: str) -> None:
    with pytest.raises(Invalid) as refused:
        set_categories(session, GROUP, items)
    assert loc in [item["loc"] for item in refused.value.errors]
    assert len(list_categories(session, GROUP)["items"]) > 30


def test_fm12_who_may_set_it(session: Session) -> None:
    scoped = Caller(sub="G2", roles=frozenset({"group_admin"}), estates=frozenset({"E1"}))
    for caller in (scoped, MANAGER, STEWARD, OWNER):
        with pytest.raises(Forbidden):
            set_categories(session, caller, [OTHER])


def test_fm12_orders_of_before_get_a_code_where_they_have_one(session: Session, monkeypatch: Any) -> None:
    """The revision's own renaming, on orders and limits as they were kept when anything could be a category."""
    spec = importlib.util.spec_from_file_location("revision", Path(REVISION))
    assert spec is not None
    assert spec.loader is not None
    revision = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(revision)
    orders = {word: create(session)["id"] for word in ("Lift_Entrapment", "elevator", "my own words", "plumbing")}
    for word, order_id in orders.items():
        session.execute(work_order.update().where(work_order.c.id == order_id).values(category=word))
    limit = {"estate": "E1", "category": "Elevator", "clock": "wall", "respond_minutes": 10, "resolve_minutes": 20}
    session.execute(insert(sla_policy).values(limit))
    monkeypatch.setattr(revision.op, "get_bind", session.connection, raising=False)
    revision._rename("work_order", revision._codes())
    revision._rename_policies(revision._codes())
    categories = dict(session.execute(select(work_order.c.id, work_order.c.category)).tuples().all())
    assert {word: categories[order_id] for word, order_id in orders.items()} == {
        "Lift_Entrapment": "lift_entrapment", "elevator": "lift", "my own words": "my own words",
        "plumbing": "plumbing",
    }  # fmt: skip
    assert create(session, category="电梯")["respond_by"] == NOW + timedelta(minutes=10)
    assert session.scalar(select(order_category.c.code).where(order_category.c.code == "elevator")) is None
