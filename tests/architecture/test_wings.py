"""Billing is seven wings in one order: a wing imports only wings to its left, and no parts go in a circle."""

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BILLING = ROOT / "services" / "billing"
WINGS = ("portfolio", "holds", "receivables", "charging", "collections", "figures", "imports")
FOUNDATIONS = {"tables", "settings", "periods"}
# What looks at billing as a whole: doors, migrations, and who prints its statements.
DOORS_OF_ALL = {"service", "migrations", "sql"}


def modules(folder: Path) -> Iterator[Path]:
    yield from sorted(path for path in folder.rglob("*.py") if "migrations" not in path.parts)


def billing_imports(path: Path) -> Iterator[tuple[str, ...]]:
    """What of billing a file imports, as the parts below `services.billing`; the last part may be a name."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        for name in names:
            if name.startswith("services.billing."):
                yield tuple(name.split(".")[2:])


def wing_arrows() -> dict[str, set[str]]:
    """Wing → the wings it imports."""
    return {
        wing: {parts[0] for path in modules(BILLING / wing) for parts in billing_imports(path)} & {*WINGS} - {wing}
        for wing in WINGS
    }


def part_of(parts: tuple[str, ...]) -> str:
    """The part (a folder with rooms of its own) that a module or a name in it belongs to: its deepest folder."""
    folder = BILLING
    inside = []
    for part in parts:
        if not (folder / part).is_dir():
            break
        folder /= part
        inside.append(part)
    return "/".join(inside)


def part_arrows() -> dict[str, set[str]]:
    """Part → the parts it imports; the doors of a wing, which join its parts, left out."""
    arrows: dict[str, set[str]] = {}
    for path in modules(BILLING):
        if path.name == "service.py":
            continue
        here = "/".join(path.relative_to(BILLING).parent.parts)
        there = {part_of(parts) for parts in billing_imports(path)}
        arrows.setdefault(here, set()).update(there - {here, ""})
    return arrows


def test_billing_is_its_wings() -> None:
    folders = {path.name for path in BILLING.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert folders - DOORS_OF_ALL == {*WINGS}
    files = {path.stem for path in BILLING.glob("*.py")} - {"__init__"}
    assert files - DOORS_OF_ALL == FOUNDATIONS


@pytest.mark.parametrize("wing", WINGS)
def test_a_wing_imports_only_wings_to_its_left(wing: str) -> None:
    allowed = {*WINGS[: WINGS.index(wing)], wing} | FOUNDATIONS
    for path in modules(BILLING / wing):
        strangers = {".".join(parts) for parts in billing_imports(path) if parts[0] not in allowed}
        assert not strangers, f"{path.relative_to(ROOT)} imports {sorted(strangers)}"


def test_no_parts_go_in_a_circle() -> None:
    order = list(TopologicalSorter(part_arrows()).static_order())  # CycleError names the circle
    assert len(order) > 20
