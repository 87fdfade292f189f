"""One table says who may do what: the page is the table, and no other stands beside it."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from gateway import permissions
from gateway.app import RESOURCES, SANDBOX, create_app
from gateway.front.guard import guard_of
from services.common.domain.access import Caller
from services.common.domain.permissions import STAFF, Permission, Role
from tests.support.gateway import settings_for_tests

ROOT = Path(__file__).parents[2]
TABLE = ROOT / "services/common/domain/permissions.py"
PUBLIC = {"POST /v1/webhooks/{channel}", "POST /v1/auth/dev-token"}
PAIRS = [(role, permission) for role in Role for permission in Permission]


def drawn() -> dict[tuple[str, str], bool]:
    """The marks of the page, by role and permission."""
    rows = [line.split("|")[1:-1] for line in permissions.PAGE.read_text().splitlines() if line.startswith("|")]
    head, _, *body = ([cell.strip() for cell in row] for row in rows)
    return {
        (role, row[0].strip("`")): mark == permissions.YES
        for row in body
        for role, mark in zip(head[1:-1], row[1:-1], strict=True)
    }


def test_the_page_is_what_table_and_routes_say() -> None:
    assert permissions.PAGE.read_text() == permissions.text(), "run `make schemas` and read the change"


def test_the_page_names_all_that_needs_no_sign_in() -> None:
    document = create_app(settings_for_tests()).openapi()
    unsigned = {
        f"{method.upper()} {path}"
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        if operation.get("security") == []
    }
    [line] = [line for line in permissions.PAGE.read_text().splitlines() if line.startswith("Without sign-in")]
    assert set(re.findall(r"`([^`]+)`", line)) == unsigned


def test_every_pair_is_drawn_and_is_what_a_caller_may() -> None:
    marks = drawn()
    assert marks.keys() == set(PAIRS)
    for role, permission in PAIRS:
        caller = Caller(sub="x", roles=frozenset({role}))
        assert marks[role, permission] == caller.may(permission) == (role in permission.roles), (role, permission)


def test_a_permission_is_called_by_its_word() -> None:
    assert [permission.value for permission in Permission] == [permission.name.lower() for permission in Permission]
    assert all(permission.roles for permission in Permission)


def test_a_region_manager_may_what_an_estate_manager_may() -> None:
    for permission in Permission:
        assert (Role.REGION_MANAGER in permission.roles) == (Role.ESTATE_MANAGER in permission.roles), permission
    assert Role.REGION_MANAGER in STAFF


def test_only_what_nobody_signs_in_for_asks_for_no_permission() -> None:
    assert set(permissions.routes()[None]) == PUBLIC
    guards = [guard_of(route.endpoint) for each in (*RESOURCES, *SANDBOX) for route in each.routes.declared]
    assert len(guards) > 100
    assert all(guard.permission is None or isinstance(guard.permission, Permission) for guard in guards)


def sources() -> list[Path]:
    found = [path for part in ("services", "gateway") for path in (ROOT / part).rglob("*.py") if path != TABLE]
    return [path for path in found if "migrations" not in path.parts]


def groups_of_roles(tree: ast.AST) -> Iterator[ast.expr]:
    """Tuples, lists and sets that write out several roles: a table of rights of its own."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Tuple | ast.List | ast.Set):
            words = {each.value for each in node.elts if isinstance(each, ast.Constant)}
            if len(words & set(Role)) > 1:
                yield node


def test_no_room_has_a_table_of_its_own() -> None:
    found = {path: [ast.unparse(node) for node in groups_of_roles(ast.parse(path.read_text()))] for path in sources()}
    assert len(found) > 300
    assert {str(path.relative_to(ROOT)): groups for path, groups in found.items() if groups} == {}
