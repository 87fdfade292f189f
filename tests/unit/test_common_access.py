import json
import logging

import pytest

from services.common.access import Caller, mask_email, mask_name, mask_phone
from services.common.contracts.errors import Forbidden, Invalid
from services.common.observability.logs import JsonFormatter, describe
from services.common.paging import decode_cursor, encode_cursor, page

STEWARD = Caller(sub="s", roles=frozenset({"steward"}), estates=frozenset({"E1"}))
OWNER = Caller(sub="o", roles=frozenset({"owner"}), household="H1")


def test_scope_and_role_are_both_needed() -> None:
    STEWARD.require("steward", "finance")
    STEWARD.require_household("H9", "E1")
    for refused in (
        lambda: STEWARD.require("finance"),
        lambda: STEWARD.require_estate("E2"),
        lambda: STEWARD.require_household("H1", "E2"),
        lambda: STEWARD.require_every_estate(),
        lambda: OWNER.require_household("H2", "E1"),
        lambda: OWNER.require_estate("E1"),
    ):
        with pytest.raises(Forbidden):
            refused()
    OWNER.require_household("H1", "E1")
    assert STEWARD.estate_filter() == {"E1"}
    assert Caller.system("billing").estate_filter() is None


def test_who_sees_names() -> None:
    assert STEWARD.sees_personal_data
    assert OWNER.sees_personal_data
    for role in ("technician", "auditor"):
        assert not Caller(sub="x", roles=frozenset({role}), estates=frozenset({"*"})).sees_personal_data


def test_masks_hide_the_middle() -> None:
    assert mask_name("王小明") == "王**"
    assert mask_phone("10012345678") == "100****5678"
    assert mask_phone("12345") == "*****"
    assert mask_email("li@example.com") == "l***@example.com"
    assert (mask_name(""), mask_phone("")) == ("", "")


def test_pages_are_cut_by_key() -> None:
    rows = list(range(5))
    shown, cursor = page(rows[:3], 2, lambda row: [row])
    assert (shown, decode_cursor(cursor)) == ([0, 1], [1])
    assert page(rows[3:], 2, lambda row: [row]) == ([3, 4], None)
    assert page([], 2, lambda row: [row]) == ([], None)


@pytest.mark.parametrize("cursor", ["nonsense", "e30", encode_cursor([1])[:-2] + "!"])
def test_a_foreign_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(Invalid):
        decode_cursor(cursor)


def test_logs_keep_values_out() -> None:
    error = ValueError("duplicate key\nDETAIL:  Key (phone)=(10012345678) already exists.\n[SQL: INSERT …]")
    assert "10012345678" not in describe(error)
    try:
        raise error
    except ValueError as raised:
        record = logging.LogRecord(
            "x", logging.ERROR, "f", 1, "it failed", None, (ValueError, raised, raised.__traceback__)
        )
    line = json.loads(JsonFormatter("billing").format(record))
    assert line["service"] == "billing"
    assert line["error"] == "ValueError: duplicate key"
    assert "test_logs_keep_values_out" in line["stack"][0]
