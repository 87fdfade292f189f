"""D4, D6 at the gateway: the evidence pack as a file, who may have it, and actions that do not exist."""

from urllib.parse import unquote

import pytest
from sqlalchemy import Engine, text
from starlette.testclient import TestClient

from services.billing.collections.legal.evidence.export import export
from services.billing.collections.legal.evidence.rules import Pack, section
from tests.support.billing.books import TODAY
from tests.support.gateway import Responder, sign_in
from tests.support.waiting import until

PACK = Pack("张-1", TODAY, (section("一、案件概要 / Case", ("a", "b"), [("业主", "王小明")]),))
CASE = "/v1/dunning/cases/张-1"


@pytest.fixture(autouse=True)
def billing(responder: Responder) -> None:
    responder.handlers["billing.export_evidence"] = lambda asked: export(PACK, asked["form"], seconds=60)


def test_d4_the_pack_is_a_download_and_its_reading_is_audited(client: TestClient, engine: Engine) -> None:
    headers = sign_in(client, "finance", estates=["*"])
    paper = client.get(f"{CASE}/evidence.pdf", headers=headers)
    assert (paper.status_code, paper.headers["content-type"]) == (200, "application/pdf")
    assert paper.content.startswith(b"%PDF-")
    named = unquote(paper.headers["content-disposition"])
    assert named == f"attachment; filename*=UTF-8''evidence-张-1-{TODAY}.pdf"
    sheet = client.get(f"{CASE}/evidence.csv", headers=headers)
    assert sheet.headers["content-type"].startswith("text/csv")
    assert "王小明" in sheet.content.decode("utf-8-sig")

    def audited() -> int:
        with engine.connect() as connection:
            query = "SELECT count(*) FROM audit_log WHERE route LIKE '%/evidence.%' AND outcome = 200"
            return int(connection.scalar(text(query)) or 0)

    until(lambda: audited() == 2, "both readings are in the audit log")


@pytest.mark.parametrize("role", ["steward", "cashier", "technician"])
def test_d4_the_pack_is_not_for_everybody(client: TestClient, responder: Responder, role: str) -> None:
    reply = client.get(f"{CASE}/evidence.pdf", headers=sign_in(client, role, estates=["*"]))
    assert reply.status_code == 403
    assert reply.headers["content-type"].startswith("application/problem+json")
    assert responder.count("billing.export_evidence") == 0


@pytest.mark.parametrize("kind", ["cut_power", "cut_water", "cut_heat", "cut_gas", "deny_access", "stop_lift"])
def test_d4_no_action_cuts_supply_or_access(client: TestClient, responder: Responder, kind: str) -> None:
    body = {"household": "H1", "kind": kind}
    reply = client.post("/v1/legal-files", json=body, headers=sign_in(client, "group_admin"))
    assert reply.status_code == 422
    assert [error["loc"] for error in reply.json()["errors"]] == ["body.kind"]
    assert responder.count("billing.open_legal_file") == 0


def test_d6_an_appointment_needs_an_offset(client: TestClient) -> None:
    body = {"at": "2026-11-22T19:30:00", "place": "door", "who": "S001"}
    headers = sign_in(client, "steward", estates=["*"])
    assert client.post("/v1/closure-cases/H1/appointments", json=body, headers=headers).status_code == 422
