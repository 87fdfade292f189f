"""Every read of the document, once for each household that was met."""

from collections.abc import Iterator

from demo.api import Json, Refused
from demo.examples.recording import ITEMS, answers_json
from demo.examples.walk import Walk, home_of

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


def read_everything(walk: Walk, document: Json) -> None:
    """Ask for everything that is there; a household may have no such thing, and is asked about the next time."""
    for path, operation in _reads(document):
        for household in dict.fromkeys(walk.met) if "{household}" in path else [""]:
            try:
                walk.stage.admin.get(path.format(**_places(walk, household)), **_query(walk, operation))
            except Refused as refused:
                if refused.status != 404:
                    raise


def _reads(document: Json) -> Iterator[tuple[str, Json]]:
    for path, operations in document["paths"].items():
        if "get" in operations and answers_json(operations["get"]):
            yield path, operations["get"]


def _places(walk: Walk, household: str) -> dict[str, object]:
    """A value for every parameter of a path."""
    made = {name: walk.recording[operation]["id"] for name, operation in MADE_BY.items()}
    unit = home_of(walk.part, walk.debtors[0])
    where = {"estate": walk.estate, "building": walk.part.buildings[0], "unit": unit.code, "household": household}
    return {**made, **where, "bill_id": walk.recording["reissueBill"]["bills"][0]["id"]}


def _query(walk: Walk, operation: Json) -> dict[str, str | int]:
    """Short lists, and what must be said."""
    asked = [parameter for parameter in operation.get("parameters", []) if parameter["in"] == "query"]
    values = {"estate": walk.estate, "from": walk.day(-90), "to": walk.day(30)}
    required = {parameter["name"]: values[parameter["name"]] for parameter in asked if parameter["required"]}
    return required | ({"limit": ITEMS} if any(parameter["name"] == "limit" for parameter in asked) else {})
