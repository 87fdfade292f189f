"""LAW of categories: which one a word means, and what a list of them must hold (G1, G2, D3)."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from services.common.contracts.answers.work_orders import Priority
from services.common.contracts.errors import Finding, Invalid

CODE = re.compile(r"[a-z][a-z0-9_]{0,39}")
OTHER = "other"  # what fits nowhere must fit somewhere


@dataclass(frozen=True)
class Category:
    """What work may be asked for: a code, its names, and the words by which people call the same.

    `skill`: of who goes there; None: anybody's. `holds_dunning`: an open order of a household stops urging it (D3).
    """

    code: str
    zh: str
    en: str
    synonyms: tuple[str, ...] = ()
    skill: str | None = None
    holds_dunning: bool = True
    emergency: bool = False

    @property
    def words(self) -> frozenset[str]:
        """All that means it, as words are compared."""
        return frozenset(word_key(word) for word in (self.code, self.zh, self.en, *self.synonyms))

    def priority_of(self, priority: Priority) -> Priority:
        """By which priority its limits are looked for: an emergency is one, whatever was said."""
        return "emergency" if self.emergency else priority


def word_key(word: str) -> str:
    """ "Lift_Entrapment", "lift-entrapment" and "ｌｉｆｔ　entrapment" are one word: letters and digits count alone."""
    return "".join(letter for letter in unicodedata.normalize("NFKC", word).casefold() if letter.isalnum())


def category_of(categories: Sequence[Category], word: str) -> Category:
    """The category a word means; Invalid, with all there are, when it means none."""
    key = word_key(word)
    category = next((category for category in categories if key in category.words), None)
    if category is None:
        names = ", ".join(f"{category.code} ({category.zh})" for category in categories)
        raise Invalid(
            f"There is no such category of work: {names}. GET /v1/work-order-categories lists them with their words.",
            [{"loc": "category", "msg": f"must be one of {names}"}],
        )
    return category


def problems(categories: Sequence[Category]) -> list[Finding]:
    """Everything wrong with a list of categories."""
    findings: list[Finding] = []
    owners: dict[str, str] = {}
    for index, category in enumerate(categories):
        loc = f"items.{index}"
        if CODE.fullmatch(category.code) is None:
            findings.append(Finding(loc=f"{loc}.code", msg="must be lower-case letters, digits and _, a letter first"))
        for key in sorted(category.words):
            owner = owners.setdefault(key, category.code)
            if not key:
                findings.append(Finding(loc=loc, msg="a word must hold a letter or a digit"))
            elif owner != category.code:
                findings.append(Finding(loc=loc, msg=f"{key!r} means {owner} already"))
    findings += _missing(category.code for category in categories)
    return findings + _repetitions([category.code for category in categories])


def _missing(codes: Iterable[str]) -> list[Finding]:
    return [] if OTHER in set(codes) else [Finding(loc="items", msg=f"must hold {OTHER!r}, for what fits nowhere")]


def _repetitions(codes: Sequence[str]) -> list[Finding]:
    twice = sorted({code for code in codes if codes.count(code) > 1})
    return [Finding(loc="items", msg=f"{code!r} is there twice") for code in twice]
