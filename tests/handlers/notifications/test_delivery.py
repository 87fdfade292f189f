"""Delivery against real PostgreSQL and a real HTTP provider: once, in time, over an agreed channel (F3, F4)."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from services.common.contracts.events import MessageDelivered, WorkOrderSlaAlarm
from services.common.database import transaction
from services.common.domain.calendar import SHANGHAI
from services.notifications.adapters.signed_sms import SignedSms
from services.notifications.delivery.handlers import Dispatch, claim
from services.notifications.delivery.rules import Window
from services.notifications.messages import handlers as messages
from services.notifications.ports import Delivered, Outcome, Parcel
from tests.support.notifications import NOON, TODAY, SmsProvider, World, sms, sms_provider, step
from tests.support.outbox import events


@pytest.fixture
def world(database: Callable[[str], Engine]) -> World:
    made = World(database("notifications"))
    made.learn_estate()
    return made


@pytest.fixture
def provider() -> Iterator[SmsProvider]:
    with sms_provider() as running:
        yield running


@pytest.fixture
def port(provider: SmsProvider, tmp_path: Path) -> SignedSms:
    return sms(provider, tmp_path)


class Recorder:
    """An e-mail provider that takes everything; SMTP itself is tested with the adapter."""

    def __init__(self) -> None:
        self.parcels: list[Parcel] = []

    def send(self, parcel: Parcel) -> Outcome:
        self.parcels.append(parcel)
        return Delivered("taken")


def test_a_message_goes_out_with_its_words_and_proof(world: World, provider: SmsProvider, port: SignedSms) -> None:
    world.learn("H1")
    world.urge(step("H1"))
    assert world.courier({"sms": port}).work(5) == 1
    row = world.row()
    [told] = provider.taken.values()
    assert (row.status, row.provider_receipt, row.sent_at, row.address) == ("sent", "receipt-1", NOON, "13800001111")
    assert told["to"] == "13800001111"
    assert told["template"] == "dunning.overdue_notice"
    assert told["idempotency_key"] == str(row.id)
    assert told["text"] == row.text
    for stated in ("锦绣花园", "王小明", "200.00", "5天", "5.23", "205.23", "日费率"):
        assert stated in row.text


def test_two_couriers_share_the_work_and_send_each_message_once(
    world: World, provider: SmsProvider, port: SignedSms
) -> None:
    households = [f"H{n}" for n in range(120)]
    world.learn(*households)
    world.urge(*[step(code) for code in households])
    couriers = [world.courier({"sms": port}, batch=10) for _ in range(2)]
    with ThreadPoolExecutor(2) as pool:
        taken = list(pool.map(lambda courier: courier.work(100), couriers))
    assert sum(taken) == 120
    assert len(provider.calls) == len(provider.taken) == 120
    assert {row.status for row in world.rows()} == {"sent"}


def test_a_claim_passes_over_rows_another_is_claiming(world: World, port: SignedSms) -> None:
    world.learn("H1", "H2")
    world.urge(step("H1"), step("H2"))
    terms = world.courier({"sms": port}, batch=1).terms
    with transaction(world.engine) as one, transaction(world.engine) as other:
        first = claim(one, terms, world.now)
        second = claim(other, terms, world.now)
    assert {first.calls[0].parcel.key, second.calls[0].parcel.key} == {row.id for row in world.rows()}


def test_a_failing_provider_is_asked_again_with_the_same_key(
    world: World, provider: SmsProvider, port: SignedSms
) -> None:
    provider.faults[:] = [503, 503]
    world.learn("H1")
    world.urge(step("H1"))
    courier = world.courier({"sms": port})
    courier.work(1)
    assert world.row().not_before == NOON + timedelta(seconds=1)
    assert courier.work(1) == 0
    world.pass_time(seconds=1)
    courier.work(1)
    assert world.row().not_before == NOON + timedelta(seconds=3)
    world.pass_time(seconds=2)
    courier.work(1)
    row = world.row()
    assert (row.status, row.attempts) == ("sent", 3)
    assert provider.calls == [str(row.id)] * 3


def test_a_provider_that_keeps_failing_gives_way_to_the_next_channel(
    world: World, provider: SmsProvider, port: SignedSms
) -> None:
    provider.faults[:] = [500] * 3
    world.learn("H1", email="w@example.com")
    world.urge(step("H1"))
    mail = Recorder()
    courier = world.courier({"sms": port, "email": mail})
    for _ in range(4):
        courier.work(1)
        world.pass_time(seconds=5)
    row = world.row()
    assert (row.status, row.channel, row.reason) == ("sent", "email", "sms: HTTP 500")
    assert [parcel.address for parcel in mail.parcels] == ["w@example.com"]
    assert mail.parcels[0].subject


def test_a_refused_number_falls_back_at_once_and_ends_as_a_staff_task(
    world: World, provider: SmsProvider, port: SignedSms
) -> None:
    provider.faults[:] = [422]
    world.learn("H1")
    world.learn_staff("M1", "estate_manager")
    world.urge(step("H1"))
    world.courier({"sms": port}, batch=1).work(3)
    row = world.row()
    assert (row.status, row.channel, row.assignee) == ("sent", "staff_task", "M1")
    assert "王小明" in row.text


def test_when_no_channel_is_left_the_message_fails_with_its_reasons(
    world: World, provider: SmsProvider, port: SignedSms
) -> None:
    provider.faults[:] = [422]
    world.learn("H1")
    world.pay("H1")
    world.courier({"sms": port}, batch=1).work(3)
    row = world.row()
    assert row.status == "failed"
    assert row.reason == "sms: HTTP 422; email: not available"


@pytest.mark.parametrize("held", [False, True])
def test_a_crash_between_call_and_record_is_made_good_with_the_same_key(
    world: World, provider: SmsProvider, port: SignedSms, held: bool
) -> None:
    """Also when a hold came meanwhile: what may have gone out is not put on record as withdrawn (D3)."""
    world.learn("H1")
    world.urge(step("H1"))

    class Killed(BaseException):
        """What kill -9 looks like from inside: nothing after the call happens."""

    def call_and_die(_deliver: Callable[[Dispatch], None], calls: list[Dispatch]) -> None:
        for call in calls:
            port.send(call.parcel)
        raise Killed

    dying = world.courier({"sms": port})
    object.__setattr__(dying, "side_by_side", call_and_die)
    with pytest.raises(Killed):
        dying.work(1)
    sent_text = world.row().text
    survivor = world.courier({"sms": port})
    world.pass_time(seconds=29)
    assert survivor.work(1) == 0, "the lease still stands"
    world.pass_time(minutes=2)
    if held:
        world.hold("H1")
    assert survivor.work(1) == 1
    row = world.row()
    assert (row.status, row.text) == ("sent", sent_text)
    assert provider.calls == [str(row.id)] * 2
    assert len(provider.taken) == 1


def test_a_record_after_the_lease_was_lost_changes_nothing(
    world: World, provider: SmsProvider, port: SignedSms
) -> None:
    world.learn("H1")
    world.urge(step("H1"))
    slow, fast = world.courier({"sms": port}), world.courier({"sms": port})
    with transaction(world.engine) as session:
        stale = claim(session, slow.terms, world.now).calls[0]
    world.pass_time(seconds=31)
    fast.work(1)
    sent_at = world.row().sent_at
    slow.deliver(stale)
    assert provider.calls == [str(stale.parcel.key)], "a call whose lease ran out is not made"
    assert world.row().sent_at == sent_at


def test_urging_waits_for_the_window_a_receipt_does_not(world: World, provider: SmsProvider, port: SignedSms) -> None:
    world.now = NOON.replace(hour=14)  # 22:00 in Shanghai
    world.learn("H1")
    world.urge(step("H1"))
    world.pay("H1")
    courier = world.courier({"sms": port})
    courier.work(1)
    urging, receipt = world.rows()
    assert (urging.status, receipt.status) == ("queued", "sent")
    assert urging.not_before.astimezone(SHANGHAI).isoformat() == "2026-11-21T08:00:00+08:00"
    world.pass_time(hours=10)
    courier.work(1)
    assert world.rows()[0].status == "sent"


def test_the_window_is_data_and_an_estate_may_have_its_own(
    world: World, provider: SmsProvider, port: SignedSms
) -> None:
    world.now = NOON.replace(hour=14)
    world.learn("H1")
    with transaction(world.engine) as session:
        session.execute(
            text(
                "INSERT INTO contact_policy (category, estate, channels, contact_window) "
                "VALUES ('dunning', 'E1', '{sms}', '00:00-24:00')"
            )
        )
    world.urge(step("H1"))
    world.courier({"sms": port}).work(1)
    assert world.row().status == "sent"


def test_the_sandbox_may_replace_the_window(world: World, provider: SmsProvider, port: SignedSms) -> None:
    world.now = NOON.replace(hour=14)
    world.learn("H1")
    world.urge(step("H1"))
    world.courier({"sms": port}, window=Window.parse("00:00-24:00")).work(1)
    assert world.row().status == "sent"


def test_the_fourth_urging_within_a_week_waits(world: World, provider: SmsProvider, port: SignedSms) -> None:
    world.learn("H1")
    world.urge(*[step("H1", cause=f"dunning:{n}") for n in range(4)])
    world.pay("H1")
    world.courier({"sms": port}).work(1)
    statuses = [row.status for row in world.rows()]
    assert statuses == ["sent", "sent", "sent", "queued", "sent"]
    capped = world.rows()[3]
    assert capped.reason == "frequency cap"
    assert capped.not_before.astimezone(SHANGHAI).isoformat() == "2026-11-27T08:00:00+08:00"
    world.pass_time(days=7)
    world.courier({"sms": port}).work(1)
    assert world.rows()[3].status == "sent"


def test_the_cap_goes_by_the_sweeps_calendar(world: World, provider: SmsProvider, port: SignedSms) -> None:
    """A month of sweeps run in a minute urges as it would have in a month."""
    world.learn("H1")
    for weeks in range(5):
        world.urge(step("H1", cause=f"dunning:{weeks}"), as_of=TODAY + timedelta(weeks=weeks))
    world.courier({"sms": port}).work(1)
    assert {row.status for row in world.rows()} == {"sent"}


def test_two_couriers_cannot_both_use_the_last_place_under_the_cap(
    world: World, provider: SmsProvider, port: SignedSms
) -> None:
    world.learn("H1")
    world.urge(*[step("H1", cause=f"dunning:{n}") for n in range(8)])
    couriers = [world.courier({"sms": port}, batch=1) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda courier: courier.work(8), couriers))
    assert len(provider.taken) == 3


def test_a_message_whose_contact_is_unknown_waits_and_goes_when_it_arrives(
    world: World, provider: SmsProvider, port: SignedSms
) -> None:
    world.urge(step("H1"))
    courier = world.courier({"sms": port})
    courier.work(1)
    assert world.row().status == "waiting_contact"
    assert courier.work(1) == 0
    world.learn("H1")
    courier.work(1)
    assert world.row().status == "sent"


def test_an_unknown_estate_is_waited_for_too(database: Callable[[str], Engine], port: SignedSms) -> None:
    world = World(database("notifications"))
    world.learn("H1")
    world.urge(step("H1"))
    courier = world.courier({"sms": port})
    courier.work(1)
    assert world.row().status == "waiting_contact"
    world.learn_estate()
    courier.work(1)
    assert world.row().status == "sent"


def test_opted_out_of_sms_means_mail_and_of_both_a_visit(world: World, provider: SmsProvider, port: SignedSms) -> None:
    world.learn("H1", "H2", email="w@example.com")
    with transaction(world.engine) as session:
        session.execute(
            text(
                "INSERT INTO consent VALUES ('H1', 'sms', false, now(), 'H1'), ('H2', 'sms', false, now(), 'H2'), "
                "('H2', 'email', false, now(), 'H2')"
            )
        )
    world.urge(step("H1"), step("H2"))
    mail = Recorder()
    world.courier({"sms": port, "email": mail}).work(1)
    assert [(row.status, row.channel) for row in world.rows()] == [("sent", "email"), ("sent", "staff_task")]
    assert world.rows()[0].reason == "sms: opted out"
    assert provider.calls == []


def test_a_demand_letter_without_its_deadline_is_not_sent_half_filled(
    world: World, provider: SmsProvider, port: SignedSms
) -> None:
    world.learn("H1", "H2")
    world.urge(
        step("H1", "demand_letter", channels=["letter"]),
        step("H2", "demand_letter", channels=["letter"], deadline="2026-12-20"),
    )
    world.courier({"sms": port}).work(1)
    without, with_deadline = world.rows()
    assert (without.status, without.reason) == ("failed", "letter: missing variables: deadline")
    assert with_deadline.status == "queued_for_print"
    assert "2026-12-20" in with_deadline.text
    assert with_deadline.address == "锦绣花园 1栋 H2"


def test_a_new_version_of_a_template_counts_from_then_on(world: World, provider: SmsProvider, port: SignedSms) -> None:
    world.learn("H1")
    with transaction(world.engine) as session:
        session.execute(
            text(
                "INSERT INTO template (code, channel, language, version, subject, body, variables) "
                "VALUES ('dunning.overdue_notice', 'sms', 'zh-CN', 3, '', '第三版 {amount_yuan} {colour}', "
                "'{amount_yuan,colour}')"
            )
        )
    world.urge(step("H1"))
    world.courier({"sms": port}).work(1)
    assert (world.row().status, world.row().reason) == ("failed", "sms: missing variables: colour")


def test_english_readers_get_english(world: World, provider: SmsProvider, port: SignedSms) -> None:
    world.learn("H1", language="en")
    world.urge(step("H1"))
    world.courier({"sms": port}).work(1)
    assert "is 5 day(s) overdue" in world.row().text
    assert world.row().language == "en"


def test_a_visit_task_is_delivered_by_being_there(world: World, port: SignedSms) -> None:
    world.learn("H1")
    world.learn_staff("ST1")
    world.urge(step("H1", "visit_task", kind="task", steward="ST1", channels=["staff_task"]))
    world.courier({"sms": port}).work(1)
    row = world.row()
    assert (row.status, row.recipient, row.household, row.assignee) == ("sent", "ST1", "H1", "ST1")
    assert "李管家" in row.text
    assert "王小明" in row.text


def test_a_breach_rings_a_manager_who_has_a_phone(world: World, provider: SmsProvider, port: SignedSms) -> None:
    world.learn_staff("M1", "estate_manager", phone="13900002222")
    world.learn_staff("M2", "estate_manager")
    event = WorkOrderSlaAlarm(
        work_order_id="00000000-0000-0000-0000-000000000001", estate="E1", category="lift", stage="respond",
        level="breach", role="estate_manager", due_at=NOON,
    )  # fmt: skip
    with transaction(world.engine) as session:
        messages.queue_order_alarm(session, event, world.now)
    world.courier({"sms": port}).work(1)
    assert {(row.recipient, row.channel) for row in world.rows()} == {("M1", "sms"), ("M2", "staff_task")}
    assert "项目经理" in world.rows()[0].text


NIGHT = NOON.replace(hour=15)  # 23:00 in Shanghai: nobody is written to before 08:00
MORNING = NIGHT + timedelta(hours=9)


def said(world: World, provider: SmsProvider, port: SignedSms) -> dict[str, tuple[str, str | None]]:
    """Template → status and reason, after the night."""
    courier = world.courier({"sms": port})
    world.now = MORNING
    courier.work(5)
    assert len(provider.taken) == sum(row.status == "sent" for row in world.rows())
    return {row.template.partition(".")[2]: (row.status, row.reason) for row in world.rows()}


def test_d3_a_notice_that_waits_is_called_back_when_a_complaint_comes_in(
    world: World, provider: SmsProvider, port: SignedSms
) -> None:
    """The family's lift broke in the night: no word about money in the morning. A reminder urges nobody."""
    world.learn("H1")
    world.now = NIGHT
    world.urge(step("H1"), step("H1", "reminder"))
    world.courier({"sms": port}).work(5)
    assert provider.taken == {}
    world.pass_time(hours=1)
    world.hold("H1")
    found = said(world, provider, port)
    assert found["overdue_notice"] == ("failed", "withdrawn: open_complaint")
    assert found["reminder"][0] == "sent"
    [fact] = [fact for fact in facts(world) if fact.template == "dunning.overdue_notice"]
    assert (fact.outcome, fact.proof) == ("failed", "withdrawn: open_complaint")


