"""docs/glossary.md: every term in both languages, said once, in a room that exists."""

import re
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROW = re.compile(r"^\| ([^|]+) \| ([^|]+) \| ([^|]+) \| `([^`|]+)` \|$", re.MULTILINE)
HEADINGS = 2  # of a table: its names, and the rule below them
CHINESE = re.compile(r"[\u4e00-\u9fff]")


def page() -> str:
    return (ROOT / "docs/glossary.md").read_text()


def rows() -> list[tuple[str, str, str, str]]:
    found = ROW.findall(page())
    assert len(found) > 60
    return found


def test_every_line_is_a_term_in_both_languages_with_its_meaning_and_room() -> None:
    lines = [line for line in page().splitlines() if line.startswith("|")]
    tables = sum(line == "|---|---|---|---|" for line in lines)
    assert len(lines) == len(rows()) + HEADINGS * tables
    for chinese, english, meaning, _ in rows():
        assert CHINESE.search(chinese), chinese
        assert not CHINESE.search(english), english
        assert meaning.strip(), english


def test_no_term_has_two_meanings() -> None:
    terms = [term for chinese, english, _, _ in rows() for term in [*chinese.split("、"), *english.split(", ")]]
    assert [term for term, times in Counter(terms).items() if times > 1] == []


def test_every_room_exists() -> None:
    assert [room for _, _, _, room in rows() if not (ROOT / "services" / room).exists()] == []
