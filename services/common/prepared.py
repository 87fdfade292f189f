"""SQL that a connection parses and plans once and then only executes.

The statements of issuing are long: to read and plan one takes a millisecond, which a run over small estates would pay
hundreds of times. psycopg2 cannot prepare, so SQL's own PREPARE and EXECUTE are used; a connection remembers what it
has prepared, and forgets it when it is closed.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlalchemy import CursorResult, Result, TextClause, text
from sqlalchemy.orm import Session

_PARAMETER = re.compile(r"(?<!:):([a-z_]\w*)")
_PREPARED_NAMES = "prepared"


@dataclass(frozen=True)
class Prepared:
    """`statement` with :parameters, and the PostgreSQL type of each."""

    name: str
    statement: str
    types: Mapping[str, str]

    def execute(self, session: Session, parameters: Mapping[str, Any]) -> Result[Any]:
        """Execute it, prepared by then on the session's connection. A rollback leaves it prepared."""
        connection = session.connection()
        names: set[str] = connection.info.setdefault(_PREPARED_NAMES, set())
        if self.name not in names:
            connection.exec_driver_sql(self.preparation)
            names.add(self.name)
        result: CursorResult[Any] = connection.execute(self._execution, {name: parameters[name] for name in self.types})
        return result

    @cached_property
    def preparation(self) -> str:
        """PREPARE, with the parameters by number."""
        number = {name: f"${place}" for place, name in enumerate(self.types, start=1)}
        body = _PARAMETER.sub(lambda match: number[match[1]], self.statement)
        return f"PREPARE {self.name} ({', '.join(self.types.values())}) AS {body}"

    @cached_property
    def _execution(self) -> TextClause:
        return text(f"EXECUTE {self.name} ({', '.join(f':{name}' for name in self.types)})")
