"""LAW of shipped wordings: how a file of them reads, and when its words are due in the database (F2).

    == email, letter
    Subject: Property fees due on {due_date}

    Dear {recipient_name}, …

Each section names the channels that share its text; a paragraph is one line, however long. A text message carries no
subject, so that `== sms, email` may have one all the same.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256

from services.notifications.delivery.rules import CHANNELS, SMS
from services.notifications.templates.rules import LANGUAGES, PLACEHOLDER

FILE_NAME = re.compile(rf"(?P<code>\w+\.\w+)\.(?P<language>{'|'.join(LANGUAGES)})\.txt")
SECTION = re.compile(r"^== (.+)$", re.MULTILINE)
SUBJECT = re.compile(r"\s*Subject: (.+)\n")


class Unreadable(ValueError):
    """A file of wordings is not of the form above."""


@dataclass(frozen=True)
class Wording:
    """What one code says on one channel in one language."""

    code: str
    channel: str
    language: str
    subject: str
    body: str

    @property
    def key(self) -> tuple[str, str, str]:
        """What the versions of a wording have in common."""
        return self.code, self.channel, self.language

    @property
    def variables(self) -> frozenset[str]:
        """The names that must be supplied: those the text uses."""
        return frozenset(PLACEHOLDER.findall(self.subject + self.body))

    @property
    def digest(self) -> str:
        """By which the database knows words of ours again; it is stored, so it never changes."""
        return sha256(f"{self.subject}\n{self.body}".encode()).hexdigest()


@dataclass(frozen=True)
class Newest:
    """The newest version of a wording in the database. `shipped` is the digest of what we brought, if we did."""

    wording: Wording
    version: int
    shipped: str | None

    @property
    def is_ours(self) -> bool:
        """Whether it stands as we shipped it: neither added nor edited by the group."""
        return self.shipped == self.wording.digest


def version_due(wording: Wording, newest: Newest | None) -> int | None:
    """The version as which these words go in; None where they stand already or the group speaks in its own."""
    if newest is None:
        return 1
    return newest.version + 1 if newest.is_ours and newest.wording != wording else None


def read(name: str, text: str) -> list[Wording]:
    """All a file says, channel by channel."""
    match = FILE_NAME.fullmatch(name)
    before, *parts = SECTION.split(text)
    if match is None or before.strip() or not parts:
        raise Unreadable(f"{name}: <code>.<language>.txt with sections, please; see wordings/rules.py")
    wordings = [
        _wording(match["code"], channel, match["language"], section)
        for channels, section in zip(parts[::2], parts[1::2], strict=True)
        for channel in _channels(name, channels)
    ]
    if len({wording.channel for wording in wordings}) < len(wordings):
        raise Unreadable(f"{name}: a channel has two texts")
    return wordings


def _channels(name: str, line: str) -> Iterator[str]:
    for channel in line.split(","):
        if channel.strip() not in CHANNELS:
            raise Unreadable(f"{name}: there is no channel {channel.strip()!r}")
        yield channel.strip()


def _wording(code: str, channel: str, language: str, section: str) -> Wording:
    subject = SUBJECT.match(section)
    body = section[subject.end() :] if subject else section
    title = subject[1].strip() if subject and channel != SMS else ""
    return Wording(code, channel, language, title, body.strip())
