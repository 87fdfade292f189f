"""The house rules about who may import what; each names the decision it keeps (architecture.md)."""

import ast
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.common.database import SERVICES

ROOT = Path(__file__).parents[2]


def sources(folder: str) -> list[Path]:
    return sorted(path for path in (ROOT / folder).rglob("*.py"))


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def within(module: str, *roots: str) -> bool:
    return any(module == root or module.startswith(f"{root}.") for root in roots)


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_imports_no_other_service(service: str) -> None:
    others = [f"services.{name}" for name in SERVICES if name != service]
    for path in sources(f"services/{service}"):
        for module in imports(path):
            assert not within(module, *others, "gateway", "sandbox", "demo", "local", "bench"), f"{path}: {module}"


def test_the_common_layer_knows_no_service() -> None:
    for path in sources("services/common"):
        for module in imports(path):
            assert not within(module, *(f"services.{name}" for name in SERVICES), "gateway", "sandbox"), (
                f"{path}: {module}"
            )


def test_the_gateway_knows_the_common_layer_only() -> None:
    for path in sources("gateway"):
        for module in imports(path):
            assert not within(module, "nameko", "eventlet", "kombu", "psycopg2"), f"{path}: {module}"
            if within(module, "services"):
                assert within(module, "services.common"), f"{path}: {module}"


def test_no_event_bypasses_the_outbox() -> None:
    forbidden = "Event" + "Dispatcher"
    for folder in ("services", "gateway", "sandbox", "tests", "bench", "demo"):
        for path in sources(folder):
            assert forbidden not in path.read_text(), f"{path}: events go through the outbox"


def test_no_drawer_for_everything() -> None:
    assert not [path for path in ROOT.glob("[a-z]*/**/utils.py") if ".venv" not in path.parts]


@pytest.mark.parametrize(
    ("lock", "least"), [("requirements.lock", 30), ("requirements-dev.lock", 30), ("requirements-node.lock", 1)]
)
def test_locks_have_hashes_and_no_address(lock: str, least: int) -> None:
    text = (ROOT / lock).read_text()
    assert "://" not in text
    assert "--index-url" not in text
    pinned = [line for line in text.splitlines() if "==" in line and not line.startswith(("#", " "))]
    assert len(pinned) >= least
    assert text.count("--hash=sha256:") >= len(pinned)


def test_the_npm_lock_has_hashes_and_no_address_and_what_is_asked_for_is_exact() -> None:
    folder = ROOT / "tests" / "clients"
    asked = json.loads((folder / "package.json").read_text())["dependencies"]
    locked = json.loads((folder / "package-lock.json").read_text())["packages"]
    assert locked.pop("")["dependencies"] == asked
    for name, version in asked.items():
        assert locked[f"node_modules/{name}"]["version"] == version
    for name, package in locked.items():
        assert package["integrity"].startswith("sha512-"), name
        assert "resolved" not in package, name


def test_runtime_images_carry_no_node() -> None:
    assert "nodejs" not in (ROOT / "requirements.lock").read_text()
    assert "requirements-node" not in (ROOT / "Dockerfile").read_text()


def test_no_test_is_skipped() -> None:
    for path in sources("tests"):
        if path == Path(__file__):
            continue
        text = path.read_text()
        for word in ("mark.skip", "pytest.skip(", "importorskip", "mark.xfail", "unittest.mock", "MagicMock"):
            assert word not in text, f"{path}: {word}"
