"""STORE of the directory: who can be reached how. Later facts win, whatever the order of arrival."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from services.common.contracts.answers.notifications import ConsentChange, Language, MessageChannel
from services.notifications.tables import consent, contact, estate, preference, staff


@dataclass(frozen=True)
class Contact:
    """How a household is reached; language and e-mail are those it chose, where it did."""

    household: str
    estate: str
    building: str
    name: str
    phone: str
    email: str | None
    language: Language


@dataclass(frozen=True)
class Employee:
    """A member of staff."""

    code: str
    name: str
    phone: str


def knows_estate(session: Session, code: str) -> bool:
    """Whether billing has told of an estate."""
    return session.scalar(select(estate.c.code).where(estate.c.code == code)) is not None


def contacts_of(session: Session, households: Collection[str]) -> Mapping[str, Contact]:
    """Household → contact, with the preferences laid over it."""
    statement = (
        select(
            contact.c.household,
            contact.c.estate,
            contact.c.building,
            contact.c.name,
            contact.c.phone,
            func.nullif(func.coalesce(preference.c.email, contact.c.email), "").label("email"),
            func.coalesce(preference.c.language, contact.c.language).label("language"),
        )
        .select_from(contact.outerjoin(preference, preference.c.household == contact.c.household))
        .where(contact.c.household.in_(households))
    )
    return {row.household: Contact(**row._mapping) for row in session.execute(statement)}


def refusals(session: Session, households: Collection[str]) -> Mapping[str, frozenset[MessageChannel]]:
    """Household → channels opted out of."""
    statement = select(consent.c.household, consent.c.channel).where(
        consent.c.household.in_(households), consent.c.granted.is_(False)
    )
    channels_by_household: dict[str, set[MessageChannel]] = {}
    for household, channel in session.execute(statement):
        channels_by_household.setdefault(household, set()).add(channel)
    return {household: frozenset(channels) for household, channels in channels_by_household.items()}


def staff_by_code(session: Session, codes: Collection[str]) -> Mapping[str, Employee]:
    """Code → member of staff."""
    statement = select(staff.c.code, staff.c.name, staff.c.phone).where(staff.c.code.in_(codes))
    return {row.code: Employee(**row._mapping) for row in session.execute(statement)}


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


def consents_of(session: Session, household: str) -> list[ConsentChange]:
    """Per channel what the household said last, as far as it ever said."""
    statement = select(consent).where(consent.c.household == household).order_by(consent.c.channel)
    return [
        ConsentChange(channel=row.channel, granted=row.granted, changed_at=row.changed_at, changed_by=row.changed_by)
        for row in session.execute(statement)
    ]


def keep_preference(
    session: Session, household: str, choices: Mapping[str, str | None], now: datetime, by: str
) -> None:
    """Remember what was chosen; what was not named stays as it is."""
    stamp = {"changed_at": now, "changed_by": by}
    statement = insert(preference).values(household=household, **choices, **stamp)
    session.execute(statement.on_conflict_do_update(index_elements=["household"], set_={**choices, **stamp}))


def keep_consents(session: Session, household: str, consents: Mapping[str, bool], now: datetime, by: str) -> None:
    """Remember consent or opt-out per channel."""
    rows = [
        {"household": household, "channel": channel, "granted": has_consent, "changed_at": now, "changed_by": by}
        for channel, has_consent in sorted(consents.items())
    ]
    statement = insert(consent).values(rows)
    newer = {name: statement.excluded[name] for name in ("granted", "changed_at", "changed_by")}
    session.execute(statement.on_conflict_do_update(index_elements=["household", "channel"], set_=newer))
