"""JSON Schemas of answers: what one leaves open, and whether a value is what it says, no key more and none less."""

from collections.abc import Iterator
from typing import Any

from jsonschema import Draft202012Validator

Schema = dict[str, Any]


def faults(schema: Schema, shared: Schema, place: str, seen: frozenset[str] = frozenset()) -> Iterator[str]:
    """What a schema leaves open, with the place at which it does; `shared` are the schemas that are referred to."""
    name = schema.get("$ref", "").rpartition("/")[2]
    if name:
        if name not in seen:
            yield from faults(shared[name], shared, place, seen | {name})
        return
    choices = [*schema.get("anyOf", []), *schema.get("oneOf", [])]
    for choice in choices:
        yield from faults(choice, shared, place, seen)
    kind = schema.get("type")
    if not choices and kind is None and "enum" not in schema and "const" not in schema:
        yield f"{place}: anything"
    if kind == "integer" and schema.get("format") != "int64":
        yield f"{place}: a whole number that is no int64"
    if place.endswith("_fen") and kind not in ("integer", "null", None):
        yield f"{place}: money that is no whole number"
    if kind == "array":
        yield from faults(schema.get("items", {}), shared, f"{place}[]", seen)
    if kind == "object":
        yield from _faults_of_object(schema, shared, place, seen)


def _faults_of_object(schema: Schema, shared: Schema, place: str, seen: frozenset[str]) -> Iterator[str]:
    fields, values = schema.get("properties", {}), schema.get("additionalProperties", False)
    if not fields and not isinstance(values, dict):
        yield f"{place}: an object of anything"
    if values is True:
        yield f"{place}: further keys"
    if isinstance(values, dict):
        yield from faults(values, shared, f"{place}.*", seen)
    for field in sorted(fields.keys() - set(schema.get("required", []))):
        yield f"{place}.{field}: may be missing"
    if isinstance(fields.get("items"), dict) and "next_cursor" not in fields:
        yield f"{place}: a list without next_cursor"
    for field, inner in fields.items():
        yield from faults(inner, shared, f"{place}.{field}", seen)


def misfits(value: Any, schema: Schema, document: Schema) -> list[str]:
    """Why a value is not what an OpenAPI document says of it; nothing when it is."""
    checker = Draft202012Validator(
        {**schema, "components": document["components"]}, format_checker=Draft202012Validator.FORMAT_CHECKER
    )
    wrong = [f"{error.json_path}: {error.message}" for error in checker.iter_errors(value)]
    return wrong or [f"{place}: not named" for place in sorted(_unnamed(value, schema, document, "$"))]


def objects(value: Any, schema: Schema, document: Schema, place: str = "$") -> Iterator[tuple[str, set[str]]]:
    """Where a value has an object and of which kind, with those of its keys that are named and not values of a map."""
    if isinstance(value, list):
        for item in value:
            yield from objects(item, _of_items(schema, document), document, place)
    elif isinstance(value, dict):
        described = _object(value, schema, document)
        fields = described.get("properties", {})
        yield f"{place} {described.get('title', '')}", value.keys() & fields.keys()
        for key in value.keys() & fields.keys():
            yield from objects(value[key], fields[key], document, f"{place}.{key}")


def _unnamed(value: Any, schema: Schema, document: Schema, place: str) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _unnamed(item, _of_items(schema, document), document, place)
    elif isinstance(value, dict):
        described = _object(value, schema, document)
        fields, others = described.get("properties", {}), _values_of_map(described)
        for key, inner in value.items():
            if key not in fields and others is None:
                yield f"{place}.{key}"
            else:
                yield from _unnamed(inner, fields.get(key, others), document, f"{place}.{key}")


def _values_of_map(schema: Schema) -> Schema | None:
    """What the values of a map are, whose keys may be of a pattern."""
    return next(iter(schema.get("patternProperties", {}).values()), schema.get("additionalProperties"))


def _object(value: Schema, schema: Schema, document: Schema) -> Schema:
    """The choice of a schema that describes this object."""
    described = [choice for choice in _choices(schema, document) if choice.get("type") == "object"]
    return next(choice for choice in described if set(choice.get("required", [])) <= value.keys())


def _of_items(schema: Schema, document: Schema) -> Schema:
    return next(dict(choice["items"]) for choice in _choices(schema, document) if choice.get("type") == "array")


def _choices(schema: Schema, document: Schema) -> Iterator[Schema]:
    if "$ref" in schema:
        yield from _choices(document["components"]["schemas"][schema["$ref"].rpartition("/")[2]], document)
    elif "anyOf" in schema or "oneOf" in schema:
        for choice in [*schema.get("anyOf", []), *schema.get("oneOf", [])]:
            yield from _choices(choice, document)
    else:
        yield schema
