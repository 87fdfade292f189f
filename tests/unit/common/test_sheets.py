"""A file of any kind is read strictly: every bad cell is named by line and column, and no reason repeats a value."""

import pytest

from services.common.sheets import cells
from services.common.sheets.cells import Column
from services.common.sheets.reading import MOST_ERRORS, Sheet, problems, read_sheet

LIFTS = (
    Column("code", cells.code),
    Column("built_on", cells.day, required=False),
    Column("price_yuan", cells.amount, required=False, field="price_fen"),
)


def read(*lines: str) -> Sheet:
    return read_sheet("lifts", LIFTS, "\n".join(lines))


def faults(*lines: str) -> list[tuple[int, str, str]]:
    return [(fault["line"], fault["column"], fault["msg"]) for fault in problems(read(*lines).errors)]


def test_a_good_file_gives_typed_values_by_the_names_of_their_fields() -> None:
    sheet = read("\ufeffprice_yuan,code", "12.50, L1 ", "", ",L2")
    assert [(row.line, row.values) for row in sheet.rows] == [
        (2, {"price_fen": 1_250, "code": "L1"}),
        (4, {"price_fen": None, "code": "L2"}),
    ]
    assert (sheet.errors, sheet.count) == ([], 2)


def test_two_files_of_one_content_are_the_same() -> None:
    assert read("code", "L1").sha256 == read("code", "L1").sha256 != read("code", "L2").sha256


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        ([""], (1, "", "the file is empty")),
        (["built_on", "2026-01-01"], (1, "code", "required column is missing")),
        (["code,colour", "L1,red"], (1, "colour", "unknown column")),
        (["code,code", "L1,L1"], (1, "code", "the column appears twice")),
        (["code,built_on", "L1"], (2, "", "1 cells where the header has 2 columns")),
        (["code,built_on", "L1,2026-02-30"], (2, "built_on", "no such day")),
        (["code,built_on", '"L\n1",2026-01-01', "L2,x"], (4, "built_on", "not a date YYYY-MM-DD")),
    ],
)
def test_what_is_wrong_is_named_with_its_line(lines: list[str], fault: tuple[int, str, str]) -> None:
    assert faults(*lines)[-1] == fault


def test_a_file_may_hold_nothing_but_its_header() -> None:
    assert (read("code").errors, read("code").count) == ([], 0)


def test_a_file_that_is_no_csv_ends_with_an_error_on_its_line() -> None:
    [(line, column, msg)] = faults("code", "L1", '"L2')
    assert (line, column) == (3, "")
    assert msg.startswith("not readable as CSV")


def test_errors_are_capped_with_a_note() -> None:
    told = faults("code", *["L 1"] * (MOST_ERRORS + 5))
    assert len(told) == MOST_ERRORS + 1
    assert told[-1] == (MOST_ERRORS + 2, "", "and 5 more errors from here on")
