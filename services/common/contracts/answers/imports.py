"""VOCABULARY of imports: what a file did (A3)."""

from typing import Literal

from typing_extensions import TypedDict

from services.common.fields import Whole

ImportKind = Literal["estates", "units", "staff", "tariffs", "opening_balances", "meter_readings"]


class ImportResult(TypedDict):
    """What an import did; a second import of the same file changes nothing."""

    kind: ImportKind
    rows: Whole
    created: Whole
    updated: Whole
    unchanged: Whole
