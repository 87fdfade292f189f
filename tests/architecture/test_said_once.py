"""What is said in one place only: how often a request acts, which locks there are, what a field may hold."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HOMES = {
    "request id was used for": "services/common/once.py",
    "pg_advisory": "services/common/locks.py",
    "pg_try_advisory": "services/common/locks.py",
    "2**31": "services/common/fields.py",
    "2**63": "services/common/fields.py",
    "10_000_000_000": "services/common/fields.py",
    "[0-9]{4}": "services/common/fields.py",
    r"\x00-\x1f]+$": "services/common/fields.py",
    r"[^\x00]*$": "services/common/fields.py",
    "Integer fen": "services/common/fields.py",
}


def places(words: str) -> set[str]:
    """The files of services and gateway whose code says it; revisions are history and stay as they were."""
    return {
        str(path.relative_to(ROOT))
        for folder in ("services", "gateway")
        for path in (ROOT / folder).rglob("*.py")
        if "versions" not in path.parts and words in path.read_text()
    }


@pytest.mark.parametrize(("words", "home"), HOMES.items(), ids=str)
def test_it_is_said_in_its_home_only(words: str, home: str) -> None:
    assert places(words) == {home}
