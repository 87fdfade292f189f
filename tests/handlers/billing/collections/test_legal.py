"""D4 and F4: from a proven delivery to a legal file, on a real PostgreSQL."""

from collections.abc import Callable
from itertools import permutations
from uuid import uuid4

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

from services.billing.collections.legal import files, gate
from services.billing.collections.legal.files import Step, Wanted
from services.billing.collections.legal.rules import GATE
from services.billing.holds.handlers import UnknownHousehold, release
from services.billing.service import BillingService
from services.common.contracts.answers.legal import LegalKind
from services.common.contracts.errors import Conflict, Forbidden, Invalid, NotFound
from services.common.contracts.events import DunningStepsDue, MessageDelivered
from services.common.database import transaction
from services.notifications.delivery import receipts
from services.notifications.delivery.receipts import Receipt
from services.notifications.messages import handlers as messages
from tests.support.billing.books import NOW, TODAY, Books, day
from tests.support.billing.legal import (
    AUDITOR,
    DUE,
    MANAGER,
    OTHER,
    conditions,
    delivered,
    hold,
    learn,
    noon,
    ripe,
    urge,
)
from tests.support.doors import deliver_twice
from tests.support.notifications import World
from tests.support.outbox import events


@pytest.fixture
def engine(database: Callable[[str], Engine]) -> Engine:
    return database("billing")


def test_d4_a_case_from_the_notice_to_the_open_gate(books: Books, database: Callable[[str], Engine]) -> None:
    """The ladder writes the letter, staff records its receipt, its deadline passes, the committee urges: a suit."""
    books.household()
    books.bill(30000, DUE)
    for days in ("2026-08-16", "2026-08-25", "2026-09-14"):
        books.sweep(days)
    assert books.steps()[-1] == "demand_letter"
    world = World(database("notifications"), now=noon("2026-09-14"))
    world.learn_estate()
    world.learn("H1")
    for event in events(books.session, DunningStepsDue):
        with transaction(world.engine) as session:
            messages.queue_dunning(session, event, world.now, world.now)
    world.courier({}).work(5)
    [letter] = [row for row in world.rows() if row.template == "dunning.demand_letter"]
    assert letter.status == "queued_for_print"
    assert not conditions(books, day("2026-11-01"))["demand_delivered"]
    world.now = noon("2026-09-20")
    receipt = Receipt(day("2026-09-19"), "EMS1234567890CN")
    for _ in range(2):
        with transaction(world.engine) as session:
            shown = receipts.confirm(session, MANAGER, letter.id, receipt, world.now)
    assert (shown["status"], shown["delivery_proof"]) == ("delivered", "EMS1234567890CN")
    with transaction(world.engine) as session:
        facts = [one for one in events(session, MessageDelivered) if one.message_id == letter.id]
    assert len(facts) == 1
    learn(books, *facts)
    assert not conditions(books, facts[0].deadline)["deadline_passed"]
    urge(books)
    assert list(conditions(books)) == list(GATE)
    assert gate.suit_gate(books.session, MANAGER, "H1", TODAY)["open"]
    assert files.open_file(books.session, MANAGER, uuid4(), "H1", "suit", None, NOW)["status"] == "opened"


@pytest.mark.parametrize("missing", GATE)
def test_d4_the_gate_stays_shut_for_each_single_missing_condition(books: Books, missing: str) -> None:
    ripe(books)
    assert all(conditions(books).values())
    when = TODAY
    if missing == "overdue_long_enough":
        when = day("2026-10-14")
        urge(books, on="2026-09-30")
    elif missing == "demand_delivered":
        books.session.execute(text("UPDATE delivery_fact SET outcome = 'failed'"))
    elif missing == "deadline_passed":
        books.session.execute(text("UPDATE delivery_fact SET deadline = :day"), {"day": TODAY})
    elif missing == "committee_urged":
        books.session.execute(text("DELETE FROM committee_urging"))
    else:
        hold(books, "plan" if missing == "no_performing_plan" else "complaint")
    shut = [name for name, met in conditions(books, when).items() if not met]
    assert shut == (["demand_delivered", "deadline_passed"] if missing == "demand_delivered" else [missing])
    if when == TODAY:
        with pytest.raises(Conflict) as refused:
            files.open_file(books.session, MANAGER, uuid4(), "H1", "suit", None, NOW)
        assert [error["loc"] for error in refused.value.errors] == shut
        assert missing in refused.value.detail


