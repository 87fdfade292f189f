"""LAW of preferences: what an owner may choose (F3)."""

import re
from collections.abc import Mapping
from typing import Literal

from services.common.contracts.errors import Finding
from services.notifications.delivery.rules import CHANNELS, STAFF_TASK
from services.notifications.templates.rules import LANGUAGES

OWNERS_CHOICE = tuple(channel for channel in CHANNELS if channel != STAFF_TASK)
Choice = Literal["language", "email"]
# what is kept of a choice that is taken away: the register's language holds, and no address at all
NOTHING: Mapping[str, str | None] = {"language": None, "email": ""}
_EMAIL = re.compile(r"[^@\s<>,;]{1,64}@[^@\s<>,;]{1,190}\.[^@\s<>,;.]{2,63}")


def complaints_about(language: str | None, email: str | None, consent: Mapping[str, bool]) -> list[Finding]:
    """Everything wrong with the choice."""
    errors: list[Finding] = []
    if language is not None and language not in LANGUAGES:
        errors.append(Finding(loc="language", msg=f"one of {', '.join(LANGUAGES)}"))
    if email is not None and not _EMAIL.fullmatch(email):
        errors.append(Finding(loc="email", msg="not an e-mail address"))
    errors += [
        Finding(loc=f"consent.{channel}", msg=f"one of {', '.join(OWNERS_CHOICE)}")
        for channel in sorted(consent.keys() - set(OWNERS_CHOICE))
    ]
    return errors
