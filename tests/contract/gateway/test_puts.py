"""Every PUT keeps what it is sent: full bodies with nothing at its default go in by the gateway and are read from it.

A new PUT, or a new field of one, fails here until it has a body of its own.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from gateway.app import create_app
from services.common.domain.calendar import business_date
from tests.support.databases import TemplateDatabases
from tests.support.estates import SmallEstate
from tests.support.gateway import settings_for_tests
from tests.support.servers import Servers
from tests.support.services import InProcessApi, house

DOCUMENT: dict[str, Any] = create_app(settings_for_tests()).openapi()
SCHEMAS: dict[str, Any] = DOCUMENT["components"]["schemas"]
ESTATE, HOUSEHOLD = "PUT", "PUT-H1"
TODAY = business_date(datetime.now(UTC)).isoformat()
FUNDED = (
    "estate_code,name,region,city,property_type,service_grade,charging_mode\n"
    f"{ESTATE},Garden,South,Nanjing,residential,A,remuneration\n"
)
SECOND = f"staff_code,name,role,estate_code,phone\n{ESTATE}-S2,王管家,steward,{ESTATE},10000000003\n"
Body = dict[str, Any]


@dataclass(frozen=True)
class Put:
    """Bodies that hold every field between them, and where they are read: `shown` finds them in the GET's answer."""

    path: str
    bodies: list[Body]
    read: str
    query: dict[str, str] = field(default_factory=dict)
    shown: Callable[[Any, Body], Any] = lambda answer, _: answer


def target_of(answer: Any, sent: Body) -> Any:
    """The estate's target of that month; a single rate is a curve with one point, on the last day."""
    target = next(each for each in answer["items"] if each["estate"] == ESTATE and each["period"] == sent["period"])
    return target | ({"rate": None} if sent["curve"] else {"rate": target["curve"][0]["rate"], "curve": None})


