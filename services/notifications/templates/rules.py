"""LAW of wordings: which variables a template may use, how it is filled, what none of them may ever say (F2, D4).

A variable is `{name}` in subject or body. Filling is strict: a declared variable that is missing, a supplied one that
is not declared and a used one that is not declared are errors, so that nobody receives a half-filled letter.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypedDict, final

from services.common.contracts.answers.notifications import Language, MessageChannel

REMINDER = "dunning.reminder"
OVERDUE_NOTICE = "dunning.overdue_notice"
VISIT_TASK = "dunning.visit_task"
DEMAND_LETTER = "dunning.demand_letter"
FORMAL_NOTICE = "dunning.formal_notice"
LEGAL_FILE_TASK = "dunning.legal_file_task"
LIMITATION_TASK = "dunning.limitation_task"
# what stands on the ladder of some causes of arrears instead (D2)
PLAN_OFFER_TASK = "dunning.plan_offer_task"
PROBLEM_TASK = "dunning.problem_task"
VACANCY_TASK = "dunning.vacancy_task"
SETTLEMENT_TASK = "dunning.settlement_task"
RECEIPT = "payment.receipt"
RECEIPT_CORRECTED = "payment.receipt_corrected"
COMPLAINT = {stage: f"complaint.{stage}" for stage in ("responded", "resolved", "closed")}
RATING = "rating.invitation"
BELOW_PLAN = "collection.below_plan"
SLA = {level: f"sla.{level}" for level in ("warning", "escalation", "breach")}

CODES = frozenset(
    {REMINDER, OVERDUE_NOTICE, VISIT_TASK, DEMAND_LETTER, FORMAL_NOTICE, LEGAL_FILE_TASK, LIMITATION_TASK, BELOW_PLAN}
    | {PLAN_OFFER_TASK, PROBLEM_TASK, VACANCY_TASK, SETTLEMENT_TASK}
    | {RECEIPT, RECEIPT_CORRECTED, RATING}
    | set(COMPLAINT.values())
    | set(SLA.values())
)
LANGUAGES: tuple[Language, ...] = ("zh-CN", "en")

PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
FORBIDDEN = re.compile(
    r"([停断限][止掉制]?|关[闭停])[供用]?[水电暖气热梯]|停(用|运|止使用)电梯|切断|拉闸|换锁|(禁止|限制)(通行|进入|出入|入内)"
    r"|(门禁|电梯)(卡|权限|失效)|黑名单|失信|公[示布].{0,4}(欠费|名单|姓名)|曝光|张贴"
    r"|cut(ting)?[ -]?off|disconnect|shut[ -]?off|suspend|turn(ed)? off|switch(ed)? off|lock(ed|ing)? (you )?out"
    r"|(stop|deny|denied|block|restrict|refuse|limit)\w* (the |your )?"
    r"(access|entry|lift|elevator|water|power|heating|gas)"
    r"|no (water|power|heating|gas|lift)|black ?list|(publish|post|display)\w* (your|the) (name|debt|arrears)",
    re.IGNORECASE,
)

TERMS: dict[Language, dict[str, str]] = {
    "zh-CN": {
        "service_centre": "物业服务中心",
        "work_order": "报修工单",
        "complaint": "投诉",
        "respond": "响应",
        "resolve": "办结",
        "target": "目标时限",
        "commitment": "承诺时限",
        "estate_manager": "项目经理",
        "region_manager": "区域负责人",
        "group_admin": "集团负责人",
        "steward": "管家",
        "technician": "维修技师",
        "property_fee": "物业费",
        "property": "物业费",
        "parking": "车位管理费",
        "water": "水费",
        "electricity": "电费",
        "heating": "采暖费",
        "shared_light": "公共照明费",
    },
    "en": {
        "service_centre": "the service centre",
        "work_order": "work order",
        "complaint": "complaint",
        "respond": "response",
        "resolve": "resolution",
        "target": "target",
        "commitment": "commitment",
        "estate_manager": "estate manager",
        "region_manager": "regional manager",
        "group_admin": "group management",
        "steward": "steward",
        "technician": "technician",
        "property_fee": "property fees",
        "property": "property fees",
        "parking": "parking fees",
        "water": "water fees",
        "electricity": "electricity fees",
        "heating": "heating fees",
        "shared_light": "fees for shared lighting",
    },
}


class RenderError(ValueError):
    """The template cannot be filled with these variables; the text names which ones, never their values."""


@dataclass(frozen=True)
class Template:
    """One version of one wording. `variables` are the names that must be supplied, no more and no fewer."""

    code: str
    channel: MessageChannel
    language: Language
    version: int
    subject: str
    body: str
    variables: frozenset[str]


@dataclass(frozen=True)
class Rendered:
    """What goes out, and by which version of the wording."""

    subject: str
    text: str
    version: int
    language: Language


@final
class Term(TypedDict):
    """A word of our own vocabulary as a variable: it is spoken in the reader's language when the text is filled."""

    term: str


@final
class Terms(TypedDict):
    """Several of them, one after the other."""

    terms: list[str]


SEPARATORS: dict[Language, str] = {"zh-CN": "、", "en": ", "}
Fact = str | Term | Terms | None
Facts = dict[str, Fact]


def term(word: str) -> Term:
    """The word as a variable."""
    return Term(term=word)


def terms(words: Sequence[str]) -> Terms:
    """The words as one variable."""
    return Terms(terms=list(words))


def spoken(value: Fact, language: Language) -> str:
    """A variable's value as text; a term that the vocabulary lacks stands as it is, one that comes twice comes once."""
    if value is None or isinstance(value, str):
        return str(value)
    words = value["terms"] if "terms" in value else [value["term"]]
    return SEPARATORS[language].join(dict.fromkeys(TERMS[language].get(word, word) for word in words))


def placeholders(template: Template) -> frozenset[str]:
    """The names used in subject and body."""
    return frozenset(PLACEHOLDER.findall(template.subject + template.body))


def pick(template: Template, facts: Mapping[str, Fact]) -> Facts:
    """Those of the known facts that the template asks for; an unknown or empty one is left out, and missed later."""
    return {name: facts[name] for name in template.variables if facts.get(name) not in (None, "")}


def render(template: Template, variables: Mapping[str, Fact]) -> Rendered:
    """The filled wording; RenderError when a variable is missing or unknown (F2)."""
    _complain("missing", template.variables - variables.keys())
    _complain("unknown", (variables.keys() | placeholders(template)) - template.variables)
    words = {name: spoken(value, template.language) for name, value in variables.items()}
    return Rendered(_fill(template.subject, words), _fill(template.body, words), template.version, template.language)


def forbidden_words(text: str) -> list[str]:
    """Every expression in `text` that threatens or announces a cut of supply or access (D4, Civil Code 944)."""
    return [match.group(0) for match in FORBIDDEN.finditer(text)]


def _complain(what: str, names: "frozenset[str] | set[str]") -> None:
    if names:
        raise RenderError(f"{what} variables: {', '.join(sorted(names))}")


def _fill(text: str, words: Mapping[str, str]) -> str:
    """One pass, so that braces inside a value stay what they are."""
    return PLACEHOLDER.sub(lambda match: words[match.group(1)], text)
