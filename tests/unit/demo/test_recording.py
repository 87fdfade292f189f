"""Of many answers the recording keeps the one that says most, short enough to be read, and knows what it missed."""

from demo.api import Json
from demo.examples.recording import TOKEN, Recording, shortened, weight
from tests.support.schemas import misfits, objects

OK: Json = {"responses": {"200": {"content": {"application/json": {}}}}}
PDF: Json = {"responses": {"200": {"content": {"application/pdf": {}}}}}
DOCUMENT: Json = {
    "paths": {
        "/v1/bills": {"get": {"operationId": "listBills", **OK}},
        "/v1/bills/{bill_id}": {"get": {"operationId": "getBill", **OK}},
        "/v1/bills/{bill_id}/pdf": {"get": {"operationId": "printBill", **PDF}},
    }
}


def test_an_answer_belongs_to_the_operation_of_its_method_and_path() -> None:
    recording = Recording(DOCUMENT)
    recording.hear("GET", "/v1/bills/7", {"id": 7})
    recording.hear("POST", "/v1/bills", {"id": 8})
    recording.hear("GET", "/v1/bills/7/pdf", {"id": 9})
    assert recording.examples() == {"getBill": {"id": 7}}
    assert recording.missing() == ["listBills"]


def test_the_answer_that_says_most_is_kept_whenever_it_came() -> None:
    recording = Recording(DOCUMENT)
    for answer in ({"id": 7, "paid_on": None}, {"id": 8, "paid_on": "2026-11-20"}, {"id": 9, "paid_on": None}):
        recording.hear("GET", "/v1/bills/7", answer)
    assert recording["getBill"] == {"id": 8, "paid_on": "2026-11-20"}


def test_an_answer_with_a_part_missing_is_no_example() -> None:
    recording = Recording(DOCUMENT)
    recording.hear("GET", "/v1/bills/7", {"id": 7, "degraded": ["feedback"]})
    assert recording.examples() == {}


def test_lists_are_cut_at_every_depth_and_tokens_let_nobody_in() -> None:
    long = {"items": [{"steps": [1, 2, 3]}, {}, {}], "access_token": "eyJhbGciOiJIUzI1NiJ9.e30.secret"}
    assert shortened(long) == {"items": [{"steps": [1, 2]}, {}], "access_token": TOKEN}


def test_null_and_nothing_say_nothing() -> None:
    assert weight({"a": None, "b": []}) == weight({}) < weight({"a": 0}) == weight({"b": [0]})


COUNTS: Json = {"type": "object", "additionalProperties": {"type": "integer"}}
BILL: Json = {"type": "object", "properties": {"id": {"type": "integer"}, "parts": COUNTS}, "required": ["id"]}
SHARED: Json = {"components": {"schemas": {"Bill": BILL}}}
PAGE: Json = {"type": "array", "items": {"anyOf": [{"$ref": "#/components/schemas/Bill"}, {"type": "null"}]}}


def test_a_value_fits_a_schema_when_no_key_is_missing_and_none_too_many() -> None:
    assert misfits([{"id": 1}, None], PAGE, SHARED) == []
    assert misfits([{"id": "1"}], PAGE, SHARED) != []
    assert misfits([{}], PAGE, SHARED) != []
    assert misfits([{"id": 1, "more": 2}], PAGE, SHARED) == ["$.more: not named"]


def test_the_keys_of_a_map_are_values() -> None:
    assert list(objects([{"id": 1, "parts": {"a": 1}}], PAGE, SHARED)) == [("$ ", {"id", "parts"}), ("$.parts ", set())]
