"""The house rules about who may import what; each names the decision it keeps (architecture.md)."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.common.database import SERVICES

ROOT = Path(__file__).parents[2]
# What a rule may stand on: no I/O, no clock, no ORM, no framework.
PURE = {
    "__future__",
    "bisect",
    "collections",
    "dataclasses",
    "datetime",
    "decimal",
    "enum",
    "fractions",
    "functools",
    "hashlib",
    "hmac",
    "heapq",
    "itertools",
    "json",
    "math",
    "operator",
    "re",
    "statistics",
    "string",
    "typing",
    "unicodedata",
    "uuid",
    "zoneinfo",
    "csv",
    "io",
    "base64",
}
PURE_OURS = (
    "services.common.domain.access",
    "services.common.domain.permissions",
    "services.common.domain.calendar",
    "services.common.contracts",
    "services.common.fields",
    "services.common.domain.money",
    "services.common.fields",
    "services.common.sheets",
    "services.common.sla.rules",
)
FRAMEWORK_ROOMS = (
    "services/common/messaging/",
    "services/common/process/runner.py",
    "services/common/process/relay.py",
    "services/common/process/service.py",
)


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


def rule_files() -> list[Path]:
    found = [path for path in sources("services") if {"rules", "ports"} & {path.stem, path.parent.name}]
    assert len(found) >= 5
    return found


@pytest.mark.parametrize("path", rule_files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_rules_are_pure(path: Path) -> None:
    assert list(impurities(path)) == []


def impurities(path: Path) -> Iterator[str]:
    """What a rule stands on that it must not; its own service's modules are looked into in turn."""
    text = path.read_text()
    yield from (f"{path}: time is an argument of a rule" for call in (".now(", ".today(") if call in text)
    for module in imports(path):
        if module.split(".")[0] in PURE or within(module, *PURE_OURS):
            continue
        own = [file for file in files_of(module) if "common" not in file.parts]
        yield from impurities(own[0]) if own else (f"{path}: {module} is not pure",)


def files_of(module: str) -> list[Path]:
    """The file of a module of ours, or of the module a name is imported from."""
    parts = module.split(".")
    candidates = [
        ROOT.joinpath(*parts[:length]).with_suffix(".py") for length in (len(parts), len(parts) - 1) if length
    ]
    return [candidate for candidate in candidates if candidate.exists()]


def test_nameko_and_eventlet_stay_at_the_edge() -> None:
    for path in sources("services"):
        name = str(path.relative_to(ROOT))
        if name.startswith(FRAMEWORK_ROOMS) or path.name == "service.py":
            continue
        for module in imports(path):
            assert not within(module, "nameko", "eventlet", "kombu"), f"{name}: {module}"


def test_handlers_never_commit() -> None:
    for path in sources("services"):
        if path.name == "handlers.py" or path.parent.name == "handlers":
            assert ".commit(" not in path.read_text(), f"{path}: the door commits"


def test_no_event_bypasses_the_outbox() -> None:
    forbidden = "Event" + "Dispatcher"
    for folder in ("services", "gateway", "sandbox", "tests", "bench", "demo"):
        for path in sources(folder):
            assert forbidden not in path.read_text(), f"{path}: events go through the outbox"


def test_no_drawer_for_everything() -> None:
    assert not [path for path in ROOT.glob("[a-z]*/**/utils.py") if ".venv" not in path.parts]


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_locks_have_hashes_and_no_address(lock: str) -> None:
    text = (ROOT / lock).read_text()
    assert "://" not in text
    assert "--index-url" not in text
    pinned = [line for line in text.splitlines() if "==" in line and not line.startswith(("#", " "))]
    assert len(pinned) > 30
    assert text.count("--hash=sha256:") >= len(pinned)


def test_no_test_is_skipped() -> None:
    for path in sources("tests"):
        if path == Path(__file__):
            continue
        text = path.read_text()
        for word in ("mark.skip", "pytest.skip(", "importorskip", "mark.xfail", "unittest.mock", "MagicMock"):
            assert word not in text, f"{path}: {word}"
