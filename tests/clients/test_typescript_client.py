"""A front end in TypeScript: money that is read by its name compiles, money that is misspelt does not."""

import re

import pytest

from tests.support.clients import FOLDER, Workbench

PROGRAM = (FOLDER / "money.ts").read_text().splitlines()
MONEY = [line for line in PROGRAM if "_fen" in line and not line.startswith("//")]
READING = re.compile(r"\bfen\((.+)\);")
USELESS_EXPECTATION = re.compile(r"misspelt\.ts\((\d+),\d+\): error TS2578")


def misspelt(line: str) -> str:
    """`fen(bill.amount_fen);` → `void bill.amount_fne;`: to read a wrong name is the error, not what type it has."""
    return READING.sub(r"void \1;", line).replace("_fen", "_fne")


def misspelt_program() -> str:
    """The compiler is told to expect an error at each misspelt line: where there is none, it says so."""
    return "\n".join(f"// @ts-expect-error\n{misspelt(line)}" if line in MONEY else line for line in PROGRAM)


@pytest.fixture(scope="module")
def errors(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What the compiler has against the front end, the well and the badly spelt."""
    bench = Workbench(tmp_path_factory.mktemp("typescript"))
    bench.generate("openapi-typescript/bin/cli.js", "openapi.json", "--output", "schema.d.ts")
    (bench.folder / "misspelt.ts").write_text(misspelt_program())
    compilation = bench.run("node_modules/typescript/bin/tsc", "--pretty", "false")
    lines = [line for line in compilation.stdout.splitlines() if not line.startswith(" ")]
    assert all(line.startswith(("money.ts(", "misspelt.ts(")) for line in lines), compilation.stdout
    assert (compilation.returncode == 0) == (lines == [])
    return lines


@pytest.fixture(scope="module")
def accepted(errors: list[str]) -> set[str]:
    """The misspelt lines the compiler has nothing against: each below a line whose expectation was useless."""
    lines = misspelt_program().splitlines()
    return {lines[int(match[1])] for error in errors if (match := USELESS_EXPECTATION.match(error))}


def test_a_program_that_reads_money_by_its_names_compiles(errors: list[str]) -> None:
    assert [error for error in errors if error.startswith("money.ts")] == []


@pytest.mark.parametrize("line", MONEY, ids=str.strip)
def test_a_misspelt_money_field_does_not_compile(accepted: set[str], line: str) -> None:
    assert misspelt(line) != line
    assert misspelt(line) not in accepted
