"""docs/coverage.md names every row of the product page once, and every test it names exists and asserts something."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROW = re.compile(r"^\| ([A-J]\d) \| (yes|part|no) \| ([^|]*)\| ([^|]*)\| ([^|]*)\|$", re.MULTILINE)
ROWS_OF_THE_PRODUCT = {"A": 4, "B": 9, "C": 4, "D": 8, "E": 7, "F": 5, "G": 8, "H": 5, "I": 5, "J": 3}


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
