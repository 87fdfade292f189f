"""What Chinese spreadsheets write is understood where it means one thing, else refused in words (A3)."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.common.contracts.errors import Invalid
from services.common.fields import LARGEST_FEN
from services.common.sheets import cells
from services.common.sheets.cells import Column
from services.common.sheets.encoding import decode_text
from services.common.sheets.reading import Sheet, problems, read_sheet

AREA = cells.decimal(2, Decimal(10) ** 7)
PRICE = cells.decimal(4, Decimal(10) ** 7, yuan=True)
WIDE = {ord(sign): ord(sign) + 0xFEE0 for sign in "0123456789.,-/;="}
COLUMNS = (Column("code", cells.code), Column("price_yuan", cells.amount), Column("on", cells.day, required=False))


def read(*lines: str) -> Sheet:
    return read_sheet("lifts", COLUMNS, "\n".join(lines))


def refusal(parse: Callable[[str], Any], value: str) -> str:
    with pytest.raises(ValueError) as refused:
        parse(value)
    assert value not in str(refused.value), "a reason never repeats the value"
    return str(refused.value)


@given(st.integers(0, LARGEST_FEN), st.sampled_from(["", "¥", "￥", "¥ "]), st.booleans(), st.booleans())
def test_an_amount_means_the_same_however_it_is_written(fen: int, sign: str, grouped: bool, wide: bool) -> None:
    written = f"{fen // 100:{',' if grouped else ''}}.{fen % 100:02}"
    assert cells.amount(sign + (written.translate(WIDE) if wide else written)) == fen


@given(st.dates(date(1900, 1, 1), date(2999, 12, 31)), st.booleans())
def test_a_day_means_the_same_however_it_is_written(day: date, wide: bool) -> None:
    forms = [f"{day}", f"{day.year}/{day.month}/{day.day}", f"{day.year}年{day.month}月{day.day}日", f"{day:%Y.%m.%d}"]
    forms += [f"{day.year}-{day.month}-{day.day}", f"{day:%Y/%m/%d} 0:00", f"{day:%Y/%m/%d} 00:00:00"]
    assert {cells.day(form.translate(WIDE) if wide else form) for form in forms} == {day}
    first = day.replace(day=1)
    months = [f"{day:%Y-%m}", f"{day.year}-{day.month}", f"{day.year}/{day.month}", f"{day.year}年{day.month}月"]
    assert {cells.period(form) for form in months} == {first}


@given(st.lists(st.text("AB1号楼", min_size=1), max_size=5), st.sampled_from([";", "；", "； ", ";；"]))
def test_a_list_means_the_same_whichever_semicolon_parts_it(entries: list[str], separator: str) -> None:
    assert cells.listed(separator.join(entries)) == list(dict.fromkeys(entries))
    assert cells.pairs(PRICE)("staff＝1.20；cleaning=１,000") == [
        ("staff", Decimal("1.20")),
        ("cleaning", Decimal(1000)),
    ]


def test_areas_and_readings_take_groups_of_digits_but_no_sign_of_money() -> None:
    assert (AREA("1,234.5"), AREA("１００"), PRICE("¥2.35")) == (Decimal("1234.5"), Decimal(100), Decimal("2.35"))
    assert refusal(AREA, "¥100") == "not a number"


@pytest.mark.parametrize("value", ["1,23", "1，23", "0,123", "12,34,567", "1,234,56", "1.234,50", ",123", "1234,567"])
def test_commas_that_part_no_thousands_are_refused(value: str) -> None:
    assert refusal(cells.amount, value) == "not a number: commas part groups of three digits only"


@pytest.mark.parametrize("value", ["1e3", "¥", "¥¥5", "5¥", "$5", "(5)", "１２Ⅲ", "²", "①", "٣"])
def test_what_is_no_number_stays_none(value: str) -> None:
    assert refusal(cells.amount, value) == "not a number"


@pytest.mark.parametrize("value", ["-¥5", "¥-5", "-1,234"])
def test_a_sign_of_money_hides_no_minus(value: str) -> None:
    assert refusal(cells.amount, value) == "negative"


@pytest.mark.parametrize("value", ["02/03/2026", "2-3-2026", "26/2/15", "02.03.26"])
def test_a_day_without_its_year_first_is_refused(value: str) -> None:
    assert refusal(cells.day, value) == "day and month cannot be told apart: write YYYY-MM-DD"


@pytest.mark.parametrize(
    "value", ["46068", "2026/2-15", "2026-2", "2026/2/15 8:30", "2月15日", "2026年2月", "20260215"]
)
def test_what_is_no_day_stays_none(value: str) -> None:
    assert refusal(cells.day, value) == "not a date YYYY-MM-DD"
    assert refusal(cells.period, "10/2026") == "not a period YYYY-MM"


def test_a_day_that_does_not_exist_is_refused_in_every_form() -> None:
    assert {refusal(cells.day, value) for value in ("2026/2/30", "2026年2月30日", "2026-13-1")} == {"no such day"}


def test_codes_and_words_keep_their_full_width_signs() -> None:
    assert (cells.code("Ａ１"), cells.text("甲；乙，丙")) == ("Ａ１", "甲；乙，丙")


def test_empty_columns_and_lines_at_the_end_are_nothing() -> None:
    sheet = read("code,price_yuan,on,,", 'L1,"¥1,234.50",2026/2/15,,', "L2,5,,,", "L3,6,", "L4,7,,,,,", ",,,,", "", "")
    assert problems(sheet.errors) == []
    assert [row["price_yuan"] for row in sheet.rows] == [123450, 500, 600, 700]
    assert sheet.rows[0]["on"] == date(2026, 2, 15)


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        (["code,price_yuan,on", "L1,5,,x"], (2, "", "4 cells where the header has 3 columns")),
        (["code,price_yuan,on", "L1,5"], (2, "", "2 cells where the header has 3 columns")),
        (["code,price_yuan,on", "L1,1,234.50,2026/2/15"], (2, "", "4 cells where the header has 3 columns")),
        (["code,,price_yuan", "L1,,5"], (1, "", "unknown column")),
    ],
)
def test_a_cell_too_many_or_too_few_is_refused(lines: list[str], fault: tuple[int, str, str]) -> None:
    assert [(e["line"], e["column"], e["msg"]) for e in problems(read(*lines).errors)][-1] == fault


@pytest.mark.parametrize("name", ["石山", "石", "平山", "南京路石山", "联通", "茅山"])
def test_fm13_a_gb18030_file_of_few_chinese_characters_is_read_as_it_was_written(name: str) -> None:
    """石山 is written in the bytes of the two letters `ʯɽ`, which were taken for its name."""
    text = f"code,name\nE1,{name}\n"
    assert decode_text(text.encode("gb18030")) == text
    assert decode_text(text.encode()) == decode_text(text.encode("utf-8-sig")) == text


@pytest.mark.parametrize(
    "body", ["code,name\nE1,Café\n".encode(), "code,name\nE1,茅\n".encode("gb18030"), "a\nm²".encode()]
)
def test_fm13_a_file_that_may_be_either_is_refused(body: bytes) -> None:
    with pytest.raises(Invalid) as refused:
        decode_text(body)
    assert refused.value.errors == [{"line": 2, "column": "", "msg": "one thing in UTF-8, another in GB18030"}]
    assert decode_text(b"\xef\xbb\xbf" + "Café".encode()) == "Café", "its mark tells"


@given(st.text("石山平南京一二三王明A1,-\n", min_size=1).map("code,name\n".__add__))
def test_fm13_a_file_of_everyday_chinese_is_never_read_as_another(text: str) -> None:
    assert decode_text(text.encode()) == decode_text(text.encode("gb18030")) == text
