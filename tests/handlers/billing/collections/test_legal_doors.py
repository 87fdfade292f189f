"""Doors of legal and closure (D4, D6): what is committed, what a repeat does, what a door refuses by itself."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Engine

from services.billing.collections.legal import gate
from services.billing.service import BillingService
from services.common.contracts.errors import Invalid
from services.common.database import transaction
from services.common.domain.calendar import business_date
from tests.support.billing.books import Books
from tests.support.billing.legal import delivered
from tests.support.doors import Ahead

ADMIN = {"sub": "g", "roles": ["group_admin"], "estates": ["*"]}
LONG_AGO = (business_date(datetime.now(UTC)).replace(day=1) - timedelta(days=1060)).isoformat()


class Later(Ahead, BillingService):
    """The service with a clock that can be put forward."""


@pytest.fixture
def engine(database: Callable[[str], Engine]) -> Engine:
    return database("billing")


@pytest.fixture
def service(engine: Engine) -> Later:
    with transaction(engine) as session:
        books = Books(session)
        books.household()
        books.staff("S1")
        books.bill(30000, LONG_AGO)
    made = Later()
    made.engine = engine
    return made


def ask(service: Later, method: str, **asked: Any) -> Any:
    return getattr(service, method)(caller=ADMIN, **asked)


def test_d4_from_the_gate_to_a_file_through_the_doors(service: Later) -> None:
    with transaction(service.engine) as session:
        stated = (business_date(datetime.now(UTC)) - timedelta(days=400)).isoformat()
        gate.learn_delivery(session, delivered(stated, stated, deadline=stated))
    today = business_date(datetime.now(UTC)).isoformat()
    urging = {"household": "H1", "request_id": str(uuid4()), "on": LONG_AGO, "reference": "r"}
    with pytest.raises(Invalid):
        ask(service, "add_committee_urging", **urging | {"reference": " "})
    yesterday = (business_date(datetime.now(UTC)) - timedelta(days=1)).isoformat()
    ask(service, "add_committee_urging", **urging | {"on": yesterday})
    assert ask(service, "get_suit_gate", household="H1")["open"] is True
    file = ask(service, "open_legal_file", request_id=str(uuid4()), household="H1", kind="suit")
    step = {"file_id": file["id"], "request_id": str(uuid4()), "status": "filed", "on": today}
    assert ask(service, "change_legal_file", **step)["status"] == "filed"
    assert [one["id"] for one in ask(service, "list_legal_files", kind="suit")["items"]] == [file["id"]]
    assert ask(service, "get_legal_file", file_id=file["id"])["gate"]


def test_d4_the_timer_warns_once_and_the_list_shows_what_ends(service: Later) -> None:
    [claim] = ask(service, "list_limitations", estate="E1")["items"]
    assert claim["warn"] in (30, 90)
    for _ in range(2):
        service.check_limitations()
    with transaction(service.engine) as session:
        assert Books(session).one("SELECT count(*) FROM outbox WHERE event = 'limitation_warned'") == 1
    with pytest.raises(Invalid):
        ask(service, "list_limitations", within_days=367)


def test_d4_the_evidence_pack_is_made_beside_the_hub(service: Later) -> None:
    made = ask(service, "export_evidence", household="H1", form="csv")
    assert ask(service, "export_evidence", household="H1", form="pdf")["sha256"] == made["sha256"]
    with pytest.raises(Invalid):
        ask(service, "export_evidence", household="H1", form="docx")


def test_d4_consents_through_the_doors(service: Later) -> None:
    given = {"household": "H1", "request_id": str(uuid4()), "given_on": LONG_AGO, "reference": "r"}
    consent = ask(service, "add_publication_consent", **given)
    assert ask(service, "get_publication", household="H1")["allowed"] is False
    assert ask(service, "withdraw_publication_consent", consent_id=consent["id"])["withdrawn_on"] is not None


def test_d6_a_case_through_the_doors(service: Later) -> None:
    assert ask(service, "start_closure_programme", request_id=str(uuid4()), estate="E1")["enrolled"] == 1
    [case] = ask(service, "list_closure_cases", estate="E1")["items"]
    assert case["stage"] == "steward"
    wanted = {"household": "H1", "place": "door", "who": "S1", "request_id": str(uuid4())}
    day = business_date(datetime.now(UTC)) + timedelta(days=2)
    with pytest.raises(Invalid):
        ask(service, "make_closure_appointment", at=f"{day}T10:00:00", **wanted)
    with pytest.raises(Invalid):  # FC8
        ask(service, "make_closure_appointment", at=f"{day}T10:00:00+08:00", **wanted | {"who": "NOBODY"})
    made = ask(service, "make_closure_appointment", at=f"{day}T10:00:00+08:00", **wanted)
    done = ask(service, "record_closure_outcome", appointment_id=made["id"], outcome="refused")
    assert (done["case_stage"], done["advanced"]) == ("manager", True)
    assert ask(service, "get_closure_case", household="H1")["stage"] == "manager"
    assert ask(service, "closure_progress")["items"][0]["by_stage"] == {"manager": 1}
