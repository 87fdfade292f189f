"""Every module of the services says in its first word which room it is, and is it (CONTRIBUTING.md, "Rooms")."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Room → the rooms it may import. What is not a room of the services (the world) is in WORLD.
MAY_IMPORT = {
    "DOORS": "DOORS STORY LAW VIEWS VOCABULARY KNOBS PORT ADAPTER SIGNALS PROCESS",
    "STORY": "STORY STORE SQL LAW VIEWS VOCABULARY KNOBS PORT SIGNALS",
    "LAW": "LAW VOCABULARY PORT",
    "VIEWS": "VIEWS STORE LAW VOCABULARY ADAPTER",
    "STORE": "STORE SQL LAW VOCABULARY KNOBS PORT SIGNALS",
    "SQL": "SQL STORE LAW VOCABULARY",
    "VOCABULARY": "VOCABULARY LAW",
    "KNOBS": "KNOBS",
    "PORT": "PORT LAW VOCABULARY",
    "ADAPTER": "ADAPTER PORT LAW VOCABULARY KNOBS",
    "SIGNALS": "SIGNALS LAW STORY VOCABULARY",
    "WIRE": "WIRE STORE LAW VOCABULARY KNOBS SIGNALS PROCESS",
    "PROCESS": "PROCESS WIRE STORE SQL LAW VOCABULARY KNOBS ADAPTER SIGNALS",
}
# No I/O, no clock, no ORM, no framework.
PURE = """
__future__ base64 binascii bisect calendar chinese_calendar collections csv dataclasses datetime decimal enum
fractions functools hashlib heapq hmac io itertools json math operator pydantic pydantic_core re statistics
string typing typing_extensions unicodedata uuid zoneinfo
"""
WORLD = {room: set(PURE.split()) for room in ("LAW", "VOCABULARY", "PORT")}
# A file's last word says its room where there is such a word.
NAMED = {
    "rules": "LAW",
    "tables": "STORE",
    "queries": "STORE",
    "handlers": "STORY",
    "service": "DOORS",
    "settings": "KNOBS",
    "ports": "PORT",
    "metrics": "SIGNALS",
    "sql": "SQL",
}
# The base of doors, and the command that prints SQL.
CALLED_OTHERWISE = {"services/common/process/service.py", "services/billing/sql.py"}
FRAMEWORKS = {"nameko", "eventlet", "kombu"}
AT_THE_EDGE = {"DOORS", "WIRE", "PROCESS"}
MAKERS_OF_SQL = ("sqlalchemy", "services.common.prepared")
MAKES_SQL = {"text", "select", "insert", "update", "delete", "func", "Prepared"}
SQL_TEXT = re.compile(r"\s*(WITH\b.*\bAS\b|SELECT|INSERT INTO|UPDATE\b.*\bSET|DELETE FROM)\b", re.DOTALL)

# What is not yet as it should be. These lists only shrink: an entry that is no longer needed is an error.
DOORS_TO_STORE = {
    ("services/billing/figures/rates/service.py", "services.billing.figures.rates.totals"),
    ("services/billing/figures/rates/service.py", "services.common.database"),
    ("services/billing/receivables/books/service.py", "services.common.database"),
    ("services/billing/receivables/late_fee/service.py", "services.billing.receivables.late_fee.by_estate"),
    ("services/billing/receivables/trial_balance/service.py", "services.common.database"),
    ("services/feedback/service.py", "services.feedback.complaints.tables"),
    ("services/feedback/service.py", "services.feedback.surveys.tables"),
    ("services/notifications/service.py", "services.common.messaging.inbox"),
    ("services/notifications/service.py", "services.notifications.delivery.tables"),
    ("services/payments/service.py", "services.payments.tables"),
    ("services/workorders/service.py", "services.workorders.orders.tables"),
}
SQL_ELSEWHERE = {"services/common/process/migrate.py"}  # it makes the databases in which there could be a store


def modules() -> list[Path]:
    """All modules but revisions, which are history, and what only says what a folder is."""
    paths = sorted((ROOT / "services").rglob("*.py"))
    return [path for path in paths if path.name != "__init__.py" and "migrations" not in path.parts]


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def room(path: Path) -> str:
    """The first word of the docstring; a word that is no room is caught by the first test."""
    return re.split(r"[^A-Z]", ast.get_docstring(tree(path)) or "", maxsplit=1)[0]


ROOMS = {name(path)[:-3].replace("/", "."): room(path) for path in modules()}


def imports(path: Path) -> Iterator[str]:
    """The modules a file imports, each by its full name: of `from a import b` it is `a.b` where that is a module."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in ROOMS else node.module


