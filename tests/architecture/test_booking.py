"""One verb for money (ADR 15): what keeps the books is written by booking and by nobody else.

The ledger, what is paid and waived of a bill, prepaid balance, late fee left and the figures. Set-based issue and
opening balances are SQL of their own; a property test holds them equal to `book` (test_booking.py of receivables).
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from services.billing.receivables.ledger.rules import MovementKind

ROOT = Path(__file__).parents[2]
SERVICES = ROOT / "services"
BOOKING = "services/billing/receivables/booking"
# Whole tables, and columns of tables that others write too.
TABLES = {
    "ledger_entry", "late_fee_left", "rate_rollup", "rate_total", "rate_month", "rate_day", "rate_change",
    "rate_building", "rate_building_month", "rate_building_change",
}  # fmt: skip
COLUMNS = {"bill": ("paid_fen", "waived_fen"), "household": ("credit_fen",)}
COMPUTED = "a table named at run time"

WRITERS = {
    f"{BOOKING}/tables.py": {
        "ledger_entry", "late_fee_left", "rate_rollup", "bill.paid_fen", "bill.waived_fen", "household.credit_fen",
    },
    "services/billing/charging/bills/issue_sql.py": {"ledger_entry", "rate_rollup"},
    "services/billing/imports/opening.py": {"ledger_entry", "rate_rollup", "bill.paid_fen"},
    # totals are the rollups once more: a trigger says what changed, and this adds it up
    "services/billing/figures/rates/totals.py": {COMPUTED},
}  # fmt: skip

STATEMENT = re.compile(
    r"\b(?:INSERT\s+INTO|UPDATE|DELETE\s+FROM|TRUNCATE(?:\s+TABLE)?)\s+(?:ONLY\s+)?([\w{]+)", re.IGNORECASE
)
# What a statement sets: the columns it names after the table, or between SET and whatever ends that.
SET_BY_INSERT = re.compile(r"\bINSERT\s+INTO\s+(\w+)(?:\s+AS\s+\w+)?\s*\(([^)]*)\)", re.IGNORECASE)
SET_BY_UPDATE = re.compile(
    r"\bUPDATE\s+(?:ONLY\s+)?(\w+)(?:\s+AS)?(?:\s+(?!SET\b)\w+)?\s+SET\s+(.*?)(?:\bFROM\b|\bWHERE\b|\bRETURNING\b|$)",
    re.IGNORECASE | re.DOTALL,
)
ENTERED = re.compile(r"INSERT\s+INTO\s+ledger_entry|\b(?:insert|upsert)\((?:\w+\.)?ledger_entry", re.IGNORECASE)
CORE = {"insert", "upsert", "update", "delete"}


def strings(tree: ast.AST) -> Iterator[str]:
    """Every text of a module; of an f-string what stands in it, with {} for what is computed."""
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def written_by_sql(sql: str) -> Iterator[str]:
    for name in STATEMENT.findall(sql):
        if "{" in name:
            yield COMPUTED
        elif name.lower() in TABLES:
            yield name.lower()
    for table, columns in [*SET_BY_INSERT.findall(sql), *SET_BY_UPDATE.findall(sql)]:
        for column in COLUMNS.get(table.lower(), ()):
            # {}: columns put together at run time may be any
            if re.search(rf"\b{column}\b", re.sub(r"=[^,]*", "", columns)) or "{}" in columns:
                yield f"{table.lower()}.{column}"


def name_of(node: ast.AST) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def words(tree: ast.AST) -> set[str]:
    """Texts and names of arguments within a function or a module."""
    named = {node.arg for node in ast.walk(tree) if isinstance(node, ast.keyword) and node.arg}
    return named | set(strings(tree)) | {name_of(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}


def written_by_core(tree: ast.Module) -> Iterator[str]:
    """Tables given to SQLAlchemy's insert, update and delete; columns named in the function that does so."""
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    for function in [*functions, tree]:
        for call in ast.walk(function):
            if isinstance(call, ast.Call) and name_of(call.func) in CORE and call.args:
                table = name_of(call.args[0])
                yield from {table} & TABLES
                yield from (
                    f"{table}.{column}"
                    for column in COLUMNS.get(table, ())
                    if isinstance(function, ast.FunctionDef) and column in words(function)
                )


