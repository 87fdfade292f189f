"""PROCESS that writes what an import's file holds, column by column, from the kinds: for people and for the gateway.

`python -m services.billing.imports.page` writes docs/imports.md and the columns that /openapi.json describes; `--check`
fails when they are not what the code says.
"""

import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from services.billing.imports.kinds import KINDS
from services.common.sheets.cells import Column

ROOT = Path(__file__).parents[3]
HEAD = """# Files that are imported · 导入文件的列

Written by `make schemas` from [the kinds](../services/billing/imports/kinds.py); a test compares them.

`POST /v1/imports/{kind}` takes one CSV file, in UTF-8 or GB18030, as the body (`Content-Type: text/csv`). Its first
line names the columns, in any order; a file is loaded whole or not at all, every bad cell is named by line and column,
and the same file again changes nothing. Begin with estates, then units, tariffs (which are published afterwards) and
opening balances.

文件为 CSV（UTF-8 或 GB18030），第一行是列名，次序不限；要么整份导入，要么一行不导，错误逐格列出行号与列名。
顺序：项目、房屋、收费标准（导入后发布）、期初欠费。
"""
Files = Mapping[Path, str]


def files() -> Files:
    """What is written."""
    columns = {kind: [_described(column) for column in columns] for kind, columns in KINDS.items()}
    text = "\n".join([HEAD, *(_section(kind, columns) for kind, columns in KINDS.items())])
    return {
        ROOT / "docs" / "imports.md": text,
        ROOT / "gateway" / "resources" / "imports" / "columns.json": json.dumps(columns, indent=1) + "\n",
    }


def _described(column: Column) -> dict[str, str | bool]:
    return {"name": column.name, "required": column.required, "holds": _holds(column)}


def _section(kind: str, columns: Iterable[Column]) -> str:
    rows = [f"| `{each.name}` | {'yes' if each.required else ''} | {_holds(each)} |" for each in columns]
    head = ",".join(each.name for each in columns)
    return "\n".join(
        [f"## {kind}", "", f"`{head}`", "", "| column | needed | a cell holds |", "|---|---|---|", *rows, ""]
    )


def _holds(column: Column) -> str:
    """What its parser says of itself; and what an empty cell means, where that is something."""
    said = " ".join((column.parse.__doc__ or "").partition("\n\n")[0].split())
    return f"{said} Empty: `{column.empty}`." if column.empty else said


def main(arguments: list[str]) -> int:
    """`--check` compares, nothing writes."""
    drifted = [path for path, text in files().items() if not path.exists() or path.read_text() != text]
    if arguments != ["--check"]:
        for path, text in files().items():
            path.write_text(text)
    elif drifted:
        names = ", ".join(path.name for path in drifted)
        sys.stderr.write(f"{names}: not what the code says: run `make schemas` and read the change\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
