"""Queueing, lists, preferences and wordings against real PostgreSQL (F2, F4, I3)."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from services.common.contracts.errors import Forbidden, Invalid, NotFound
from services.common.contracts.events import PaymentAllocated
from services.common.database import transaction
from services.common.domain.access import Caller
from services.notifications import service as doors
from services.notifications.directory import handlers as directory
from services.notifications.messages import handlers as messages
from services.notifications.messages.tables import insert_once
from services.notifications.templates import handlers as templates
from services.notifications.templates import tables as wordings
from services.notifications.templates.rules import CODES, LANGUAGES, forbidden_words, placeholders
from tests.support.doors import message_of
from tests.support.notifications import NOON, TODAY, World, sms, sms_provider, step

MANAGER = Caller(sub="M1", roles=frozenset({"estate_manager"}), estates=frozenset({"E1"}))
STRANGER = Caller(sub="M9", roles=frozenset({"estate_manager"}), estates=frozenset({"E9"}))
AUDITOR = Caller(sub="A1", roles=frozenset({"auditor"}), estates=frozenset({"*"}))


def owner(household: str) -> Caller:
    return Caller(sub=household, roles=frozenset({"owner"}), household=household)


@pytest.fixture
def world(database: Callable[[str], Engine]) -> World:
    made = World(database("notifications"))
    made.learn_estate()
    return made


class TestOncePerRecipientAndCause:
    def test_the_door_takes_an_event_once(self, world: World) -> None:
        door = doors.NotificationsService()
        door.engine = world.engine
        event = PaymentAllocated(
            payment_id=uuid4(), household="H1", estate="E1", channel="cash", amount_fen=1, business_date=TODAY,
            allocations=[], credit_fen=1,
        )  # fmt: skip
        event_id = uuid4()
        for repeat in (event_id, event_id, uuid4()):
            door.on_payment_allocated(message_of(event, "notifications.on_payment_allocated", repeat))
        assert world.row().cause == f"receipt:{event.payment_id}"

    def test_a_batch_delivered_twice_or_overlapping_queues_nothing_twice(self, world: World) -> None:
        items = [step(f"H{n}") for n in range(500)]
        assert world.urge(*items) == 500
        assert world.urge(*items) == 0
        assert world.urge(*items[:10], step("H900")) == 1
        assert len(world.rows()) == 501

    def test_batches_that_arrive_together_do_not_either(self, world: World) -> None:
        items = [step(f"H{n}") for n in range(200)]
        with ThreadPoolExecutor(4) as pool:
            new = list(pool.map(lambda _: world.urge(*items), range(4)))
        assert sum(new) == len(world.rows()) == 200

    def test_one_cause_may_reach_several_recipients(self, world: World) -> None:
        assert world.urge(step("H1", cause="c"), step("H2", cause="c")) == 2

    def test_an_empty_batch_is_nothing(self, world: World) -> None:
        with transaction(world.engine) as session:
            assert insert_once(session, [], NOON) == 0


class TestDirectory:
    def test_later_facts_win_whatever_arrives_last(self, world: World) -> None:
        world.learn("H1", phone="13800000002")
        world.pass_time(days=-1)
        world.learn("H1", phone="13800000001")
        with transaction(world.engine) as session:
            assert directory.preferences(session, MANAGER, "H1")["phone"] == "13800000002"

    def test_choices_lie_over_what_billing_says(self, world: World) -> None:
        world.learn("H1", email="old@example.com")
        with transaction(world.engine) as session:
            directory.choose(session, owner("H1"), "H1", "en", "new@example.com", {"sms": False}, NOON)
        world.pass_time(days=1)
        world.learn("H1", email="old@example.com")
        with transaction(world.engine) as session:
            shown = directory.choose(session, owner("H1"), "H1", None, None, {"letter": True}, world.now)
        assert (shown["language"], shown["email"]) == ("en", "new@example.com")
        assert shown["consent"] == {"sms": False, "email": True, "letter": True}
        said = [(one["channel"], one["granted"], one["changed_at"]) for one in shown["consent_record"]]
        assert said == [("letter", True, world.now), ("sms", False, NOON)]

    def test_an_address_can_be_taken_away_and_a_choice_of_language(self, world: World) -> None:
        world.learn("H1", email="old@example.com", language="zh-CN")
        with transaction(world.engine) as session:
            directory.choose(session, owner("H1"), "H1", "en", "new@example.com", {}, NOON)
            shown = directory.choose(session, owner("H1"), "H1", None, None, {}, NOON, ["email", "language"])
            assert (shown["email"], shown["language"]) == (None, "zh-CN")
        world.pass_time(days=1)
        world.learn("H1", email="old@example.com", language="en")
        with transaction(world.engine) as session:
            shown = directory.preferences(session, owner("H1"), "H1")
            assert (shown["email"], shown["language"]) == (None, "en"), "whatever the register has"
            assert directory.choose(session, owner("H1"), "H1", None, "a@b.cn", {}, NOON)["email"] == "a@b.cn"

    @pytest.mark.parametrize("role", ["finance", "region_manager"])
    def test_the_office_keeps_contacts_too(self, world: World, role: str) -> None:
        world.learn("H1")
        caller = Caller(sub="X1", roles=frozenset({role}), estates=frozenset({"E1"}))
        with transaction(world.engine) as session:
            assert directory.choose(session, caller, "H1", "en", None, {}, NOON)["language"] == "en"
            with pytest.raises(Forbidden):
                directory.choose(
                    session, caller.model_copy(update={"estates": frozenset()}), "H1", "en", None, {}, NOON
                )

    def test_nonsense_is_refused_and_named(self, world: World) -> None:
        world.learn("H1")
        with transaction(world.engine) as session, pytest.raises(Invalid) as refused:
            directory.choose(session, MANAGER, "H1", None, "nowhere", {"pigeon": False}, NOON)
        assert [error["loc"] for error in refused.value.errors] == ["email", "consent.pigeon"]

    def test_scope_and_masking(self, world: World) -> None:
        world.learn("H1", email="wang@example.com")
        with transaction(world.engine) as session:
            for caller in (STRANGER, owner("H2")):
                with pytest.raises(Forbidden):
                    directory.preferences(session, caller, "H1")
            with pytest.raises(Forbidden):
                directory.choose(session, AUDITOR, "H1", "en", None, {}, NOON)
            with pytest.raises(NotFound):
                directory.preferences(session, MANAGER, "H404")
            masked = directory.preferences(session, AUDITOR, "H1")
        assert (masked["name"], masked["phone"], masked["email"]) == ("王**", "138****1111", "w***@example.com")


class TestLists:
    def shown(self, world: World, caller: Caller, **wanted: str) -> list[str]:
        with transaction(world.engine) as session:
            page = messages.notifications(
                session, caller, wanted.get("household"), wanted.get("recipient"), 50, wanted.get("cursor")
            )
        return [item["cause"] for item in page["items"]]

    def test_of_a_household_of_a_recipient_of_the_scope(self, world: World) -> None:
        world.learn("H1", "H2")
        world.urge(step("H1", cause="a"), step("H2", cause="b"), step("H1", cause="t", kind="task", steward="ST1"))
        assert self.shown(world, MANAGER, household="H1") == ["t", "a"]
        assert self.shown(world, MANAGER, recipient="ST1") == ["t"]
        assert self.shown(world, MANAGER) == ["t", "b", "a"]
        assert self.shown(world, STRANGER, household="H1") == []

    def test_an_owner_sees_what_was_said_to_them_and_no_task_about_them(self, world: World) -> None:
        world.learn("H1")
        world.urge(step("H1", cause="a"), step("H1", cause="t", kind="task", steward="ST1"))
        assert self.shown(world, owner("H1")) == ["a"]
        with pytest.raises(Forbidden):
            self.shown(world, owner("H1"), household="H2")
        with pytest.raises(Forbidden):
            self.shown(world, owner("H1"), recipient="ST1")
        world.courier({}).work(1)  # no provider: handed over by staff
        assert self.shown(world, owner("H1")) == []

    def test_pages_follow_each_other(self, world: World) -> None:
        world.urge(*[step(f"H{n}", cause=str(n)) for n in range(5)])
        seen: list[str] = []
        cursor: str | None = None
        with transaction(world.engine) as session:
            for _ in range(3):
                page = messages.notifications(session, MANAGER, None, None, 2, cursor)
                seen += [item["cause"] for item in page["items"]]
                cursor = page["next_cursor"]
        assert seen == ["4", "3", "2", "1", "0"]
        assert cursor is None

    def test_words_and_address_are_for_those_who_may_see_them(self, world: World, tmp_path: Path) -> None:
        world.learn("H1")
        world.urge(step("H1"))
        with sms_provider() as provider:
            world.courier({"sms": sms(provider, tmp_path)}).work(1)
        with transaction(world.engine) as session:
            [seen] = messages.notifications(session, MANAGER, None, None, 50, None)["items"]
            [masked] = messages.notifications(session, AUDITOR, None, None, 50, None)["items"]
        assert "王小明" in seen["text"]
        assert (masked["text"], masked["subject"]) == (None, None)
        assert (seen["address"], masked["address"]) == ("13800001111", "138****1111")


class TestWordings:
    def test_every_code_speaks_both_languages(self, world: World) -> None:
        with Session(world.engine) as session:
            known = {(wording.code, wording.channel, wording.language) for wording in wordings.every(session)}
        assert {code for code, _, _ in known} == CODES
        for code, channel, _ in known:
            assert {(code, channel, language) for language in LANGUAGES} <= known

    def test_none_threatens_and_all_use_what_they_declare(self, world: World) -> None:
        with Session(world.engine) as session:
            every = wordings.every(session)
        assert len(every) >= 60
        for wording in every:
            assert forbidden_words(wording.subject + wording.body) == [], wording.code
            assert placeholders(wording) == wording.variables, wording.code
            assert (wording.subject == "") == (wording.channel == "sms"), wording.code

    def test_overdue_notices_state_amount_days_and_how_the_fee_is_computed(self, world: World) -> None:
        with Session(world.engine) as session:
            notices = [wording for wording in wordings.every(session) if wording.code == "dunning.overdue_notice"]
        for wording in notices:
            assert {"amount_yuan", "overdue_days", "late_fee_yuan", "total_yuan"} <= wording.variables
            assert re.search(
                r"欠费本金×合同约定的?日费率×逾期天数|principal.* x .*daily rate.* x days overdue",
                wording.body,
                re.DOTALL,
            )

    def test_fm13_what_urges_names_units_and_fee_items_whatever_they_are(self, world: World) -> None:
        with Session(world.engine) as session:
            standing = wordings.newest(
                session,
                ["dunning.reminder", "dunning.overdue_notice", "dunning.demand_letter", "dunning.formal_notice"],
            )
        for wording in (one for one in standing.values() if one.channel != "staff_task"):
            assert {"fee_items", "units"} <= wording.variables, (wording.code, wording.channel)
            amount = next(line for line in wording.body.splitlines() if "{amount_yuan}" in line)
            assert "物业费" not in amount
            assert "property fees" not in amount

    def test_demand_letters_state_deadline_and_liability(self, world: World) -> None:
        with Session(world.engine) as session:
            letters = wordings.newest(session, ["dunning.demand_letter"])
        for language, law in (("zh-CN", "第九百四十四条"), ("en", "article 944")):
            letter = letters["dunning.demand_letter", "letter", language]
            assert "deadline" in letter.variables
            assert law in letter.body

    def test_preview_fills_strictly(self, world: World) -> None:
        variables = {"estate_name": "E", "recipient_name": "R", "reference": "1"}
        with transaction(world.engine) as session:
            shown = templates.preview(session, MANAGER, "complaint.closed", "sms", "en", variables)
            assert shown["text"].startswith("[E] Dear R, your complaint (1) is closed.")
            with pytest.raises(Invalid, match="cannot be filled"):
                templates.preview(session, MANAGER, "complaint.closed", "sms", "en", variables | {"more": "x"})
            with pytest.raises(Invalid, match="cannot be filled"):
                templates.preview(session, MANAGER, "complaint.closed", "sms", "en", {})
            with pytest.raises(NotFound):
                templates.preview(session, MANAGER, "complaint.closed", "letter", "en", variables)
            assert len(templates.templates(session, AUDITOR)["items"]) >= 60


def test_the_policy_of_the_group_is_data(world: World) -> None:
    with Session(world.engine) as session:
        rows = session.execute(text("SELECT category, contact_window, cap_count, cap_days FROM contact_policy")).all()
    policies = {row.category: (row.contact_window, row.cap_count, row.cap_days) for row in rows}
    assert policies["dunning"] == ("08:00-21:00", 3, 7)
    assert policies["survey"] == ("08:00-21:00", None, None)
    assert policies["receipt"] == (None, None, None)


def test_a_waiting_message_is_looked_at_again_by_itself(world: World) -> None:
    """So that a contact which arrives in the very moment a message starts to wait is not missed."""
    world.urge(step("H1"))
    courier = world.courier({})
    courier.work(1)
    with transaction(world.engine) as session:  # the contact is there, but nobody was woken
        session.execute(
            text("INSERT INTO contact VALUES ('H1', 'E1', '1', '王小明', '13800001111', NULL, 'zh-CN', now())")
        )
    world.now += timedelta(minutes=11)
    courier.work(1)
    assert world.row().status == "sent"
