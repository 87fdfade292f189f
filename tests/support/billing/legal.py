"""What happens on the way to court: demands delivered, urgings, promises, and a household that is ripe for a suit."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

from services.billing.collections.dunning.cases import handlers as cases
from services.billing.collections.dunning.cases.handlers import ContactNote
from services.billing.collections.legal import gate
from services.billing.holds import handlers as holds
from services.common.contracts.answers.dunning import HoldSourceKind
from services.common.contracts.answers.legal import Urging
from services.common.contracts.events import MessageDelivered
from services.common.domain.access import Caller
from tests.support.billing.books import NOW, SYSTEM, TODAY, Books, day

DUE = "2026-08-15"
MANAGER = Caller(sub="M1", roles=frozenset({"estate_manager"}), estates=frozenset({"E1"}))
OTHER = Caller(sub="M2", roles=frozenset({"estate_manager"}), estates=frozenset({"E2"}))
AUDITOR = Caller(sub="A1", roles=frozenset({"auditor"}), estates=frozenset({"*"}))


def noon(on: str | date) -> datetime:
    return datetime.combine(day(on) if isinstance(on, str) else on, datetime.min.time(), tzinfo=UTC) + timedelta(
        hours=4
    )


def delivered(
    on: str,
    stated: str,
    household: str = "H1",
    *,
    deadline: str | None = None,
    template: str = "dunning.demand_letter",
    outcome: str = "delivered",
    message_id: UUID | None = None,
    recorded_at: datetime | None = None,
) -> MessageDelivered:
    """The fact that notifications tells."""
    return MessageDelivered.model_validate(
        {
            "message_id": message_id or uuid4(), "household": household, "estate": "E1", "template": template,
            "cause": f"dunning:{household}:1:demand_letter", "channel": "letter", "outcome": outcome,
            "stated_on": stated, "delivered_on": on, "deadline": deadline, "proof": "EMS1234567890CN",
            "recorded_at": recorded_at or noon(on),
        }
    )  # fmt: skip


def learn(books: Books, *events: MessageDelivered) -> None:
    for event in events:
        gate.learn_delivery(books.session, event)


def urge(books: Books, on: str = "2026-10-20", household: str = "H1", request_id: UUID | None = None) -> Urging:
    said = gate.UrgingNote(day(on), "业委会〔2026〕3号")
    return gate.add_urging(books.session, MANAGER, household, request_id or uuid4(), said, NOW)


def promise(books: Books, on: str, household: str = "H1") -> None:
    said = ContactNote("phone", "will pay", promised_on=day(on) + timedelta(days=7))
    cases.add_contact(books.session, SYSTEM, household, uuid4(), said, noon(on))


def ripe(books: Books, household: str = "H1") -> int:
    """A household against which a suit may be filed; its oldest bill."""
    books.household(household)
    bill_id = books.bill(30000, DUE, household)
    learn(books, delivered("2026-09-20", "2026-09-14", household, deadline="2026-09-29"))
    urge(books, household=household)
    return bill_id


def hold(books: Books, source: str, household: str = "H1", source_id: UUID | None = None) -> UUID:
    source_id = source_id or uuid4()
    kind: HoldSourceKind = "plan" if source == "plan" else "complaint"
    holds.hold(books.session, kind, source_id, household, NOW - timedelta(days=3), holds_dunning=True)
    return source_id


def conditions(books: Books, as_of: date = TODAY, household: str = "H1") -> dict[str, bool]:
    found = gate.suit_gate(books.session, MANAGER, household, as_of)
    assert found["open"] == all(one.met for one in found["conditions"])
    return {one.name: one.met for one in found["conditions"]}
