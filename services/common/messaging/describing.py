"""WIRE: what the doors of a service take and answer, as JSON Schema, read off their signatures."""

import inspect
from collections.abc import Callable
from typing import Any, get_type_hints

from pydantic import TypeAdapter, create_model
from pydantic.json_schema import JsonSchemaMode

from services.common.messaging.answers import adapter_of, doors
from services.common.messaging.rpc import SafeRpc

REF = "#/$defs/{model}"
NOT_SENT = ("self", "caller")
Key = tuple[str, str]


def describe(service_cls: Any) -> dict[str, Any]:
    """`{"service", "doors": {name: {"says", "arguments", "answer"}}, "$defs"}`, arguments without the caller."""
    methods = dict(doors(service_cls, SafeRpc))
    inputs: list[tuple[Key, JsonSchemaMode, TypeAdapter[Any]]] = []
    for name, method in methods.items():
        inputs.append(((name, "arguments"), "validation", TypeAdapter(_arguments(name, method))))
        inputs.append(((name, "answer"), "serialization", adapter_of(method)))
    schemas, definitions = TypeAdapter.json_schemas(inputs, ref_template=REF)
    doors_by_name = {
        name: {
            "says": inspect.getdoc(method),
            "arguments": schemas[(name, "arguments"), "validation"],
            "answer": schemas[(name, "answer"), "serialization"],
        }
        for name, method in methods.items()
    }
    return {"service": service_cls.name, "doors": doors_by_name, **definitions}


def _arguments(name: str, method: Callable[..., Any]) -> Any:
    """A model of what a door is sent."""
    hints = get_type_hints(method, include_extras=True)
    fields: dict[str, Any] = {
        parameter.name: (hints[parameter.name], ... if parameter.default is parameter.empty else parameter.default)
        for parameter in inspect.signature(method).parameters.values()
        if parameter.name not in NOT_SENT
    }
    return create_model(f"{name}_arguments", **fields)