def test_d4_a_paid_or_disputed_bill_needs_no_suit(books: Books) -> None:
    bill_id = ripe(books)
    books.session.execute(text("UPDATE bill SET disputed_at = now() WHERE id = :id"), {"id": bill_id})
    assert not conditions(books)["overdue_long_enough"]
    books.session.execute(text("UPDATE bill SET disputed_at = NULL"))
    books.pay(40000, "2026-11-01")
    assert not conditions(books)["overdue_long_enough"]


def test_d4_a_complaint_after_the_opening_stops_the_filing(books: Books) -> None:
    ripe(books)
    file = files.open_file(books.session, MANAGER, uuid4(), "H1", "suit", "first instance", NOW)
    complaint = hold(books, "complaint")
    filing = Step("filed", TODAY)
    with pytest.raises(Conflict, match="no_open_complaint"):
        files.change_status(books.session, MANAGER, uuid4(), file["id"], filing, NOW)
    release(books.session, "complaint", complaint, "H1", NOW)
    request = uuid4()
    for _ in range(2):
        filed = files.change_status(books.session, MANAGER, request, file["id"], filing, NOW)
    assert [one["status"] for one in filed["history"]] == ["opened", "filed"]
    with pytest.raises(Conflict):
        files.change_status(books.session, MANAGER, request, file["id"], Step("withdrawn", TODAY), NOW)
    done = files.change_status(books.session, MANAGER, uuid4(), file["id"], Step("judgment", TODAY, "won"), NOW)
    assert (done["status"], done["closed_on"]) == ("judgment", TODAY)
    with pytest.raises(Conflict):
        files.change_status(books.session, MANAGER, uuid4(), file["id"], Step("filed", TODAY), NOW)


def test_d4_one_file_of_a_kind_at_a_time_and_the_same_request_is_the_same_file(books: Books) -> None:
    ripe(books)
    request = uuid4()
    first = files.open_file(books.session, MANAGER, request, "H1", "suit", "n", NOW)
    assert files.open_file(books.session, MANAGER, request, "H1", "suit", "n", NOW) == first
    with pytest.raises(Conflict, match="another file"):
        files.open_file(books.session, MANAGER, request, "H1", "mediation", "n", NOW)
    with pytest.raises(Conflict, match="open file"):
        files.open_file(books.session, MANAGER, uuid4(), "H1", "suit", None, NOW)
    other = files.open_file(books.session, MANAGER, uuid4(), "H1", "mediation", None, NOW)
    listed = files.list_files(books.session, MANAGER, Wanted(estate="E1"), 1, None)
    assert len(listed["items"]) == 1
    rest = files.list_files(books.session, MANAGER, Wanted(estate="E1"), 5, listed["next_cursor"])
    assert {listed["items"][0]["id"], rest["items"][0]["id"]} == {first["id"], other["id"]}
    assert files.list_files(books.session, MANAGER, Wanted(status="filed"), 5, None)["items"] == []


def test_d4_files_are_for_those_who_decide_within_their_estates(books: Books) -> None:
    ripe(books)
    file = files.open_file(books.session, MANAGER, uuid4(), "H1", "mediation", None, NOW)
    with pytest.raises(Forbidden):
        files.open_file(books.session, AUDITOR, uuid4(), "H1", "mediation", None, NOW)
    with pytest.raises(Forbidden):
        files.get_file(books.session, OTHER, file["id"])
    with pytest.raises(NotFound):
        files.get_file(books.session, MANAGER, uuid4())
    assert files.list_files(books.session, OTHER, Wanted(), 5, None)["items"] == []
    assert files.get_file(books.session, AUDITOR, file["id"])["kind"] == "mediation"


@pytest.mark.parametrize("kind", ["cut_power", "cut_water", "lock_lift", "deny_access", "publication", ""])
def test_d4_an_action_that_cuts_anything_does_not_exist(engine: Engine, kind: str) -> None:
    service = BillingService()
    service.engine = engine
    with pytest.raises(Invalid) as refused:
        service.open_legal_file(caller=MANAGER.model_dump(), request_id=str(uuid4()), household="H1", kind=kind)
    assert [error["loc"] for error in refused.value.errors] == ["kind"]
    row = f"'{uuid4()}', 1, 1, '{kind}', DATE '2026-11-21', '[]'"
    with engine.begin() as connection, pytest.raises(IntegrityError, match="legal_file_kind_check"):
        connection.execute(
            text(f"INSERT INTO legal_file (id, household_id, estate_id, kind, opened_on, gate) VALUES ({row})")
        )