def written(source: str) -> set[str]:
    """What of the books a module writes."""
    tree = ast.parse(source)
    return {what for sql in strings(tree) for what in written_by_sql(sql)} | set(written_by_core(tree))


def sources(folder: Path) -> list[Path]:
    found = [path for path in folder.rglob("*.py") if "migrations" not in path.parts]
    assert len(found) > 50
    return found


def test_the_books_are_written_by_booking_and_the_set_based_statements_alone() -> None:
    writers = {str(path.relative_to(ROOT)): written(path.read_text()) for path in sources(SERVICES)}
    assert {path: what for path, what in writers.items() if what} == WRITERS


def test_only_the_story_of_booking_runs_its_statements() -> None:
    """Whoever could call them one by one would book by hand again."""
    users = {
        str(path.relative_to(ROOT))
        for path in sources(SERVICES)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if f"{node.module}.{alias.name}".startswith("services.billing.receivables.booking.tables")
    }
    assert users == {f"{BOOKING}/handlers.py"}


def test_tests_put_entries_into_the_ledger_in_one_place() -> None:
    """A past that is ready-made; what happens in a test is booked, as anywhere else."""
    entered = {
        str(path.relative_to(ROOT))
        for path in sources(ROOT / "tests")
        if path != Path(__file__) and ENTERED.search(path.read_text())
    }
    assert entered == {"tests/support/billing/entries.py"}


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ('SQL = "INSERT INTO ledger_entry (id) VALUES (1)"', {"ledger_entry"}),
        ('SQL = f"""WITH x AS ({y}) INSERT INTO rate_rollup AS r\n SELECT * FROM x"""', {"rate_rollup"}),
        ('SQL = "DELETE FROM late_fee_left WHERE bill_id = 1"', {"late_fee_left"}),
        ('SQL = "UPDATE bill b SET paid_fen = b.paid_fen + 1 FROM x WHERE true"', {"bill.paid_fen"}),
        ('SQL = "update bill set voided_at = now(), waived_fen = 0"', {"bill.waived_fen"}),
        ('SQL = "UPDATE household SET credit_fen = 0"', {"household.credit_fen"}),
        ('SQL = "INSERT INTO bill (amount_fen, paid_fen) SELECT 1, 1"', {"bill.paid_fen"}),
        ('SQL = f"UPDATE bill SET {columns} WHERE id = 1"', {"bill.paid_fen", "bill.waived_fen"}),
        ('SQL = f"INSERT INTO {table} VALUES (1)"', {COMPUTED}),
        ("def f(s):\n    s.execute(insert(tables.ledger_entry), [])", {"ledger_entry"}),
        ("def f(s):\n    s.execute(update(bill).values(paid_fen=1))", {"bill.paid_fen"}),
        ('def f(s):\n    s.execute(insert(household), [{"credit_fen": 1}])', {"household.credit_fen"}),
        ("QUERY = delete(rate_rollup)", {"rate_rollup"}),
    ],
)
def test_whoever_writes_the_books_is_found(source: str, what: set[str]) -> None:
    assert written(source) == what


@pytest.mark.parametrize(
    "source",
    [
        'SQL = "SELECT paid_fen FROM bill JOIN ledger_entry n ON n.bill_id = bill.id"',
        'SQL = "UPDATE bill SET voided_at = :now WHERE paid_fen = 0"',
        'SQL = "UPDATE household SET language = :language FROM bill WHERE credit_fen = 0"',
        'SQL = "SELECT * FROM bill ORDER BY id FOR UPDATE"',
        'SQL = "INSERT INTO bill (amount_fen) SELECT paid_fen FROM x"',
        "def f(s):\n    s.execute(select(ledger_entry.c.id).where(bill.c.paid_fen == 1))",
        'def f(s):\n    s.execute(update(bill).values(at=1))\n\ndef g(row):\n    return {"paid_fen": row.paid_fen}',
    ],
)
def test_whoever_reads_them_is_not(source: str) -> None:
    assert written(source) == set()


def test_the_table_of_postings_names_every_kind_of_movement_and_no_other() -> None:
    postings = (ROOT / "docs/billing.md").read_text().split("### Postings")[1].split("\n### ")[0]
    rows = [line.split(" | ")[1] for line in postings.splitlines() if line.startswith("| ")][1:]
    assert {kind for row in rows for kind in re.findall(r"`(\w+)`", row)} == set(get_args(MovementKind))
