"""LAW of sheets: CSV text in, rows of values and every bad cell out (A3). Pure: it can run in a thread of its own."""

import csv
import hashlib
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from services.common.sheets.cells import Column

MOST_ERRORS = 1_000
BOM = "\ufeff"
HEADER_LINE = 1


@dataclass(frozen=True)
class CellError:
    """A bad cell: `line` is the line of the file on which its row starts, the header being line 1."""

    line: int
    column: str
    msg: str


@dataclass(frozen=True)
class Row:
    """A row; `values` holds one value for each column the file has, None where the cell could not be read."""

    line: int
    values: Mapping[str, Any]

    def __getitem__(self, name: str) -> Any:
        return self.values.get(name)

    def key(self, *names: str) -> tuple[Any, ...] | None:
        """The values of `names`, or None when one of them is missing and the row cannot be compared by them."""
        values = tuple(self.values.get(name) for name in names)
        return None if None in values else values


@dataclass
class Sheet:
    """A file as read. `count` are its rows, whole or not; `sha256` tells whether two files are the same."""

    kind: str
    sha256: str
    count: int = 0
    rows: list[Row] = field(default_factory=list)
    errors: list[CellError] = field(default_factory=list)

    def reject(self, line: int, column: str, msg: str) -> None:
        """Note a bad cell."""
        self.errors.append(CellError(line, column, msg))


def read_sheet(kind: str, columns: Sequence[Column], content: str) -> Sheet:
    """Read a CSV file of `kind`. Nothing is raised: whatever is wrong stands in `errors`."""
    sheet = Sheet(kind, hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest())
    records = _records(content.removeprefix(BOM), sheet)
    header = next(records, None)
    if header is None:
        if not sheet.errors:
            sheet.reject(HEADER_LINE, "", "the file is empty")
        return sheet
    present = _columns(sheet, columns, without_empty_end(name.strip() for name in header[1]))
    if not sheet.errors:
        for line, cells in records:
            _read_row(sheet, present, line, cells)
    return sheet


def without_empty_end(cells: Iterable[str], width: int = 0) -> list[str]:
    """Cells without the empty ones after the last that holds something, as Excel leaves them; at least `width` stay."""
    rest = list(cells)
    while len(rest) > width and not rest[-1].strip():
        rest.pop()
    return rest


def _records(content: str, sheet: Sheet) -> Iterator[tuple[int, list[str]]]:
    """(first physical line, cells) of each record that is not blank; a file that is no CSV ends with an error."""
    reader = csv.reader(io.StringIO(content, newline=""), strict=True)
    line = HEADER_LINE
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield line, cells
            line = reader.line_num + 1
    except csv.Error as error:
        sheet.reject(line, "", f"not readable as CSV: {error}")


def _columns(sheet: Sheet, columns: Sequence[Column], header: Sequence[str]) -> list[Column]:
    by_name = {column.name: column for column in columns}
    for name in dict.fromkeys(header):
        if name not in by_name:
            sheet.reject(HEADER_LINE, name, "unknown column")
        elif header.count(name) > 1:
            sheet.reject(HEADER_LINE, name, "the column appears twice")
    for column in columns:
        if column.required and column.name not in header:
            sheet.reject(HEADER_LINE, column.name, "required column is missing")
    return [by_name[name] for name in header if name in by_name]


def _read_row(sheet: Sheet, columns: Sequence[Column], line: int, cells: Sequence[str]) -> None:
    sheet.count += 1
    if len(cells) > len(columns):
        cells = without_empty_end(cells, len(columns))
    if len(cells) != len(columns):
        sheet.reject(line, "", f"{len(cells)} cells where the header has {len(columns)} columns")
        return
    values = {c.target: _value(sheet, c, line, cell.strip()) for c, cell in zip(columns, cells, strict=True)}
    sheet.rows.append(Row(line, values))


def _value(sheet: Sheet, column: Column, line: int, cell: str) -> Any:
    if not cell:
        if column.required:
            sheet.reject(line, column.name, "empty")
        return column.empty
    try:
        return column.parse(cell)
    except ValueError as error:
        sheet.reject(line, column.name, str(error))
        return None


def problems(errors: Sequence[CellError], noun: str = "errors") -> list[dict[str, Any]]:
    """Cells as the API names them, in the order of the file; the first thousand, then how many more there are."""
    by_line = sorted(errors, key=lambda error: error.line)
    first_errors = [{"line": e.line, "column": e.column, "msg": e.msg} for e in by_line[:MOST_ERRORS]]
    if len(by_line) > MOST_ERRORS:
        rest = len(by_line) - MOST_ERRORS
        first_errors.append(
            {"line": by_line[MOST_ERRORS].line, "column": "", "msg": f"and {rest} more {noun} from here on"}
        )
    return first_errors
