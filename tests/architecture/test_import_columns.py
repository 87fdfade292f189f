"""What the pages say of import files is what billing reads."""

from gateway.app import create_app
from services.billing.imports import page
from services.billing.imports.kinds import KINDS
from tests.support.gateway import settings_for_tests

DOCUMENT = create_app(settings_for_tests()).openapi()


def test_the_pages_are_what_the_kinds_say() -> None:
    for path, text in page.files().items():
        assert path.read_text() == text, f"{path.name}: run `make schemas` and read the change"


def test_every_column_of_every_kind_is_described_in_the_api() -> None:
    described = DOCUMENT["paths"]["/v1/imports/{kind}"]["post"]["description"]
    for kind, columns in KINDS.items():
        assert f"**{kind}**" in described
        for column in columns:
            optional = "" if column.required else " (may be left out)"
            assert f"- `{column.name}`{optional}: " in described, f"{kind}.{column.name}"


def test_every_cell_is_told_in_words() -> None:
    for kind, columns in KINDS.items():
        for column in columns:
            assert (column.parse.__doc__ or "").strip(), f"{kind}.{column.name}"
