"""The law of messages without any server: wordings, window, cap, chain, back-off, drafts (F1–F4, D4, D6)."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.common.contracts.events import (
    Allocation,
    CollectionBelowPlan,
    ComplaintAnswered,
    ComplaintSlaAlarm,
    DunningItem,
    DunningStepsDue,
    PaymentAllocated,
    WorkOrderSlaAlarm,
)
from services.common.domain.calendar import SHANGHAI
from services.notifications.delivery.rules import (
    GiveUp,
    Go,
    Means,
    Pending,
    Policy,
    Postpone,
    Reach,
    Window,
    decide,
    effective_day,
    free_of_cap,
    pause_before,
)
from services.notifications.directory.rules import complaints_about
from services.notifications.messages import rules
from services.notifications.templates.rules import (
    LANGUAGES,
    RenderError,
    Template,
    forbidden_words,
    pick,
    render,
    spoken,
    term,
)

NOON = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
DAY = date(2026, 11, 20)
REACH = Reach({"sms": "13800000000", "email": "a@example.com", "letter": "1-101", "staff_task": "ST1"})
ALL = frozenset({"sms", "email", "letter", "staff_task"})
MEANS = Means(ALL, ALL)
OPEN = Policy()
DAYTIME = Policy(window=Window.parse("08:00-21:00"))


def wording(body: str, *variables: str, language: str = "en") -> Template:
    return Template("dunning.reminder", "sms", language, 1, "", body, frozenset(variables))


def pending(*channels: str, position: int = 0, contacts: tuple[date, ...] = ()) -> Pending:
    return Pending(channels, position, DAY, NOON, contacts)


def shanghai(hour: int, minute: int = 0, day: int = 20) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=SHANGHAI)


class TestWordings:
    def test_are_filled(self) -> None:
        rendered = render(wording("Pay {amount} to {who}", "amount", "who"), {"amount": "1.00", "who": "us"})
        assert rendered.text == "Pay 1.00 to us"

    def test_a_missing_variable_is_an_error_that_names_it(self) -> None:
        with pytest.raises(RenderError, match="missing variables: who"):
            render(wording("Pay {amount} to {who}", "amount", "who"), {"amount": "1.00"})

    def test_an_unknown_variable_is_an_error(self) -> None:
        with pytest.raises(RenderError, match="unknown variables: more"):
            render(wording("Pay {amount}", "amount"), {"amount": "1.00", "more": "x"})

    def test_a_placeholder_nobody_declared_is_an_error(self) -> None:
        with pytest.raises(RenderError, match="unknown variables: who"):
            render(wording("Pay {amount} to {who}", "amount"), {"amount": "1.00"})

    def test_an_empty_fact_counts_as_missing(self) -> None:
        template = wording("by {deadline}", "deadline")
        with pytest.raises(RenderError, match="deadline"):
            render(template, pick(template, {"deadline": None, "other": 1}))

    def test_braces_in_a_value_stay(self) -> None:
        assert render(wording("{a}{b}", "a", "b"), {"a": "{b}", "b": "!"}).text == "{b}!"

    def test_terms_speak_the_readers_language(self) -> None:
        assert render(wording("{role}", "role", language="zh-CN"), {"role": term("estate_manager")}).text == "项目经理"
        assert render(wording("{role}", "role"), {"role": term("estate_manager")}).text == "estate manager"
        assert render(wording("{role}", "role"), {"role": term("janitor")}).text == "janitor"

    @pytest.mark.parametrize(
        "threat",
        ["我们将停水", "依法停止供电", "停电处理", "停暖", "停气", "禁止通行", "停梯", "断水断电",
         "门禁权限取消", "限电",
         "限制用水", "限制通行", "关闭电梯", "停止使用电梯", "切断电源", "拉闸", "换锁", "电梯卡失效", "列入失信名单",
         "公示您的姓名", "公布欠费名单", "在楼道张贴", "stop your water", "limit the lift", "you will be locked out",
         "publish your name", "post the arrears", "blacklist",
         "we cut off your water", "will be disconnected", "Cutting off power", "deny access", "suspend", "no heating"],
    )  # fmt: skip
    def test_threats_are_found(self, threat: str) -> None:
        assert forbidden_words(threat)

    @pytest.mark.parametrize(
        "fine",
        [
            "期限届满",
            "时限已用80%",
            "请在期限内缴清",
            "please pay by 2026-12-01",
            "停车费",
            "公示收费标准",
            "有关水费",
            "水电费",
            "please stop by",
            "post the letter",
        ],
    )
    def test_plain_words_are_not(self, fine: str) -> None:
        assert forbidden_words(fine) == []


class TestWindow:
    @pytest.mark.parametrize(
        ("now", "opens"),
        [
            (shanghai(7, 59), shanghai(8)),
            (shanghai(8), shanghai(8)),
            (shanghai(20, 59), shanghai(20, 59)),
            (shanghai(21), shanghai(8, day=21)),
            (shanghai(23, 30), shanghai(8, day=21)),
            (shanghai(0), shanghai(8)),
        ],
    )
    def test_opens_next(self, now: datetime, opens: datetime) -> None:
        assert Window.parse("08:00-21:00").next_open(now.astimezone(UTC)) == opens

    @given(st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - hypothesis
    def test_all_day_is_always_open(self, now: datetime) -> None:
        assert Window.parse("00:00-24:00").next_open(now) == now

    @pytest.mark.parametrize("form", ["", "8-21", "21:00-08:00", "08:00-24:30", "08:00-08:00", "25:00-26:00"])
    def test_nonsense_is_refused(self, form: str) -> None:
        with pytest.raises(ValueError, match="contact window"):
            Window.parse(form)


class TestChoiceOfChannel:
    def test_the_first_that_works(self) -> None:
        assert decide(pending("sms", "email"), REACH, MEANS, OPEN, NOON) == Go(0, "sms", "13800000000", DAY)

    def test_opted_out_falls_back_and_says_so(self) -> None:
        reach = Reach(REACH.addresses, frozenset({"sms"}))
        decision = decide(pending("sms", "email"), reach, MEANS, OPEN, NOON)
        assert decision == Go(1, "email", "a@example.com", DAY, "sms: opted out")

    def test_no_address_no_provider_no_words(self) -> None:
        means = Means(frozenset({"email", "letter", "staff_task"}), frozenset({"wechat", "email", "staff_task"}))
        decision = decide(
            pending("sms", "letter", "email", "staff_task"), Reach({"staff_task": "ST1"}), means, OPEN, NOON
        )
        assert decision == Go(3, "staff_task", "ST1", DAY, "sms: not available; letter: no template; email: no address")

    def test_nothing_left(self) -> None:
        assert decide(pending("sms"), Reach({}), MEANS, OPEN, NOON) == GiveUp("sms: no address")
        assert decide(pending("sms", position=1), REACH, MEANS, OPEN, NOON) == GiveUp("no channel is left")

    def test_outside_the_window_sms_and_mail_wait_letters_and_tasks_do_not(self) -> None:
        night = shanghai(22)
        for channel in ("sms", "email"):
            decision = decide(pending(channel), REACH, MEANS, DAYTIME, night)
            assert decision == Postpone(shanghai(8, day=21), "outside the contact window")
        for channel in ("letter", "staff_task"):
            assert isinstance(decide(pending(channel), REACH, MEANS, DAYTIME, night), Go)

    def test_the_cap_waits_for_the_oldest_contact_to_age(self) -> None:
        policy = Policy(window=Window.parse("08:00-21:00"), cap_count=3, cap_days=7)
        days = (date(2026, 11, 15), date(2026, 11, 18), date(2026, 11, 19))
        decision = decide(pending("sms", contacts=days), REACH, MEANS, policy, NOON)
        assert decision == Postpone(shanghai(8, day=22), "frequency cap")
        assert isinstance(decide(pending("sms", contacts=days[:2]), REACH, MEANS, policy, NOON), Go)
        assert isinstance(decide(pending("letter", contacts=days), REACH, MEANS, policy, NOON), Go)

    def test_a_contact_a_week_ago_no_longer_counts(self) -> None:
        days = [date(2026, 11, 13), date(2026, 11, 18), date(2026, 11, 19)]
        assert free_of_cap(days, DAY, 3, 7) == DAY

    @given(st.lists(st.integers(-30, 10), max_size=12), st.integers(1, 5), st.integers(1, 14))
    def test_on_the_free_day_there_is_room_and_no_day_sooner(self, ages: list[int], count: int, days: int) -> None:
        contacts = [DAY + timedelta(days=age) for age in ages]
        free = free_of_cap(contacts, DAY, count, days)
        room = [
            sum(contact > day - timedelta(days=days) for contact in contacts) < count
            for day in (DAY + timedelta(days=n) for n in range((free - DAY).days + 1))
        ]
        assert room[-1]
        assert not any(room[:-1])

    def test_the_cap_counts_by_the_calendar_of_the_cause(self) -> None:
        created = datetime(2026, 11, 20, 4, tzinfo=UTC)
        assert effective_day(date(2026, 3, 1), created, created + timedelta(days=2)) == date(2026, 3, 3)

    def test_pauses_double_up_to_five_minutes(self) -> None:
        assert [pause_before(n).total_seconds() for n in (1, 2, 3, 9, 10, 99)] == [1, 2, 4, 256, 300, 300]


def item(**changes: object) -> DunningItem:
    fields = {
        "household": "H1", "building": "1", "cause": "dunning:overdue_notice:7", "step": "overdue_notice",
        "kind": "message",
        "template": "dunning.overdue_notice", "channels": ["sms"], "steward": "ST1", "due_date": date(2026, 11, 15),
        "overdue_days": 1, "overdue_fen": 20000, "late_fee_fen": 523, "deadline": None,
    }  # fmt: skip
    return DunningItem.model_validate(fields | changes)


def sweep(*items: DunningItem) -> DunningStepsDue:
    return DunningStepsDue(sweep_id=uuid4(), estate="E1", as_of=DAY, items=list(items))


def nobody(_estate: str, _role: str) -> list[str]:
    return []


class TestDrafts:
    def test_an_urging_goes_to_the_household_with_money_in_yuan(self) -> None:
        [draft] = rules.urge(sweep(item()), nobody)
        assert (draft.recipient, draft.recipient_kind, draft.category) == ("H1", "household", "dunning")
        assert (draft.cause, draft.assignee, draft.business_on) == ("dunning:overdue_notice:7", "ST1", DAY)
        assert draft.variables["amount_yuan"] == "200.00"
        assert draft.variables["total_yuan"] == "205.23"

    def test_fm13_an_urging_names_units_and_fee_items_in_the_readers_language(self) -> None:
        """Only water is overdue: nobody reads of property fees. What credit takes off is taken off (FM3)."""
        said = item(fee_items=["water", "pool"], units=["1-101", "1-102"], credit_fen=10000)
        facts = rules.urge(sweep(said), nobody)[0].variables
        assert (facts["units"], facts["credit_yuan"], facts["total_yuan"]) == ("1-101, 1-102", "100.00", "105.23")
        assert [spoken(facts["fee_items"], language) for language in LANGUAGES] == ["水费、pool", "water fees, pool"]

    def test_a_task_goes_to_the_steward_else_the_manager_else_the_role(self) -> None:
        mine = rules.urge(sweep(item(kind="task")), nobody)[0]
        managers = rules.urge(sweep(item(kind="task", steward=None)), lambda _e, _r: ["M1", "M2"])[0]
        nobodys = rules.urge(sweep(item(kind="task", steward=None)), nobody)[0]
        assert [draft.recipient for draft in (mine, managers, nobodys)] == ["ST1", "M1", "E1:estate_manager"]
        assert {draft.household for draft in (mine, managers, nobodys)} == {"H1"}

    def test_the_id_follows_from_recipient_and_cause_alone(self) -> None:
        first, again = (rules.urge(sweep(item(overdue_days=n)), nobody)[0] for n in (1, 2))
        other = rules.urge(sweep(item(household="H2")), nobody)[0]
        assert first.id == again.id
        assert first.id != other.id

    def test_a_receipt_says_what_the_money_was_used_for(self) -> None:
        part = {"fee_item": "service", "period": "2026-10", "due_date": DAY}
        event = PaymentAllocated(
            payment_id=UUID(int=1), household="H1", estate="E1", channel="cash", amount_fen=1000, business_date=DAY,
            allocations=[Allocation(bill_id=n, principal_fen=300, late_fee_fen=5, **part) for n in (1, 2)],
            credit_fen=390,
        )  # fmt: skip
        draft = rules.receipt(event)
        assert draft.cause == "receipt:00000000-0000-0000-0000-000000000001"
        money = [draft.variables[f"{name}_yuan"] for name in ("paid", "principal", "late_fee", "credit")]
        assert money == ["10.00", "6.00", "0.10", "3.90"]

    def test_an_anonymous_complaint_is_answered_to_nobody(self) -> None:
        event = ComplaintAnswered(complaint_id=uuid4(), estate="E1", household=None, stage="closed")
        assert rules.answer(event, NOON) == []

    def test_an_alarm_goes_to_everyone_who_holds_the_role(self) -> None:
        event = WorkOrderSlaAlarm(
            work_order_id=UUID(int=2), estate="E1", category="lift", stage="respond", level="breach",
            role="estate_manager", due_at=NOON,
        )  # fmt: skip
        drafts = rules.alarm_of_order(event, lambda _e, _r: ["M1", "M2"], NOON)
        assert [draft.recipient for draft in drafts] == ["M1", "M2"]
        clock = f"{NOON.astimezone(UTC):%Y%m%dT%H%MZ}"
        assert {draft.cause for draft in drafts} == {f"sla:work_order:{UUID(int=2)}:respond:wall:breach:{clock}"}
        assert {draft.category for draft in drafts} == {"sla_breach"}
        assert drafts[0].variables["due_at"] == "2026-11-20 12:00"

    def test_j3_a_manager_hears_of_collection_below_plan(self) -> None:
        event = CollectionBelowPlan(
            estate="E1", period="2026-11", day=date(2026, 11, 20), planned_rate=Decimal("0.6"), billed_fen=300000,
            collected_fen=179999, missing_fen=1,
        )  # fmt: skip
        [draft] = rules.alarm_of_collection(event, nobody)
        assert (draft.recipient, draft.category, draft.cause) == (
            "E1:estate_manager",
            "task",
            "below_plan:E1:2026-11:2026-11-20",
        )
        shown = [draft.variables[name] for name in ("percent", "planned_percent", "missing_yuan")]
        assert shown == ["59.99", "60.00", "0.01"]
        assert [d.recipient for d in rules.alarm_of_collection(event, lambda _e, _r: ["M1", "M2"])] == ["M1", "M2"]

    def test_the_clock_of_a_reopened_order_alarms_again(self) -> None:
        first = WorkOrderSlaAlarm(
            work_order_id=UUID(int=2), estate="E1", category="lift", stage="resolve", level="breach",
            role="estate_manager", due_at=NOON,
        )  # fmt: skip
        again = first.model_copy(update={"due_at": NOON + timedelta(hours=48)})
        causes = {rules.alarm_of_order(event, lambda _e, _r: ["M1"], NOON)[0].cause for event in (first, first, again)}
        assert len(causes) == 2

    def test_each_clock_of_a_complaint_alarms_by_itself(self) -> None:
        causes = {
            rules.alarm_of_complaint(
                ComplaintSlaAlarm(
                    complaint_id=UUID(int=3), estate="E1", category="fee", stage="respond", clock=clock,
                    level="warning",
                    role="steward", due_at=NOON,
                ), nobody, NOON,
            )[0].cause
            for clock in ("target", "commitment")
        }  # fmt: skip
        assert len(causes) == 2

    def test_the_chain_is_the_events_channels_then_the_policys(self) -> None:
        assert rules.chain(["letter", "sms"], ["sms", "email", "staff_task"]) == [
            "letter",
            "sms",
            "email",
            "staff_task",
        ]


def test_preferences_name_every_mistake() -> None:
    errors = complaints_about("fr", "no address", {"pigeon": True, "staff_task": False, "sms": False})
    assert [error["loc"] for error in errors] == ["language", "email", "consent.pigeon", "consent.staff_task"]
    assert complaints_about("en", "a.b@example.com", {"sms": False}) == []
