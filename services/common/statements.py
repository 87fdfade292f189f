"""SQL of a service, whole: its statements by name, found in its modules, and printed as they are sent.

A statement is a `text` or a `Prepared` that a module keeps. Its name is the module's below the service and the
constant's, and any end of it that no other has will do. What depends on the question is made by a function of the
module: its arguments follow as `name=value`.
"""

import ast
import difflib
import inspect
import pkgutil
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from itertools import takewhile
from pathlib import Path
from types import ModuleType

from sqlalchemy import TextClause

from services.common.prepared import Prepared

ROOT = Path(__file__).parents[2]
WIDTH = 117

Maker = Callable[..., TextClause]


@dataclass(frozen=True)
class Statement:
    """As it is sent; `parameters` says what it takes, `remarks` is the comment the code has above it."""

    name: str
    sql: str
    parameters: str
    path: str
    line: int
    remarks: str = ""


@dataclass(frozen=True)
class Catalogue:
    """The statements a service keeps, and the functions that make others; by name."""

    kept: Mapping[str, Statement]
    made: Mapping[str, Maker]

    def listed(self) -> str:
        """All names, those of functions with their arguments."""
        makers = (f"{name} {_usage(maker)}" for name, maker in self.made.items())
        return "".join(f"{name}\n" for name in sorted([*self.kept, *makers]))

    def printed(self, name: str, arguments: Sequence[str] = ()) -> str:
        """A statement under its place and parameters. LookupError: no such name, or not for these arguments."""
        full = _full_name(name, [*self.kept, *self.made])
        statement = self.kept[full] if full in self.kept else _for_arguments(full, self.made[full], arguments)
        head = [f"{statement.name}, {statement.path}:{statement.line}", statement.remarks, statement.parameters]
        return as_comment(head) + f"{statement.sql}\n"


def catalogue(service: ModuleType) -> Catalogue:
    """What the modules of a service say to the database."""
    modules = list(_modules(service))
    statements = (statement for module in modules for statement in _statements_of(module, service))
    makers = (pair for module in modules for pair in _makers_of(module, service))
    return Catalogue({statement.name: statement for statement in statements}, dict(makers))


def as_comment(paragraphs: Iterable[str]) -> str:
    """SQL: lines of comment."""
    return "".join(f"-- {line}\n" for paragraph in paragraphs for line in textwrap.wrap(paragraph, WIDTH))


def _modules(service: ModuleType) -> Iterator[ModuleType]:
    """All but doors, which say no SQL and need the message bus."""
    for info in pkgutil.walk_packages(service.__path__, f"{service.__name__}."):
        if not info.name.endswith(".service"):
            yield import_module(info.name)


def _name(module: ModuleType, service: ModuleType, name: str) -> str:
    return f"{module.__name__}.{name}".removeprefix(f"{service.__name__}.")


def _statements_of(module: ModuleType, service: ModuleType) -> Iterator[Statement]:
    source = inspect.getsource(module)
    path = str(Path(inspect.getfile(module)).relative_to(ROOT))
    for constant, line in _assignments(source):
        for name, value in _parts(_name(module, service, constant), vars(module)[constant]):
            yield Statement(name, *_text_of(value), path, line, _comment_above(source, line))


def _assignments(source: str) -> Iterator[tuple[str, int]]:
    """Names a module gives, with their lines."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign):
            yield from ((target.id, node.lineno) for target in node.targets if isinstance(target, ast.Name))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
            yield node.target.id, node.lineno


def _parts(name: str, value: object) -> Iterator[tuple[str, TextClause | Prepared]]:
    """The statements in a value: itself, or those of a mapping or a tuple, by key or place."""
    if isinstance(value, TextClause | Prepared):
        yield name, value
    elif isinstance(value, Mapping):
        for key, part in value.items():
            yield from _parts(f"{name}.{key}", part)
    elif isinstance(value, tuple):
        for place, part in enumerate(value):
            yield from _parts(f"{name}.{place}", part)


def _text_of(value: TextClause | Prepared) -> tuple[str, str]:
    """A statement's text, and what it takes."""
    if isinstance(value, Prepared):
        types = ", ".join(f"{name} {kind}" for name, kind in value.types.items())
        return value.statement.strip("\n"), f"Parameters: {types}. Prepared as {value.name}."
    return value.text.strip("\n"), f"Parameters: {', '.join(value.compile().params) or 'none'}."


def _comment_above(source: str, line: int) -> str:
    """The comment that ends just above a line."""
    above = reversed(source.splitlines()[: line - 1])
    remarks = list(takewhile(lambda text: text.startswith("# "), above))
    return " ".join(text.removeprefix("# ") for text in reversed(remarks))


def _makers_of(module: ModuleType, service: ModuleType) -> Iterator[tuple[str, Maker]]:
    for name, value in vars(module).items():
        own = inspect.isroutine(inspect.unwrap(value)) and value.__module__ == module.__name__
        if own and not name.startswith("_") and inspect.signature(value).return_annotation is TextClause:
            yield _name(module, service, name), value


def _arguments(maker: Maker) -> Mapping[str, inspect.Parameter]:
    return inspect.signature(maker).parameters


def _usage(maker: Maker) -> str:
    return " ".join(f"{word}=" for word in _arguments(maker))


def _for_arguments(name: str, maker: Maker, arguments: Sequence[str]) -> Statement:
    """The statement for `name=value` arguments; what is yes or no, or a list, may be left out."""
    values = dict.fromkeys(_arguments(maker), "") | dict(argument.partition("=")[::2] for argument in arguments)
    try:
        text_and_types = _text_of(
            maker(**{key: _value(_arguments(maker).get(key), value) for key, value in values.items()})
        )
    except (KeyError, TypeError) as problem:
        raise LookupError(
            f"{name} takes {_usage(maker)} and not {' '.join(arguments) or 'nothing'}: {problem}"
        ) from problem
    code = inspect.unwrap(maker).__code__
    return Statement(name, *text_and_types, str(Path(code.co_filename).relative_to(ROOT)), code.co_firstlineno)


def _value(parameter: inspect.Parameter | None, value: str) -> object:
    """A word of the command line as the argument it is for."""
    if parameter is None or parameter.annotation is str:
        return value
    return value == "yes" if parameter.annotation is bool else frozenset(filter(None, value.split(",")))


def _full_name(name: str, names: Sequence[str]) -> str:
    """The one name that ends in `name`."""
    same = [full for full in names if full == name or full.endswith(f".{name}")]
    if len(same) == 1:
        return same[0]
    close = same or _close(name, names)
    problem = f"{len(same) or 'No'} statements are called {name}"
    raise LookupError("\n  ".join([f"{problem}; these come close:", *close] if close else [f"{problem}."]))


def _close(name: str, names: Sequence[str]) -> list[str]:
    """Names that resemble it in one of their ends."""
    ends = {full.split(".", skip)[-1].lower(): full for full in names for skip in range(full.count(".") + 1)}
    return list(dict.fromkeys(ends[end] for end in difflib.get_close_matches(name.lower(), ends, n=6)))
