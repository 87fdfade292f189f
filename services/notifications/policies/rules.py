"""LAW of the contact rules beyond their shape (F3)."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, get_args

from services.common.contracts.answers.notifications import MessageCategory
from services.notifications.delivery.rules import Window

CATEGORIES: tuple[MessageCategory, ...] = get_args(MessageCategory)
Fault = tuple[str, str]


def faults(rules: Sequence[Mapping[str, Any]], categories: Collection[str]) -> Iterator[Fault]:
    """What is wrong with a set of rules; `categories` are those it must have: the group has all."""
    codes = [rule["category"] for rule in rules]
    if len(set(codes)) != len(codes):
        yield "categories", "each once"
    if missing := [category for category in categories if category not in codes]:
        yield "categories", f"the group has a rule for {', '.join(missing)} too"
    for place, rule in enumerate(rules):
        yield from ((f"categories.{place}.{name}", what) for name, what in _of_rule(rule))


def _of_rule(rule: Mapping[str, Any]) -> Iterator[Fault]:
    if (rule["cap_count"] is None) != (rule["cap_days"] is None):
        yield "cap_days", "with cap_count, or neither"
    if len(set(rule["channels"])) != len(rule["channels"]):
        yield "channels", "each once"
    try:
        Window.parse(rule["window"] or "00:00-24:00")
    except ValueError:
        yield "window", "opens before it closes, within one day"