WHERE = {"estate": ESTATE}
MESSAGE = {
    "kind": "message",
    "channels": ["letter", "sms"],
    "template": "dunning.demand_letter",
    "requires": ["no_hold"],
}
TASK = {"kind": "task", "channels": ["staff_task"], "template": "dunning.visit_task", "requires": ["no_hold"]}
SHARES = {"common_areas": 1, "greening": 2, "security": 3, "cleaning": 4.5, "repair": 6}
CATEGORIES = [
    {"code": "lift", "zh": "电梯", "en": "Lift", "synonyms": ["elevator"], "skill": "lift", "holds_dunning": True,
     "emergency": False},
    {"code": "lift_entrapment", "zh": "电梯困人", "en": "Lift entrapment", "synonyms": ["困梯"], "skill": None,
     "holds_dunning": False, "emergency": True},
    {"code": "other", "zh": "其他", "en": "Other", "synonyms": []},
]  # fmt: skip
BANDS = [
    {"up_to_fen": 700, "up_to_ratio": "0.1", "roles": [], "needs_resolution": False, "four_eyes": False},
    {"up_to_fen": 900, "up_to_ratio": "0.5", "roles": ["region_manager"], "needs_resolution": True, "four_eyes": True},
    {"up_to_fen": None, "up_to_ratio": None, "roles": ["finance"], "needs_resolution": True, "four_eyes": False},
]
PUTS = {
    "setCollectionTarget": Put(
        "/v1/collection-targets",
        [WHERE | {"period": "2026-10", "rate": 0.875, "curve": None},
         WHERE | {"period": None, "rate": None, "curve": [{"day": 5, "rate": 0.25}, {"day": 31, "rate": 0.75}]}],
        "/v1/collection-targets", WHERE, target_of,
    ),
    "putDunningLadder": Put(
        "/v1/dunning/ladder",
        [WHERE | {"steps": [
            {"code": "visit", "earliest_day": 3, "latest_day": 17, "gap_days": 4, "deadline_days": None} | TASK,
            {"code": "demand", "earliest_day": 18, "latest_day": None, "gap_days": 9, "deadline_days": 11} | MESSAGE,
        ]}],
        "/v1/dunning/ladder", WHERE,
    ),
    "putBillingPolicy": Put(
        f"/v1/estates/{ESTATE}/billing-policy",
        [{"cycle": "quarterly", "timing": "advance", "due_day": 9, "month_offset": 2, "roll_to_working_day": True,
          "notice_days": 21}],
        f"/v1/estates/{ESTATE}/billing-policy",
    ),
    "setUnitStatus": Put(
        f"/v1/units/{ESTATE}/0001/status",
        [{"status": "vacant", "from_date": "2026-09-16"}],
        f"/v1/units/{ESTATE}/0001/status",
        shown=lambda answer, _: answer["items"][-1],
    ),
    "setSteward": Put(
        f"/v1/estates/{ESTATE}/buildings/B2/steward",
        [{"staff": f"{ESTATE}-S2", "from_date": TODAY}],
        f"/v1/estates/{ESTATE}/buildings/B2/steward",
        shown=lambda answer, _: answer["items"][-1],
    ),
    "setFundPolicy": Put(
        f"/v1/estates/{ESTATE}/fund-policy",
        [{"remuneration": 0.125, "shares": SHARES}],
        f"/v1/estates/{ESTATE}/fund",
    ),
    "setArrearsCause": Put(
        f"/v1/households/{HOUSEHOLD}/arrears-cause",
        [{"cause": "hardship", "note": "lost the job in May"}],
        f"/v1/dunning/cases/{HOUSEHOLD}",
        shown=lambda answer, _: {"cause": answer["cause"], "note": answer["cause_note"]},
    ),
    "setPreferences": Put(
        f"/v1/households/{HOUSEHOLD}/contact-preferences",
        [{"language": "en", "email": "li@example.com", "consent": {"sms": False, "email": False, "letter": True}},
         {"language": "zh-CN", "email": "lei@example.com", "consent": {"sms": True, "email": True}},
         {"email": None}],
        f"/v1/households/{HOUSEHOLD}/contact-preferences",
    ),
    "keepFile": Put(
        f"/v1/households/{HOUSEHOLD}/file",
        [{"segment": "with_children", "other_phones": ["10000000077", "10000000078"], "preferred_channel": "wechat",
          "preferred_time": "weekend", "legacy_dispute": {"liable": "company", "since": "2023-04-05", "note": "roof"}}],
        f"/v1/households/{HOUSEHOLD}/file",
        shown=lambda answer, _: answer["owner"] | {
            "preferred_channel": answer["owner"]["preferences"]["channel"],
            "preferred_time": answer["owner"]["preferences"]["time"]},
    ),
    "setIncentivePolicy": Put(
        "/v1/incentive-policy",
        [WHERE | {"enabled": True, "on_time_rate": 0.75, "early_rate": 1.25, "early_days": 11, "point_fen": 3,
                  "most_of_bill": 0.375, "streak_months": 7, "coupon_fen": 4321, "coupon_days": 77}],
        "/v1/incentive-policy", WHERE,
    ),
    "setOwners": Put(
        f"/v1/units/{ESTATE}/0001/owners",
        [{"owners": [{"name": "李雷", "phone": "10000000091", "share": "0.375"},
                     {"name": "韩梅梅", "phone": None, "share": "0.625"}]}],
        f"/v1/units/{ESTATE}/0001/owners",
    ),
    "setWorkOrderCategories": Put(
        "/v1/work-order-categories", [{"items": CATEGORIES}], "/v1/work-order-categories"
    ),
    "setWaiverAuthority": Put(
        "/v1/waiver-authority",
        [WHERE | {"kind": "late_fee", "bands": BANDS}, WHERE | {"kind": "principal", "bands": BANDS[1:]}],
        "/v1/waiver-authority", WHERE,
        shown=lambda answer, sent: answer | {"kind": sent["kind"], "bands": answer[sent["kind"]]},
    ),
    "setVoidAuthority": Put(
        "/v1/void-authority", [WHERE | {"automatic_up_to_fen": 77_700}], "/v1/void-authority", WHERE
    ),
}  # fmt: skip