def test_d3_what_goes_out_at_once_is_not_a_matter_of_milliseconds(
    world: World, provider: SmsProvider, port: SignedSms
) -> None:
    world.learn("H1")
    world.urge(step("H1"))
    world.pass_time(seconds=1)
    world.hold("H1")
    world.courier({"sms": port}).work(5)
    assert world.row().status == "sent"


@pytest.mark.parametrize(("decided", "status"), [(-1, "failed"), (0, "failed"), (1, "sent")])
@pytest.mark.parametrize("hold_first", [True, False])
def test_d3_what_was_decided_before_the_hold_is_not_said_in_any_order_of_arrival(
    world: World, provider: SmsProvider, port: SignedSms, decided: int, status: str, hold_first: bool
) -> None:
    world.learn("H1", "H2")
    held_at, world.now = NIGHT, NIGHT + timedelta(hours=1)
    arrivals = [
        lambda: world.hold("H1", held_at),
        lambda: world.urge(step("H1"), decided_at=held_at + timedelta(minutes=decided)),
    ]
    for arrive in arrivals if hold_first else arrivals[::-1]:
        arrive()
    world.hold("H1", held_at - timedelta(days=3))
    world.hold("H2")
    assert said(world, provider, port)["overdue_notice"][0] == status


@pytest.mark.parametrize(("principal_fen", "status"), [(20000, "failed"), (1, "failed"), (0, "sent")])
def test_d3_an_amount_that_was_paid_meanwhile_is_not_asked_for(
    world: World, provider: SmsProvider, port: SignedSms, principal_fen: int, status: str
) -> None:
    """Prepaid balance changes no amount that was stated."""
    world.learn("H1")
    world.now = NIGHT
    world.urge(step("H1"), step("H1", "reminder"))
    world.pass_time(hours=1)
    world.pay("H1", principal_fen=principal_fen)
    found = said(world, provider, port)
    assert {name: found[name][0] for name in ("overdue_notice", "reminder")} == {
        "overdue_notice": status, "reminder": status}  # fmt: skip
    assert found["receipt"][0] == "sent"


def facts(world: World) -> list[MessageDelivered]:
    """What billing was told of deliveries."""
    with transaction(world.engine) as session:
        return events(session, MessageDelivered)
