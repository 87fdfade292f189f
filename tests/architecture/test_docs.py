"""Pages cannot lie about what a machine can check: headings, events, links, decisions (docs/)."""

import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from services.common.contracts.events import EVENTS
from services.common.database import SERVICES
from services.common.messaging.topology import subscriptions
from tests.architecture.test_wings import WINGS, wing_arrows

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
HEADINGS = ["What it decides", "Its laws", "Events in and out", "What can go wrong"]
HEADING = re.compile(r"^## (.+)$", re.MULTILINE)
LINK = re.compile(r"\]\(([^)\s]+)\)")
FILE_IN_PASSING = re.compile(r"`([\w/]+/\w+\.(?:py|md|txt))`")
ARROW = re.compile(r"^ *(\w+) --> (\w+(?: & \w+)*)$", re.MULTILINE)
ELSEWHERE = re.compile(r"[a-z]+:|#")


def page(service: str) -> str:
    return (DOCS / f"{service}.md").read_text()


def links(path: Path) -> Iterator[Path]:
    """Where the relative links of a page lead."""
    for target in LINK.findall(path.read_text()):
        if not ELSEWHERE.match(target):
            yield (path.parent / target.split("#")[0]).resolve()


def pages() -> list[Path]:
    found = [*DOCS.rglob("*.md"), *ROOT.glob("*.md"), *ROOT.glob("*/README.md")]
    assert len(found) > 30
    return found


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_has_a_page_with_the_same_headings(service: str) -> None:
    assert HEADING.findall(page(service))[: len(HEADINGS)] == HEADINGS


@pytest.mark.parametrize("service", SERVICES)
def test_the_page_links_the_events_the_service_publishes_or_hears_and_no_other(service: str) -> None:
    heard = {event for _, event in subscriptions(import_module(f"services.{service}.service").SERVICE)}
    told = {event for event in EVENTS if service == event.SOURCE}
    assert heard
    assert told
    wanted = {DOCS / f"events/{event.SOURCE}.{event.NAME}.v{event.VERSION}.json" for event in heard | told}
    linked = {path for path in links(DOCS / f"{service}.md") if path.parent == DOCS / "events"}
    assert linked == wanted


@pytest.mark.parametrize("service", SERVICES)
def test_the_laws_of_the_page_are_files_of_the_code(service: str) -> None:
    laws = page(service).split("## Its laws")[1].split("\n## ")[0]
    rows = [line for line in laws.splitlines() if ".py)" in line]
    assert len(rows) >= 3
    assert [row for row in rows if not re.search(r"\]\(\.\./services/\S+\.py\)", row)] == []


@pytest.mark.parametrize("path", pages(), ids=lambda path: str(path.relative_to(ROOT)))
def test_relative_links_lead_to_files(path: Path) -> None:
    assert [str(target) for target in links(path) if not target.exists()] == []


def test_the_tour_links_every_decision() -> None:
    decisions = set((DOCS / "adr").glob("*.md"))
    assert len(decisions) > 10
    assert decisions - set(links(DOCS / "architecture.md")) == set()


@pytest.mark.parametrize("path", pages(), ids=lambda path: str(path.relative_to(ROOT)))
def test_files_named_in_passing_exist(path: Path) -> None:
    """By their whole path, or by its end where the page says which service it is about."""
    named = FILE_IN_PASSING.findall(path.read_text())
    assert [name for name in named if not any(ROOT.glob(name)) and not any((ROOT / "services").rglob(name))] == []


def test_the_map_of_the_wings_is_the_code() -> None:
    """Arrow by arrow, both ways."""
    section = (DOCS / "architecture.md").read_text().split("## A map of the wings")[1].split("\n## ")[0]
    drawn = {(wing, other) for wing, others in ARROW.findall(section) for other in others.split(" & ")}
    assert drawn == {(wing, other) for wing, others in wing_arrows().items() for other in others}
    assert " < ".join(WINGS) in section