def called(path: Path) -> set[str]:
    """The methods a file calls, by name."""
    calls = (node.func for node in ast.walk(tree(path)) if isinstance(node, ast.Call))
    return {function.attr for function in calls if isinstance(function, ast.Attribute)}


def in_room(*rooms: str) -> list[Path]:
    return [path for path in modules() if room(path) in rooms]


@pytest.mark.parametrize("path", modules(), ids=name)
def test_every_file_says_which_room_it_is(path: Path) -> None:
    assert room(path) in MAY_IMPORT
    wanted = NAMED.get(path.stem.rpartition("_")[2])
    assert wanted in (None, room(path)) or name(path) in CALLED_OTHERWISE


def test_the_rooms_are_those_we_tell_of() -> None:
    told = re.findall(r"^\| ([A-Z]+) \|", (ROOT / "CONTRIBUTING.md").read_text(), re.MULTILINE)
    assert sorted(told) == sorted(MAY_IMPORT) == sorted({*ROOMS.values()})


@pytest.mark.parametrize("path", modules(), ids=name)
def test_a_room_imports_only_what_it_may(path: Path) -> None:
    allowed = MAY_IMPORT[room(path)].split()
    strangers = {(name(path), module) for module in imports(path) if ROOMS.get(module, allowed[0]) not in allowed}
    assert strangers == {entry for entry in DOORS_TO_STORE if entry[0] == name(path)}


@pytest.mark.parametrize("path", in_room(*WORLD), ids=name)
def test_laws_and_words_are_pure(path: Path) -> None:
    world = {module.split(".")[0] for module in imports(path)} - {"services"}
    assert world <= WORLD[room(path)]
    assert not called(path) & {"now", "today", "monotonic"}, "time is an argument of a rule"


@pytest.mark.parametrize("path", in_room("STORY", "STORE", "SQL", "VIEWS", "LAW"), ids=name)
def test_only_doors_and_processes_commit(path: Path) -> None:
    assert not called(path) & {"commit", "rollback"}


@pytest.mark.parametrize("path", modules(), ids=name)
def test_sql_stands_in_stores_and_sql_files(path: Path) -> None:
    if room(path) not in ("STORE", "SQL"):
        assert bool(list(sql_of(tree(path)))) == (name(path) in SQL_ELSEWHERE)


def sql_of(source: ast.Module) -> Iterator[str]:
    """Statements a file makes or writes out; docstrings only talk."""
    makers = {
        alias.asname or alias.name
        for node in ast.walk(source)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(MAKERS_OF_SQL)
        for alias in node.names
        if alias.name in MAKES_SQL
    }
    strings = (node.value for node in ast.walk(source) if isinstance(node, ast.Expr))
    talk = {id(string) for string in strings if isinstance(string, ast.Constant)}
    for node in ast.walk(source):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in makers:
            yield node.func.id
        if id(node) not in talk and SQL_TEXT.match(written(node)):
            yield written(node)


def written(node: ast.AST) -> str:
    """The text of a literal; what an f-string fills in is left out."""
    if isinstance(node, ast.JoinedStr):
        return " ".join(written(part) for part in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def test_sql_is_noticed() -> None:
    for source in (
        "from sqlalchemy import select as find\nfind(1)",
        "from services.common.prepared import Prepared\nPrepared('x')",
        "QUERY = '''\nSELECT id FROM bill'''",
        "f'UPDATE {table} SET a = 1'",
        "query = 'WITH a AS (SELECT 1) SELECT * FROM a'",
    ):
        assert list(sql_of(ast.parse(source))), source
    assert not list(sql_of(ast.parse("'''SELECT things'''\nselect('Select one')")))


@pytest.mark.parametrize("path", modules(), ids=name)
def test_nameko_and_eventlet_stay_at_the_edge(path: Path) -> None:
    if room(path) not in AT_THE_EDGE:
        assert not {module.split(".")[0] for module in imports(path)} & FRAMEWORKS
