"""VOCABULARY of imports: what a file did (A3)."""

from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import TypedDict

from services.common.fields import Whole

ImportKind = Literal["estates", "units", "staff", "tariffs", "opening_balances", "meter_readings"]


class FileWarning(TypedDict):
    """Something a file says that was loaded as it stands, and that a person should look at."""

    line: Whole
    column: str
    msg: str


class ImportResult(TypedDict):
    """What an import did; a second import of the same file changes nothing."""

    kind: ImportKind
    rows: Whole
    created: Whole
    updated: Whole
    unchanged: Whole
    warnings: Annotated[list[FileWarning], Field(description="The first thousand, then how many more there are")]