def test_d4_a_lawyers_letter_needs_no_complaint_and_its_receipt_is_a_demand(books: Books) -> None:
    books.household()
    books.bill(30000, DUE)
    complaint = hold(books, "complaint")
    kind: LegalKind = "lawyers_letter"
    with pytest.raises(Conflict, match="no_open_complaint"):
        files.open_file(books.session, MANAGER, uuid4(), "H1", kind, None, NOW)
    release(books.session, "complaint", complaint, "H1", NOW)
    letter = files.open_file(books.session, MANAGER, uuid4(), "H1", kind, None, NOW)
    request = uuid4()
    for _ in range(2):
        shown = files.add_delivery(books.session, MANAGER, request, letter["id"], TODAY, "EMS9", NOW)
    assert shown["deliveries"] == [{"delivered_on": TODAY, "proof": "EMS9"}]
    assert conditions(books)["demand_delivered"]
    mediation = files.open_file(books.session, MANAGER, uuid4(), "H1", "mediation", None, NOW)
    with pytest.raises(Conflict):
        files.add_delivery(books.session, MANAGER, uuid4(), mediation["id"], TODAY, "EMS9", NOW)
    with pytest.raises(Invalid):
        files.add_delivery(books.session, MANAGER, uuid4(), letter["id"], day("2027-01-01"), "EMS9", NOW)


def test_d4_urging_is_logged_once_and_not_before_its_day(books: Books) -> None:
    books.household()
    request = uuid4()
    assert urge(books, request_id=request) == urge(books, request_id=request)
    assert books.one("SELECT count(*) FROM committee_urging") == 1
    with pytest.raises(Conflict):
        urge(books, on="2026-10-21", request_id=request)
    with pytest.raises(Invalid):
        urge(books, on="2026-11-22")


def test_d4_nobody_is_put_on_show_without_policy_and_consent(books: Books) -> None:
    books.household()
    assert not gate.publication(books.session, MANAGER, "H1")["allowed"]
    said = gate.ConsentNote(day("2026-11-01"), "单独同意书 7")
    consent = gate.add_consent(books.session, MANAGER, "H1", uuid4(), said, NOW)
    shown = gate.publication(books.session, MANAGER, "H1")
    assert [one.name for one in shown["conditions"] if not one.met] == ["publication_switched_on"]
    books.session.execute(text("UPDATE legal_policy SET publication = true"))
    assert gate.publication(books.session, MANAGER, "H1")["allowed"]
    gate.withdraw_consent(books.session, MANAGER, consent["id"], NOW)
    shown = gate.publication(books.session, MANAGER, "H1")
    assert [one.name for one in shown["conditions"] if not one.met] == ["separate_consent"]
    with pytest.raises(Forbidden):
        gate.withdraw_consent(books.session, OTHER, consent["id"], NOW)


def test_f4_delivery_facts_end_the_same_in_any_order(books: Books) -> None:
    """A letter came back, was posted again and was received: however often and in whatever order that is heard."""
    seen = set()
    for order in permutations(range(3)):
        message_id = uuid4()
        told = [
            delivered(
                "2026-09-18", "2026-09-14", outcome="failed", message_id=message_id, recorded_at=noon("2026-09-18")
            ),
            delivered("2026-09-28", "2026-09-14", message_id=message_id, recorded_at=noon("2026-09-28")),
        ]
        told.append(told[0])
        if not books.households:
            books.household()
        learn(books, *(told[index] for index in order))
        query = "SELECT outcome || delivered_on FROM delivery_fact WHERE message_id = :id"
        seen.add(books.one(query, id=message_id))
    assert seen == {"delivered2026-09-28"}


def test_f4_a_delivery_is_kept_once_by_the_door_and_of_a_stranger_not_at_all(engine: Engine) -> None:
    with transaction(engine) as session:
        Books(session).household()
    service = BillingService()
    service.engine = engine
    deliver_twice(service.on_message_delivered, delivered("2026-09-20", "2026-09-14"))
    with transaction(engine) as session:
        assert Books(session).one("SELECT count(*) FROM delivery_fact") == 1
        with pytest.raises(UnknownHousehold):
            gate.learn_delivery(session, delivered("2026-09-20", "2026-09-14", "H9"))


@pytest.mark.bends_the_books
def test_fm3_no_suit_and_no_file_against_who_has_credit_for_everything(books: Books) -> None:
    ripe(books)
    assert conditions(books, TODAY)["overdue_long_enough"]
    books.prepay(40000, day("2026-08-01"))
    assert not conditions(books, TODAY)["overdue_long_enough"]
    for kind in ("suit", "lawyers_letter", "mediation"):
        with pytest.raises(Conflict):
            files.open_file(books.session, MANAGER, uuid4(), "H1", kind, None, NOW)  # type: ignore[arg-type]
    books.session.execute(text("UPDATE household SET credit_fen = 29000"))
    assert conditions(books, TODAY)["overdue_long_enough"], "principal and late fee are more than that"
