"""STORY of wordings: list them, and show what one would say (F2)."""

from collections.abc import Mapping

from sqlalchemy.orm import Session

from services.common.contracts.answers import notifications as answers
from services.common.contracts.answers.base import Page
from services.common.contracts.answers.notifications import Language, MessageChannel, Preview
from services.common.contracts.errors import Invalid, NotFound
from services.common.domain.access import Caller
from services.common.domain.permissions import Permission
from services.notifications.templates import tables
from services.notifications.templates.rules import RenderError, Template, render


def templates(session: Session, caller: Caller) -> Page[answers.Template]:
    """Every version of every wording, on one page."""
    caller.require(Permission.READ_TEMPLATES)
    return Page(items=[present(wording) for wording in tables.every(session)], next_cursor=None)


def preview(
    session: Session,
    caller: Caller,
    code: str,
    channel: MessageChannel,
    language: Language,
    variables: Mapping[str, str],
) -> Preview:
    """What the newest version would say; Invalid when a variable is missing or unknown."""
    caller.require(Permission.READ_TEMPLATES)
    wording = tables.newest(session, [code]).get((code, channel, language))
    if wording is None:
        raise NotFound(f"There is no template {code} for {channel} in {language}.")
    try:
        text = render(wording, variables)
    except RenderError as error:
        raise Invalid("The template cannot be filled.", [{"loc": "variables", "msg": str(error)}]) from error
    return Preview(
        code=code,
        channel=channel,
        language=language,
        version=text.version,
        subject=text.subject,
        text=text.text,
    )


def present(wording: Template) -> answers.Template:
    """One version as JSON."""
    return answers.Template(
        code=wording.code,
        channel=wording.channel,
        language=wording.language,
        version=wording.version,
        subject=wording.subject,
        body=wording.body,
        variables=sorted(wording.variables),
    )
