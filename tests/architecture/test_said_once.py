"""What is said in one place only: how often a request acts, which locks there are, what a field may hold."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HOMES = {
    "request id was used for": "services/common/once.py",
    "pg_(try_)?advisory": "services/common/locks.py",
}


def places(pattern: str) -> set[str]:
    """The files of services and gateway that say it; migrations are history and stay as they were."""
    return {
        str(path.relative_to(ROOT))
        for folder in ("services", "gateway")
        for path in (ROOT / folder).rglob("*.py")
        if "versions" not in path.parts and re.search(pattern, path.read_text())
    }


@pytest.mark.parametrize(("pattern", "home"), HOMES.items(), ids=HOMES.values())
def test_it_is_said_in_its_home_only(pattern: str, home: str) -> None:
    assert places(pattern) == {home}
