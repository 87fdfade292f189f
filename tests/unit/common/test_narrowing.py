"""What was asked for is a condition, and nothing asked for is none."""

from typing import Any

import pytest
from sqlalchemy import ColumnElement, column, select
from sqlalchemy.dialects import postgresql

from services.common.narrowing import above, among, below, equals

ESTATE, AT, ID = column("estate"), column("at"), column("id")


def where(*conditions: ColumnElement[bool]) -> str:
    query = select(ID).where(*conditions)
    return str(query.compile(dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True})).partition("WHERE ")[
        2
    ]


@pytest.mark.parametrize(
    ("condition", "sql"),
    [
        (among(ESTATE, ["E1", "E2"]), "estate IN ('E1', 'E2')"),
        (equals(ESTATE, "E1"), "estate = 'E1'"),
        (equals(ESTATE, ""), "estate = ''"),
        (below((AT, ID), (7, 1)), "(at, id) < (7, 1)"),
        (above((AT, ID), (7, 1)), "(at, id) > (7, 1)"),
    ],
)
def test_what_was_asked_for_is_a_condition(condition: ColumnElement[bool], sql: str) -> None:
    assert where(condition) == sql


@pytest.mark.parametrize("narrow", [among, equals])
def test_nothing_asked_for_adds_nothing(narrow: Any) -> None:
    assert where(narrow(ESTATE, None), below((AT, ID), None), above((AT, ID), None), ID == 3) == "id = 3"
