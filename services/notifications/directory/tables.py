"""STORE of the directory: who can be reached how. Later facts win, whatever the order of arrival."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from services.notifications.tables import consent, contact, estate, preference, staff


def contacts_of(session: Session, households: Collection[str]) -> Mapping[str, Row[Any]]:
    """Household → contact, with the preferences laid over it."""
    statement = (
        select(
            contact.c.household,
            contact.c.estate,
            contact.c.building,
            contact.c.name,
            contact.c.phone,
            contact.c.email,
            contact.c.language,
            preference.c.email.label("preferred_email"),
            preference.c.language.label("preferred_language"),
        )
        .select_from(contact.outerjoin(preference, preference.c.household == contact.c.household))
        .where(contact.c.household.in_(households))
    )
    return {row.household: row for row in session.execute(statement)}


def refusals(session: Session, households: Collection[str]) -> Mapping[str, frozenset[str]]:
    """Household → channels opted out of."""
    statement = select(consent.c.household, consent.c.channel).where(
        consent.c.household.in_(households), consent.c.granted.is_(False)
    )
    refused: dict[str, set[str]] = {}
    for household, channel in session.execute(statement):
        refused.setdefault(household, set()).add(channel)
    return {household: frozenset(channels) for household, channels in refused.items()}


def staff_by_code(session: Session, codes: Collection[str]) -> Mapping[str, Row[Any]]:
    """Code → staff."""
    return {row.code: row for row in session.execute(select(staff).where(staff.c.code.in_(codes)))}


def estate_names(session: Session, codes: Collection[str]) -> Mapping[str, str]:
    """Code → name."""
    statement = select(estate.c.code, estate.c.name).where(estate.c.code.in_(codes))
    return dict(session.execute(statement).tuples().all())


def holders(session: Session, estate_code: str, role: str) -> list[str]:
    """Codes of the staff who hold a role on an estate, or everywhere."""
    statement = select(staff.c.code).where(
        staff.c.role == role, or_(staff.c.estate == estate_code, staff.c.estate.in_(("", "*")))
    )
    return list(session.scalars(statement.order_by(staff.c.code)))


def consents_of(session: Session, household: str) -> Sequence[Row[Any]]:
    """Channel, granted, changed_at and changed_by, as far as the household ever said."""
    columns = (consent.c.channel, consent.c.granted, consent.c.changed_at, consent.c.changed_by)
    return session.execute(select(*columns).where(consent.c.household == household).order_by(consent.c.channel)).all()


def keep_preference(session: Session, household: str, chosen: Mapping[str, str], now: datetime, by: str) -> None:
    """Remember what was chosen; what was not named stays as it is."""
    stamp = {"changed_at": now, "changed_by": by}
    statement = insert(preference).values(household=household, **chosen, **stamp)
    session.execute(statement.on_conflict_do_update(index_elements=["household"], set_={**chosen, **stamp}))


def keep_consents(session: Session, household: str, given: Mapping[str, bool], now: datetime, by: str) -> None:
    """Remember consent or opt-out per channel."""
    rows = [
        {"household": household, "channel": channel, "granted": granted, "changed_at": now, "changed_by": by}
        for channel, granted in sorted(given.items())
    ]
    statement = insert(consent).values(rows)
    newer = {name: statement.excluded[name] for name in ("granted", "changed_at", "changed_by")}
    session.execute(statement.on_conflict_do_update(index_elements=["household", "channel"], set_=newer))
