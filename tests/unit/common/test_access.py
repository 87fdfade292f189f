import json
import logging
from datetime import date
from decimal import Decimal
from uuid import UUID

import pytest
from pydantic import ValidationError

from services.common.contracts.errors import Forbidden, Invalid
from services.common.contracts.events import ContactsRegistered
from services.common.domain.access import Caller, mask_email, mask_name, mask_phone
from services.common.domain.permissions import Permission
from services.common.observability.logs import JsonFormatter, describe
from services.common.paging import decode_cursor, encode_cursor, page, position

STEWARD = Caller(sub="s", roles=frozenset({"steward"}), estates=frozenset({"E1"}))
OWNER = Caller(sub="o", roles=frozenset({"owner"}), household="H1")


def test_scope_and_role_are_both_needed() -> None:
    STEWARD.require(Permission.REQUEST_WAIVER)
    STEWARD.require_household("H9", "E1")
    for refused in (
        lambda: STEWARD.require(Permission.APPROVE_WAIVER),
        lambda: STEWARD.require_system(),
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
    assert all(Caller.system("billing").may(permission) for permission in Permission)
    Caller.system("billing").require_system()


def test_a_region_manager_is_an_estate_manager_where_data_name_only_that() -> None:
    of_region = Caller(sub="r", roles=frozenset({"region_manager"}), estates=frozenset({"E1", "E2"}))
    assert of_region.holds(["estate_manager"])
    assert not of_region.holds(["finance", "group_admin"])
    assert not STEWARD.holds(["estate_manager"])
    assert not Caller(sub="m", roles=frozenset({"estate_manager"})).holds(["region_manager"])


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


@pytest.mark.parametrize(
    "cursor", ["nonsense", "e30", encode_cursor([1])[:-2] + "!", encode_cursor(["a\x00"]), encode_cursor(["\ud800"])]
)
def test_a_foreign_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(Invalid):
        decode_cursor(cursor)


@pytest.mark.parametrize("key", [["2026-11-02", 5], ["x", str(UUID(int=1))], ["2026-11-02"], [None, None], [1, 2, 3]])
def test_a_cursor_of_another_list_is_refused(key: list[object]) -> None:
    with pytest.raises(Invalid):
        position(encode_cursor(key), date.fromisoformat, UUID)
    with pytest.raises(Invalid):
        position(encode_cursor([float("inf")]), int)
    for part, read in ((2**63, int), (-(10**30), int), ("x", Decimal)):
        with pytest.raises(Invalid):
            position(encode_cursor([part]), read)


def test_the_parts_of_a_cursor_are_read() -> None:
    key = (date(2026, 11, 2), UUID(int=1))
    assert position(encode_cursor(key), date.fromisoformat, UUID) == key
    assert position(None, int) is None


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


def test_an_error_among_a_messages_arguments_keeps_its_values_out() -> None:
    error = ValueError("duplicate key\nDETAIL:  Key (phone)=(10012345678) already exists.")
    record = logging.LogRecord("nameko", logging.ERROR, "f", 1, "worker %s: %s", ("door", error), None)
    assert json.loads(JsonFormatter("billing").format(record))["message"] == "worker door: ValueError: duplicate key"
    plain = logging.LogRecord("x", logging.INFO, "f", 1, "100 %", (), None)
    assert json.loads(JsonFormatter("billing").format(plain))["message"] == "100 %"


def test_an_unreadable_event_is_described_without_its_values() -> None:
    with pytest.raises(ValidationError) as wrong:
        ContactsRegistered.model_validate({"estate": "E1", "contacts": [{"household": "H1", "name": "王小明"}]})
    assert "王小明" not in describe(wrong.value)
    assert "contacts.0.phone" in describe(wrong.value)
