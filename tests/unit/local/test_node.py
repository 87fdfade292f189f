"""The npm packages of a folder: installed whole and once by the wheel's Node, afresh after anything that went wrong."""

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from local.commands import collect
from local.node import Modules, Node
from local.packages import SetupError

NODE = Node(Path(sys.prefix))


def depend_on(folder: Path, name: str) -> None:
    """A package beside it becomes the one thing the folder needs, in package.json only."""
    (folder / name).mkdir(exist_ok=True)
    (folder / name / "package.json").write_text(json.dumps({"name": name, "version": "1.0.0"}))
    (folder / "package.json").write_text(json.dumps({"dependencies": {name: f"file:{name}"}}))


@pytest.fixture
def modules(tmp_path: Path) -> Modules:
    """A folder with a lock and nothing installed."""
    (tmp_path / ".npmrc").write_text("audit=false\nfund=false\n")
    depend_on(tmp_path, "scales")
    lock(tmp_path)
    return Modules(tmp_path)


def lock(folder: Path) -> None:
    done = collect(NODE.npm("install", "--package-lock-only"), at=folder)
    assert done.returncode == 0, done.stdout


def installed(modules: Modules) -> list[str]:
    return sorted(path.name for path in modules.stamp.parent.iterdir() if path.is_dir())


def test_what_the_lock_names_is_installed_and_a_second_start_does_nothing(modules: Modules) -> None:
    assert not modules.is_current()
    modules.ensure(NODE)
    assert modules.is_current()
    assert installed(modules) == ["scales"]
    (modules.stamp.parent / "note").mkdir()
    modules.ensure(NODE)
    assert installed(modules) == ["note", "scales"]


def test_a_wish_alone_installs_nothing_so_that_make_lock_can_resolve_it(modules: Modules) -> None:
    modules.ensure(NODE)
    depend_on(modules.folder, "balance")
    assert modules.is_current()


def test_another_lock_is_installed_afresh(modules: Modules) -> None:
    modules.ensure(NODE)
    depend_on(modules.folder, "balance")
    lock(modules.folder)
    assert not modules.is_current()
    modules.ensure(NODE)
    assert installed(modules) == ["balance"]


def test_what_an_interrupted_run_left_is_removed(modules: Modules) -> None:
    (modules.folder / "node_modules" / "half").mkdir(parents=True)
    modules.ensure(NODE)
    assert installed(modules) == ["scales"]


def test_a_failure_says_why_and_leaves_nothing_that_passes_for_whole(modules: Modules) -> None:
    modules.ensure(NODE)
    depend_on(modules.folder, "balance")
    modules.lock.write_text(modules.lock.read_text() + "\n")  # another lock, and one that still names the scales
    with pytest.raises(SetupError, match=r"(?s)npm ci .* failed.*Missing: balance"):
        modules.ensure(NODE)
    assert not modules.is_current()
    lock(modules.folder)
    modules.ensure(NODE)
    assert modules.is_current()


def test_of_two_at_once_one_installs(modules: Modules, capfd: pytest.CaptureFixture[str]) -> None:
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda _: modules.ensure(NODE), range(2)))
    assert modules.is_current()
    assert capfd.readouterr().out.count("Installing") == 1


def test_without_node_it_is_said_how_to_get_it(modules: Modules, tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="local.bootstrap --dev"):
        modules.ensure(Node(tmp_path / "no environment"))
    assert not modules.is_current()
