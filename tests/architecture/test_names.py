"""A name is a noun, a predicate, or a verb with its object: bare participles and vague words stand in a list that only
shrinks. Functions, classes, parameters and variables of services and gateway count; events are past-tense facts.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
ALLOWED = Path(__file__).with_name("names_allowed.txt")
IRREGULAR_WORDS = """
begun bound broken brought built caught chosen come done drawn found given gone got grown held hidden kept known left
lost made meant one paid said seen sent shown sold spent taken thought told written
"""
IRREGULAR = set(IRREGULAR_WORDS.split())
NOUNS = {"bed", "embed", "feed", "id", "led", "need", "red", "seed", "shed", "speed"}
MOST_SHARE = 0.01


def names(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id


def is_bare(name: str) -> bool:
    """One word that is a past participle, or says nothing; `paid_fen` and `is_paid` are none."""
    word = name.strip("_")
    if "_" in word or re.fullmatch(r"([A-Z][a-z]+){2,}", word):
        return False
    word = word.lower()
    return word in IRREGULAR or (re.fullmatch(r"[a-z]+ed", word) is not None and word not in NOUNS)


def all_names() -> list[tuple[str, str]]:
    """(file, name), once for every place that gives the name."""
    paths = sorted(path for folder in ("services", "gateway") for path in (ROOT / folder).rglob("*.py"))
    return [
        (str(path.relative_to(ROOT)), name)
        for path in paths
        if "migrations" not in path.parts
        for name in names(ast.parse(path.read_text()))
    ]


def allowed() -> set[tuple[str, str]]:
    lines = [line for line in ALLOWED.read_text().splitlines() if line]
    assert lines == sorted(set(lines)), "sorted, once each"
    return {(path, name) for path, name in (line.split(" ") for line in lines)}


def test_no_new_name_is_a_bare_participle() -> None:
    assert {place for place in all_names() if is_bare(place[1])} - allowed() == set()


def test_the_list_only_shrinks() -> None:
    assert allowed() - set(all_names()) == set(), "these names are gone: strike them"


def test_bare_participles_are_few() -> None:
    given = all_names()
    assert len(given) > 10_000
    assert sum(is_bare(name) for _, name in given) < MOST_SHARE * len(given)


def test_what_is_bare_is_known() -> None:
    assert [name for name in ("found", "_known", "ASKED", "billed") if not is_bare(name)] == []
    assert [name for name in ("is_paid", "paid_fen", "need", "PaymentSettled", "bill") if is_bare(name)] == []
