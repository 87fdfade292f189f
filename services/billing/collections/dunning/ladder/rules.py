"""LAW of the ladder as data (D1, D4): what a rung may be, and which rungs together are a ladder.

Everything a rung may say or set somebody to do is in `WORDINGS`; nothing else can be put on a ladder. None of it cuts
or threatens water, power, heat, gas, access or lift (Civil Code 944), and there is no way to add one that does.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from services.billing.collections.dunning.rules import AFTER, NO_HOLD, WORDINGS

REMINDER, LEGAL_FILE = "dunning.reminder", "dunning.legal_file_task"
BEFORE_THE_FILE = ("dunning.overdue_notice", "dunning.demand_letter")
LAST_REMINDER_DAY = 0


@dataclass(frozen=True)
class Rung:
    """A step as it is asked for; its place in the list is its position."""

    code: str
    earliest_day: int
    latest_day: int | None
    kind: str
    channels: tuple[str, ...]
    template: str
    requires: tuple[str, ...]
    deadline_days: int | None
    gap_days: int


def faults(ladder: Sequence[Rung]) -> list[tuple[str, str]]:
    """What is wrong with a ladder as a whole, as (where, what); empty when it may be used."""
    findings = [(f"steps.{place}.{name}", what) for place, rung in enumerate(ladder) for name, what in _of_rung(rung)]
    findings += [
        (f"steps.{place}.{name}", what) for place in range(len(ladder)) for name, what in _of_place(ladder, place)
    ]
    return findings


def _of_rung(rung: Rung) -> list[tuple[str, str]]:
    if rung.template not in WORDINGS:
        return [("template", f"one of {', '.join(WORDINGS)}")]
    kind, channels = WORDINGS[rung.template]
    checks = [
        (rung.kind == kind, "kind", f"{rung.template} is a {kind}"),
        (bool(rung.channels) and set(rung.channels) <= set(channels), "channels", f"some of {', '.join(channels)}"),
        (len(set(rung.channels)) == len(rung.channels), "channels", "each once"),
        (rung.latest_day is None or rung.latest_day >= rung.earliest_day, "latest_day", "not before earliest_day"),
        (rung.gap_days >= 1, "gap_days", "at least 1"),
        (rung.deadline_days is None or rung.deadline_days >= 1, "deadline_days", "at least 1"),
        (
            _is_reminder(rung) or rung.earliest_day > LAST_REMINDER_DAY,
            "earliest_day",
            "before it, only a reminder",
        ),
        (not _is_reminder(rung) or _ends_by(rung, LAST_REMINDER_DAY), "latest_day", "a reminder ends on the due date"),
        (_is_reminder(rung) or NO_HOLD in rung.requires, "requires", "whatever urges for money needs no_hold"),
    ]
    return [(name, what) for holds, name, what in checks if not holds]


def _of_place(ladder: Sequence[Rung], place: int) -> list[tuple[str, str]]:
    rung, before = ladder[place], ladder[:place]
    codes, templates = {earlier.code for earlier in before}, {earlier.template for earlier in before}
    unknown = [name for name in rung.requires if name != NO_HOLD and name.removeprefix(AFTER) not in codes]
    required = [name for name in rung.requires if name != NO_HOLD and not name.startswith(AFTER)]
    checks = [
        (rung.code not in codes, "code", "each once"),
        (not before or rung.earliest_day >= before[-1].earliest_day, "earliest_day", "not before the step above it"),
        (not unknown and not required, "requires", "no_hold, or after:<code of an earlier step>"),
        (rung.template != LEGAL_FILE or templates.issuperset(BEFORE_THE_FILE), "template",
         "a legal file comes after an overdue notice and a demand letter"),
    ]  # fmt: skip
    return [(name, what) for holds, name, what in checks if not holds]


def _is_reminder(rung: Rung) -> bool:
    return rung.template == REMINDER


def _ends_by(rung: Rung, day: int) -> bool:
    return rung.latest_day is not None and rung.latest_day <= day
