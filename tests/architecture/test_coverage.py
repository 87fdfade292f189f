"""docs/coverage.md names every row of the product page once; every test it names exists and asserts something; and what
billing does (A, B, C, D) and its figures is shown by a test that carries the row's ID, on paths the gateway has."""

import re
from pathlib import Path

from gateway.app import create_app
from gateway.settings import Settings

ROOT = Path(__file__).parents[2]
ROW = re.compile(r"^\| ([A-J]\d) \| (yes|part|no) \| ([^|]*)\| ([^|]*)\| ([^|]*)\|$", re.MULTILINE)
REPORT = re.compile(r"^\| (F[MC]\d+) \| (yes|no) \| ([^|]*)\| ([^|]*)\| ([^|]*)\|$", re.MULTILINE)
REPORTS = {"FM": 13, "FC": 10}
ROWS_OF_THE_PRODUCT = {"A": 4, "B": 9, "C": 4, "D": 8, "E": 7, "F": 5, "G": 8, "H": 5, "I": 5, "J": 3}


NAMED_BY_ID = re.compile(r"^(?:[A-D]\d|J[13])$")
PATH = re.compile(r"`(?:(GET|POST|PUT|GET/PUT) )?(/v1/[^`?]*)(?:\?[^`]*)?`")


def rows() -> list[tuple[str, str, str, str, str]]:
    return ROW.findall((ROOT / "docs/coverage.md").read_text())


def test_every_row_of_the_product_stands_once() -> None:
    wanted = [f"{letter}{number}" for letter, last in ROWS_OF_THE_PRODUCT.items() for number in range(1, last + 1)]
    assert [row[0] for row in rows()] == wanted


def test_what_works_is_shown_by_a_test_and_what_is_missing_is_said() -> None:
    for product_id, state, path, tests, missing in rows():
        named = [name.strip() for name in tests.split(",") if name.strip()]
        assert named or state == "no", f"{product_id} works, says the page; which test shows it?"
        assert path.strip() or state == "no", product_id
        assert missing.strip() or state != "part", f"{product_id} is part; what is missing?"
        for name in named:
            assert "assert" in (ROOT / name).read_text(), f"{product_id}: {name} asserts nothing"


def test_no_row_of_billing_is_without_a_test_of_its_name() -> None:
    for product_id, _, _, tests, _ in rows():
        if NAMED_BY_ID.match(product_id):
            named = [name.strip() for name in tests.split(",")]
            found = [name for name in named if f"def test_{product_id.lower()}_" in (ROOT / name).read_text()]
            assert found, f"{product_id}: no test in {tests} is called test_{product_id.lower()}_…"


def test_the_paths_of_the_page_are_the_gateway_s() -> None:
    """Path by path, whatever its parameters are called."""
    known = {shape(path) for path in create_app(Settings(jwt_secret="s" * 32)).openapi()["paths"]}
    named = [path for _, _, paths, _, _ in rows() for _, path in PATH.findall(paths)]
    assert len(named) > 40
    assert [path for path in named if shape(path) not in known] == []


def shape(path: str) -> str:
    """A path with all its parameters alike."""
    return re.sub(r"\{\w+\}", "{}", path)


def test_every_field_report_stands_once_and_a_test_carries_its_id() -> None:
    reports = REPORT.findall((ROOT / "docs/coverage.md").read_text())
    wanted = [f"{kind}{number}" for kind, last in REPORTS.items() for number in range(1, last + 1)]
    assert [report[0] for report in reports] == wanted
    for report_id, state, path, tests, missing in reports:
        named = [name.strip() for name in tests.split(",") if name.strip()]
        carrying = [name for name in named if f"def test_{report_id.lower()}_" in (ROOT / name).read_text()]
        assert carrying if state == "yes" else missing.strip(), f"{report_id}: no test_{report_id.lower()}_… in {named}"
        assert path.strip() or state == "no", report_id
