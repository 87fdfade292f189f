"""WIRE: what a door promises to answer, read off its signature, and whether an answer keeps the promise."""

import inspect
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, get_type_hints

from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_json, to_jsonable_python


class BrokenPromise(TypeError):
    """A door answered something else than its signature says; a fault of ours, never of the caller."""


def promised(method: Callable[..., Any]) -> Any:
    """The type of a door's answer."""
    return get_type_hints(method, include_extras=True)["return"]


@cache
def adapter_of(method: Callable[..., Any]) -> TypeAdapter[Any]:
    """Reads and describes the answers of a door."""
    return TypeAdapter(promised(method))


def check(method: Callable[..., Any], answer: Any) -> None:
    """BrokenPromise when a plain JSON answer has another shape than promised: a wrong type, a key too few or too many.

    The message names places and kinds, never values.
    """
    adapter = adapter_of(method)
    try:
        read = adapter.validate_json(to_json(answer), strict=True)
    except ValidationError as error:
        faults = [f"{'.'.join(map(str, e['loc']))}: {e['type']}" for e in error.errors(include_input=False)]
        raise BrokenPromise(f"{method.__qualname__}: {'; '.join(faults[:9])}") from None
    extra = sorted(_keys(answer) - _keys(to_jsonable_python(read)))
    if extra:
        raise BrokenPromise(f"{method.__qualname__}: not promised: {', '.join(extra[:9])}")


def _keys(value: Any, path: str = "") -> set[str]:
    """Every key at every depth, as a path; the items of a list share one."""
    if isinstance(value, dict):
        return {inner for key, item in value.items() for inner in {f"{path}{key}", *_keys(item, f"{path}{key}.")}}
    if isinstance(value, list):
        return {inner for item in value for inner in _keys(item, path)}
    return set()


def doors(service_cls: type, entrypoint: type) -> Iterator[tuple[str, Callable[..., Any]]]:
    """(name, method as written) of every door of a service class that has such an entrypoint."""
    for name, method in inspect.getmembers(service_cls, inspect.isfunction):
        if any(isinstance(each, entrypoint) for each in getattr(method, "nameko_entrypoints", ())):
            yield name, inspect.unwrap(method)
