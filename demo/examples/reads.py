"""Every read of the document, for each estate and for each household that was met."""

import re
from collections.abc import Iterator

from demo.api import Json, Refused
from demo.examples.recording import ITEMS, answers_json
from demo.examples.walk import Walk, home_of
from services.common.domain.calendar import format_period

MADE_BY = {
    "run_id": "startBillRun",
    "sweep_id": "startSweep",
    "file_id": "openLegalFile",
    "plan_id": "signInstalmentPlan",
    "waiver_id": "approveWaiver",
    "training_id": "requestRiskTraining",
    "payment_id": "createPayment",
    "order_id": "createWorkOrder",
    "complaint_id": "createComplaint",
    "survey_id": "answerSurvey",
}


NOT_HERE = (404, 409)
PARAMETER = re.compile(r"\{(\w+)\}")


def read_everything(walk: Walk, document: Json) -> None:
    """Ask for everything there is; an estate or a household that has no such thing is passed over."""
    for path, operation in _reads(document):
        for where in _places(walk, path):
            try:
                walk.stage.admin.get(path.format(**where), **_query(walk, operation, where["estate"]))
            except Refused as refused:
                if refused.status not in NOT_HERE:
                    raise


def _reads(document: Json) -> Iterator[tuple[str, Json]]:
    for path, operations in document["paths"].items():
        if "get" in operations and answers_json(operations["get"]):
            yield path, operations["get"]


def _places(walk: Walk, path: str) -> Iterator[dict[str, str]]:
    """Values for every parameter of a path: one estate after the other, one household after the other."""
    made = {name: walk.recording[operation]["id"] for name, operation in MADE_BY.items()}
    unit = home_of(walk.part, walk.debtors[0])
    here = {"estate": walk.estate, "building": walk.part.buildings[0], "unit": unit.code}
    place = {**made, **here, "policy": "plan", "bill_id": str(walk.recording["reissueBill"]["bills"][0]["id"])}
    parameters = set(PARAMETER.findall(path))
    if "household" in parameters:
        yield from ({**place, "household": household} for household in dict.fromkeys(walk.met))
    elif parameters <= {"estate"}:
        yield from ({**place, "estate": estate} for estate in walk.stage.estates)
    else:
        yield place


def _query(walk: Walk, operation: Json, estate: str) -> dict[str, str | int]:
    """Short lists, and what must be said."""
    asked = [parameter for parameter in operation.get("parameters", []) if parameter["in"] == "query"]
    values = {"estate": estate, "from": walk.day(-90), "to": walk.day(30), "period": format_period(walk.stage.month)}
    required = {parameter["name"]: values[parameter["name"]] for parameter in asked if parameter["required"]}
    return required | ({"limit": ITEMS} if any(parameter["name"] == "limit" for parameter in asked) else {})
