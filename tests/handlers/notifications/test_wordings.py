"""The words of the files in the database: loaded by every migration, and never over the group's own (F2)."""

from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from typing import Any

import pytest
from alembic import command
from sqlalchemy import Engine, Row, delete, insert, select, update

from services.common.process import migrate
from services.common.process.settings import CommonSettings
from services.notifications.tables import template
from services.notifications.templates.rules import PLACEHOLDER
from services.notifications.wordings.handlers import load, shipped
from services.notifications.wordings.rules import Wording
from services.notifications.wordings.tables import newest

VERSIONS = "services.notifications.migrations.versions"
BEFORE_FILES = "notifications_0012"
KEY = ("payment.receipt", "sms", "en")  # says what it said from the first
COLUMNS = [column for column in template.c if column.name not in {"id", "shipped"}]
OURS = next(wording for wording in shipped() if wording.key == KEY)
CHANGED = replace(OURS, body="Dear {recipient_name}, {amount_yuan}?")


@pytest.fixture
def engine(database: Callable[[str], Engine]) -> Engine:
    return database("notifications")


def upgrade(engine: Engine) -> None:
    """What the migration job does."""
    prefix = str(engine.url.database).removesuffix("_notifications")
    url = engine.url.render_as_string(hide_password=False)
    migrate.upgrade(CommonSettings(database_url=url, database_prefix=prefix), "notifications")


def downgrade(engine: Engine) -> None:
    with engine.begin() as connection:
        config = migrate.alembic_config("notifications")
        config.attributes["connection"] = connection
        command.downgrade(config, BEFORE_FILES)
        codes = {code for code, _, _ in first_versions()}
        connection.execute(delete(template).where(template.c.code.not_in(codes)))  # files brought them since


def rows(engine: Engine, *columns: Any) -> list[Row[Any]]:
    with engine.connect() as connection:
        return list(connection.execute(select(*columns).order_by(template.c.id)))


def bring(engine: Engine, *wordings: Wording) -> int:
    """A release with these files; how many of them are new."""
    with engine.begin() as connection:
        return load(connection, wordings)


def say(engine: Engine, version: int, body: str) -> None:
    """The group adds a version of its own."""
    row = {"code": KEY[0], "channel": KEY[1], "language": KEY[2], "version": version, "subject": "", "body": body}
    with engine.begin() as connection:
        connection.execute(insert(template).values(variables=[], **row))


def edit(engine: Engine, body: str) -> None:
    """The group writes over what stands."""
    here = (template.c.code == KEY[0], template.c.channel == KEY[1], template.c.language == KEY[2])
    with engine.begin() as connection:
        connection.execute(update(template).where(*here).values(body=body))


def spoken(engine: Engine) -> tuple[int, str]:
    """Version and body of the wording in use."""
    with engine.connect() as connection:
        standing = newest(connection)[KEY]
    return standing.version, standing.wording.body


def test_files_and_a_fresh_database_say_the_same(engine: Engine) -> None:
    with engine.connect() as connection:
        standing = newest(connection)
    assert {found.wording for found in standing.values()} == set(shipped())
    assert all(found.is_ours for found in standing.values())


def test_every_row_declares_the_variables_it_uses(engine: Engine) -> None:
    """Of every version, said now or before."""
    for row in rows(engine, template.c.subject, template.c.body, template.c.variables):
        assert row.variables == sorted(set(PLACEHOLDER.findall(row.subject + row.body)))


def test_a_database_of_before_the_files_ends_with_the_same_rows(engine: Engine) -> None:
    downgrade(engine)
    before = rows(engine, template.c.id, *COLUMNS)
    assert len(before) == len(first_versions())
    upgrade(engine)
    after = rows(engine, template.c.id, *COLUMNS)
    assert after[: len(before)] == before
    codes = {row.code for row in before}
    assert {row.version for row in after[len(before) :] if row.code in codes} == {2}, "what the files say otherwise now"
    assert None not in {row.shipped for row in rows(engine, template.c.shipped)}


def test_old_revisions_insert_what_was_said_then(engine: Engine) -> None:
    """Also once a file says something else: their texts are their own."""
    downgrade(engine)
    stored = {tuple(row) for row in rows(engine, template.c.code, template.c.channel, template.c.body)}
    assert stored == first_versions()


def first_versions() -> set[tuple[str, str, str]]:
    """(code, channel, body) as the revisions up to 0011 wrote them down."""
    revision = import_module(f"{VERSIONS}.20261123_0013_words_of_ours")
    return {
        (code, channel, body)
        for name in revision.BROUGHT_BY
        for code, texts in import_module(f"{VERSIONS}.{name}").WORDINGS.items()
        for channels, (_, zh_body, _, en_body) in texts.items()
        for channel in channels
        for body in (zh_body, en_body)
    }


def test_every_migration_brings_what_is_new_in_the_files(engine: Engine) -> None:
    """Without a revision of its own: here a code that the database has not heard of."""
    with engine.begin() as connection:
        connection.execute(delete(template).where(template.c.code == OURS.code))
    upgrade(engine)
    assert spoken(engine) == (1, OURS.body)


def test_a_changed_file_is_a_new_version_once_and_the_old_one_stays(engine: Engine) -> None:
    before = rows(engine, template.c.id, *COLUMNS)
    assert bring(engine, CHANGED) == 1
    assert bring(engine, CHANGED) == 0
    assert spoken(engine) == (2, CHANGED.body)
    assert rows(engine, template.c.id, *COLUMNS)[: len(before)] == before


def test_a_new_code_begins_with_version_one(engine: Engine) -> None:
    assert bring(engine, replace(OURS, code="bill.due")) == 1


def test_a_file_that_goes_takes_no_words_away(engine: Engine) -> None:
    before = rows(engine, *COLUMNS)
    assert bring(engine) == 0
    assert rows(engine, *COLUMNS) == before


def test_a_version_of_the_group_s_own_stays_in_use(engine: Engine) -> None:
    say(engine, 2, "Our own words.")
    assert bring(engine, CHANGED) == 0
    assert spoken(engine) == (2, "Our own words.")


def test_an_edit_of_the_group_s_stays_in_use(engine: Engine) -> None:
    edit(engine, "Our own words.")
    assert bring(engine, CHANGED) == 0
    assert spoken(engine) == (1, "Our own words.")


def test_what_the_group_said_before_there_were_files_stays_in_use(engine: Engine) -> None:
    downgrade(engine)
    edit(engine, "Our own words.")
    upgrade(engine)
    assert spoken(engine) == (1, "Our own words.")
    assert bring(engine, CHANGED) == 0


def test_going_back_takes_away_what_only_files_brought(engine: Engine) -> None:
    bring(engine, CHANGED)
    downgrade(engine)
    upgrade(engine)
    assert spoken(engine) == (1, OURS.body)


def test_going_back_leaves_the_group_s_own_words(engine: Engine) -> None:
    say(engine, 2, "Our own words.")
    downgrade(engine)
    upgrade(engine)
    assert spoken(engine) == (2, "Our own words.")
