"""A front end that validates answers: the generated validator keeps every value, and takes no text as money."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.api import Api
from tests.support.clients import Workbench
from tests.support.databases import TemplateDatabases
from tests.support.estates import SmallEstate
from tests.support.servers import Servers
from tests.support.services import house

OVERDUE = """estate_code,unit_code,fee_item,period,amount_yuan,due_date
CL,0001,property_fee,2024-02,500.00,2024-03-15
"""
OPERATIONS = ("getStatement", "listArrears", "getEstate", "getComplaint")
Findings = dict[str, Any]


def closed_complaint(api: Api) -> str:
    """A complaint of the household that has been through everything; its path."""
    body = {"category": "service", "channel": "phone", "text": "Nobody came"}
    path = f"/v1/complaints/{api.post('/v1/complaints', estate='CL', household='CL-H1', **body)['id']}"
    for action in ("respond", "resolve", "close"):
        api.post(f"{path}/{action}", text="Done", by="CL-S1")
    return path


@pytest.fixture(scope="module")
def answers(servers: Servers, templates: TemplateDatabases) -> Iterator[dict[str, Any]]:
    """What the gateway answers of a small estate with a household in arrears, by operation."""
    with house(servers, templates, "billing", "feedback") as (api, doors):
        SmallEstate("CL").load(api)
        api.load("opening_balances", OVERDUE)
        doors.tell_portfolio()
        yield {
            "getStatement": api.get("/v1/households/CL-H1/statement"),
            "listArrears": api.get("/v1/arrears", estate="CL"),
            "getEstate": api.get("/v1/estates/CL"),
            "getComplaint": api.get(closed_complaint(api)),
        }


@pytest.fixture(scope="module")
def findings(answers: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Findings]:
    """What the generated validator makes of them."""
    workbench = Workbench(tmp_path_factory.mktemp("validator"))
    workbench.generate("@hey-api/openapi-ts/bin/run.js", "--file", "openapi-ts.config.mjs")
    (workbench.folder / "answers.json").write_text(json.dumps(answers))
    done = workbench.run("validate.mjs")
    assert done.returncode == 0, done.stdout
    found: dict[str, Findings] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("operation", OPERATIONS)
def test_no_value_of_an_answer_is_lost(findings: dict[str, Findings], operation: str) -> None:
    assert findings[operation]["values"] > 10
    assert findings[operation]["lost"] == []


@pytest.mark.parametrize("operation", ["getStatement", "listArrears"])
def test_neither_text_nor_part_of_a_fen_passes_as_money(findings: dict[str, Findings], operation: str) -> None:
    assert findings[operation]["money"] >= 3
    assert findings[operation]["accepted"] == []
