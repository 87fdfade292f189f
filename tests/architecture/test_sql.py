"""SQL can be read whole: every statement has a name and prints, the longest are kept in docs/sql, and what they are put
together from names no alias that is not its own."""

import ast
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from services import billing
from services.billing import sql
from services.billing.collections.dunning.sweep_sql import SWEEP
from services.billing.figures.rates.rates_sql import rates
from services.billing.receivables.late_fee.sql import LATE_FEES_DUE
from services.common import golden
from services.common.statements import catalogue
from tests.architecture.test_coverage import rows

ROOT = Path(__file__).parents[2]
STATEMENTS = catalogue(billing)
SQL = re.compile(r"\b(SELECT|FROM|WHERE|JOIN|EXISTS|CASE|AND|OR|IS)\b")
OF_TABLES = re.compile(r"\b(FROM|UPDATE|INTO)\b")
ALIAS = re.compile(r"(?<![\w.:])([a-z_]\w*)\.[a-z_*]")
BARE_WORD = re.compile(r"\b([a-z_]\w*)\b(?!\.)")
ASIDE = re.compile(r"'[^']*'|--[^\n]*")
HOLE = re.compile(r"\{\w*\}")
OF_POSTGRESQL = {"excluded", "public"}
SERVICE_FILES = sorted(path for path in (ROOT / "services").rglob("*.py") if "migrations" not in path.parts)


def test_the_longest_statements_have_not_drifted() -> None:
    assert golden.drift(sql.folders()) == []


def test_what_is_not_kept_is_shorter_or_says_the_same() -> None:
    kept = {page.statement: lines(page.statement) for page in sql.PAGES.values()}
    shortest = min(len(STATEMENTS.kept[name].sql) for name in kept)
    longer = {name for name, statement in STATEMENTS.kept.items() if len(statement.sql) > shortest} - kept.keys()
    assert len(kept) == 6
    assert [name for name in longer if not any(mostly_within(lines(name), others) for others in kept.values())] == []


def lines(name: str) -> set[str]:
    return set(STATEMENTS.kept[name].sql.splitlines())


def mostly_within(some: set[str], others: set[str]) -> bool:
    return len(some & others) > 0.9 * len(some)


def test_a_kept_statement_is_of_rows_of_the_product() -> None:
    known = {row[0] for row in rows()}
    for file, page in sql.PAGES.items():
        assert {*page.product.split(", ")} <= known, file
        assert page.answers.split("?")[0] != page.answers, f"{file}: what does it answer?"


def test_a_statement_is_printed_as_it_is_sent(capsys: pytest.CaptureFixture[str]) -> None:
    assert sql.main(["SWEEP"]) == sql.main(["late_fee.sql.LATE_FEES_DUE"]) == 0
    printed = capsys.readouterr().out
    assert SWEEP.statement in printed
    assert LATE_FEES_DUE.text in printed
    assert "-- Parameters: slice_ids bigint[], estate_ids integer[], as_of date, " in printed
    assert "-- Parameters: households, as_of, past." in printed
    place = printed.split("sweep_sql.SWEEP, ")[1].splitlines()[0]
    file, line = place.split(":")
    assert (ROOT / file).read_text().splitlines()[int(line) - 1].startswith("SWEEP = ")


def test_a_statement_made_for_a_question_is_printed_too(capsys: pytest.CaptureFixture[str]) -> None:
    question = ["rates", "group_by=estate", "window=due_in", "filters=steward,fee_item", "standing=yes"]
    assert sql.main(question) == 0
    made = rates("estate", "due_in", frozenset({"steward", "fee_item"}), standing=True).text
    assert made.strip("\n") in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        (["SWEAP"], "collections.dunning.sweep_sql.SWEEP"),
        (["_STATE_OF_THE_ART_OF_NOTHING"], "No statements are called"),
        (["_BILLS"], "receivables.waivers.tables._BILLS"),
        (["rates", "group_by=estate"], "group_by= window= filters= standing="),
        (["rates", "group_by=estate", "window=due_in", "colour=red"], "colour"),
    ],
)
def test_another_name_is_refused_with_what_comes_close(
    arguments: list[str], answer: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sql.main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert answer in err


def test_every_name_of_the_list_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert sql.main([]) == 0
    names = capsys.readouterr().out.splitlines()
    assert len(names) > 150
    assert {name for name in names if " " not in name} == STATEMENTS.kept.keys()
    assert {name.split()[0] for name in names if " " in name} == STATEMENTS.made.keys()
    assert [name for name in STATEMENTS.kept if STATEMENTS.kept[name].sql not in STATEMENTS.printed(name)] == []


def test_no_statement_of_billing_is_hidden_in_a_function() -> None:
    """But where a function is there to make one."""
    files = [path for path in SERVICE_FILES if "billing" in path.parts]
    assert len(files) > 150
    assert [place for path in files for place in hidden_statements(path)] == []


def hidden_statements(path: Path) -> Iterator[str]:
    for function in ast.walk(ast.parse(path.read_text())):
        if isinstance(function, ast.FunctionDef) and ast.unparse(function.returns or function) != "TextClause":
            yield from (f"{path.relative_to(ROOT)}:{call.lineno}" for call in ast.walk(function) if says_sql(call))


def says_sql(node: ast.AST) -> bool:
    made = isinstance(node, ast.Call) and ast.unparse(node.func) in ("text", "Prepared")
    return made and bool(OF_TABLES.search(ast.unparse(node)))


def test_a_fragment_names_no_alias_that_is_not_its_own() -> None:
    """What asks something of an alias of somebody else is a function that takes it: `open_bill("b")`."""
    pieces = [(place, piece) for module in modules() for place, piece in fragments(module)]
    assert len(pieces) > 20
    assert [(place, aliases) for place, piece in pieces if (aliases := foreign_aliases(piece))] == []
    assert [place for place, piece in pieces if HOLE.search(ASIDE.sub("", piece))] == [], "holes are arguments"


def modules() -> Iterator[ModuleType]:
    """Of every service, but for doors and what runs a process."""
    for path in SERVICE_FILES:
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        if path.stem not in ("__init__", "service") and "process" not in path.parts:
            yield import_module(name)


def fragments(module: ModuleType) -> Iterator[tuple[str, str]]:
    """Pieces of SQL that a module keeps."""
    for name, value in vars(module).items():
        if not name.startswith("__"):
            yield from ((f"{module.__name__}.{name}", piece) for piece in strings(value) if SQL.search(piece))


def strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | tuple | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from strings(part)


def foreign_aliases(piece: str) -> set[str]:
    """Aliases that stand before a dot only: the piece does not say what they are."""
    code = ASIDE.sub("", piece)
    return {*ALIAS.findall(code)} - {*BARE_WORD.findall(code)} - OF_POSTGRESQL


def test_foreign_aliases_are_found() -> None:
    assert foreign_aliases("b.voided_at IS NULL AND 'x.y' = b.code") == {"b"}
    assert foreign_aliases("SELECT s.id FROM stewardship s WHERE s.estate_id = e.id") == {"e"}
    assert foreign_aliases("SELECT s.id FROM public.stewardship s -- e.id") == set()