def puts() -> dict[str, dict[str, Any]]:
    """The request schema of every PUT of the documentation."""
    operations = [methods["put"] for methods in DOCUMENT["paths"].values() if "put" in methods]
    return {each["operationId"]: each["requestBody"]["content"]["application/json"]["schema"] for each in operations}


def fields(schema: dict[str, Any], place: str = "") -> dict[str, Any]:
    """Every field of a body at every depth: place → its schema."""
    if "$ref" in schema:
        schema = SCHEMAS[schema["$ref"].rpartition("/")[2]]
    found: dict[str, Any] = {}
    for choice in schema.get("anyOf", []):
        found |= fields(choice, place)
    if "items" in schema:
        found |= fields(schema["items"], f"{place}[]")
    for name, inner in schema.get("properties", {}).items():
        found |= {f"{place}.{name}": inner} | fields(inner, f"{place}.{name}")
    return found


def values(body: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Every value of a body, by the same places."""
    if isinstance(body, dict):
        for name, inner in body.items():
            yield f"{place}.{name}", inner
            yield from values(inner, f"{place}.{name}")
    elif isinstance(body, list):
        for inner in body:
            yield from values(inner, f"{place}[]")


def is_boolean(schema: dict[str, Any]) -> bool:
    return "boolean" in {choice.get("type") for choice in schema.get("anyOf", [schema])}


@pytest.fixture(scope="module")
def api(servers: Servers, templates: TemplateDatabases) -> Iterator[InProcessApi]:
    with house(servers, templates, "billing", "notifications", "workorders") as (signed_in, doors):
        SmallEstate(ESTATE).load(signed_in)
        signed_in.load("estates", FUNDED)
        signed_in.load("staff", SECOND)
        doors.tell_portfolio()
        yield signed_in


def test_every_put_has_a_case_with_every_field() -> None:
    schemas = puts()
    assert PUTS.keys() == schemas.keys()
    for name, schema in schemas.items():
        sent = [value for body in PUTS[name].bodies for value in values(body)]
        for place, inner in fields(schema).items():
            given = [value for at, value in sent if at == place]
            assert [value for value in given if value not in (None, inner.get("default"))], f"{name}{place}"
            assert not is_boolean(inner) or True in given, f"{name}{place}: a boolean must be true once"


@pytest.mark.parametrize("name", PUTS)
def test_what_is_read_back_equals_what_was_sent(api: InProcessApi, name: str) -> None:
    put = PUTS[name]
    for body in put.bodies:
        api.ok("PUT", put.path, json=body)
        answer = api.get(put.read, **put.query)
        assert list(differences(body, put.shown(answer, body))) == []


def differences(sent: Any, kept: Any, place: str = "") -> Iterator[str]:
    """Where what is kept is not what was sent; more may be shown than was sent."""
    if isinstance(sent, dict):
        for name, value in sent.items():
            if isinstance(kept, dict) and name in kept:
                yield from differences(value, kept[name], f"{place}.{name}")
            else:
                yield f"{place}.{name} is not shown"
    elif isinstance(sent, list) and isinstance(kept, list) and len(sent) == len(kept):
        for number, (value, other) in enumerate(zip(sent, kept, strict=True)):
            yield from differences(value, other, f"{place}[{number}]")
    elif not same(sent, kept):
        yield f"{place}: sent {sent!r}, kept {kept!r}"


def same(sent: Any, kept: Any) -> bool:
    """Decimals may be sent as text and come back as numbers; true is no 1."""
    if isinstance(kept, int | float) and not isinstance(kept, bool) and not isinstance(sent, bool) and sent is not None:
        return Decimal(str(sent)) == Decimal(str(kept))
    return type(sent) is type(kept) and sent == kept


def test_a_difference_is_seen() -> None:
    sent = {"a": True, "b": [1, 2], "c": "0.5", "d": None}
    assert list(differences(sent, {"a": True, "b": [1, 2], "c": 0.5, "d": None, "e": 1})) == []
    assert len(list(differences(sent, {"a": False, "b": [1], "c": 0.25}))) == 4
    assert list(differences({"a": True}, {"a": 1})) == [".a: sent True, kept 1"]
