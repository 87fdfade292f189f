"""D4: the evidence pack as PDF and CSV: complete, readable in Chinese, the same bytes for the same day."""

import base64
import csv
import io
import re
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from time import perf_counter
from typing import Any
from uuid import uuid4

import pytest
from fontTools.cffLib import CFFFontSet
from fontTools.pens.boundsPen import BoundsPen
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PageObject, PdfReader
from sqlalchemy import Engine, text

from services.billing.collections.dunning.cases import handlers as cases
from services.billing.collections.dunning.cases.handlers import ContactNote
from services.billing.collections.legal import files
from services.billing.collections.legal.evidence.export import export
from services.billing.collections.legal.evidence.handlers import PLAN, gather
from services.billing.collections.legal.evidence.rules import Pack, adds_up, as_csv, fingerprint, section, segments
from services.billing.receivables.late_fee.rules import BillEvent, DailyRate, LateFeePolicy, late_fee
from services.common.contracts.answers.legal import EvidenceForm
from services.common.contracts.errors import Conflict, Forbidden, NotFound
from services.common.domain.access import Caller
from services.common.domain.money import yuan
from tests.support.billing.books import NOW, SYSTEM, TODAY, Books, day
from tests.support.billing.legal import AUDITOR, DUE, MANAGER, OTHER, hold, noon, promise, ripe
from tests.support.billing.relief import Relief

STEWARD = Caller(sub="S1", roles=frozenset({"steward"}), estates=frozenset({"E1"}))
D3 = Decimal("0.0003")
QUOTE = "漏水没修好,不交!😀\n=1+1"

PARTS = (
    *("一、案件概要/Case", "二、合同依据/Contract", "§7.3", "三、房屋", "四、欠费账单", "五、缴费记录", "六、催缴步骤"),
    *("七、送达记录", "EMS1234567890CN", "八、联系记录", "漏水没修好,不交!", "九、服务与暂停催缴记录"),
    *("performing_plan", "十、业委会督促", "业委会〔2026〕3号", "十一、法务档案", "立案材料", "十二、总账摘录"),
    *("王小明", "120.00", "demand_letter", "300.00×0.0003×47+"),
)


@pytest.fixture
def engine(database: Callable[[str], Engine]) -> Engine:
    return database("billing")


def whole_case(books: Books) -> None:
    """Everything there can be on record of a household."""
    ripe(books)
    books.bill(20000, "2026-09-15")
    books.sweep("2026-08-31")
    books.pay(12000, "2026-10-01")
    cases.add_contact(books.session, SYSTEM, "H1", uuid4(), ContactNote("visit", QUOTE, note="龘"), noon("2026-10-02"))
    promise(books, "2026-10-05")
    hold(books, "plan", source_id=uuid4())
    books.session.execute(text("UPDATE dunning_hold SET released_at = since + interval '1 hour'"))
    files.open_file(books.session, MANAGER, uuid4(), "H1", "suit", "立案材料", NOW)


def pdf_text(made: dict[str, Any]) -> str:
    return "".join(text_of(page) for page in PdfReader(io.BytesIO(base64.b64decode(made["content"]))).pages)


def text_of(page: PageObject) -> str:
    """Without blanks: the reader takes the two bytes of a letter for a zero and a letter."""
    return "".join(page.extract_text().replace("\0", "").split())


def make(books: Books, form: EvidenceForm = "pdf", caller: Caller = MANAGER, as_of: date = TODAY) -> dict[str, Any]:
    return export(gather(books.session, caller, "H1", as_of), form, seconds=60)


def test_d4_the_pack_holds_every_part_and_reads_back_in_chinese(books: Books) -> None:
    whole_case(books)
    made = make(books)
    read = pdf_text(made)
    for part in PARTS:
        assert part in read, part
    assert made["sha256"] in read
    assert (made["media_type"], made["filename"]) == ("application/pdf", "evidence-H1-2026-11-21.pdf")


def test_d4_the_last_page_proves_the_csv(books: Books) -> None:
    whole_case(books)
    sheet, paper = make(books, "csv"), make(books)
    assert fingerprint(base64.b64decode(sheet["content"])) == sheet["sha256"] == paper["sha256"]
    last = PdfReader(io.BytesIO(base64.b64decode(paper["content"]))).pages[-1]
    assert sheet["sha256"] in text_of(last)
    rows = list(csv.reader(io.StringIO(base64.b64decode(sheet["content"]).decode("utf-8-sig"))))
    assert [cell for row in rows for cell in row if "漏水" in cell] == [QUOTE]
    assert ["业主 / Owner", "王小明"] in rows


def test_d4_glyphs_are_embedded_and_what_the_font_lacks_is_marked(
    books: Books, caplog: pytest.LogCaptureFixture
) -> None:
    whole_case(books)
    with caplog.at_level("WARNING", logger="fpdf"):
        read = pdf_text(make(books))
    assert not [record for record in caplog.records if "glyph" in record.getMessage()]
    assert "😀" not in read
    assert "不交!〓(U+1F600)" in read
    page: Any = PdfReader(io.BytesIO(base64.b64decode(make(books)["content"]))).pages[0]
    [font] = [font.get_object() for font in page["/Resources"]["/Font"].values()]
    used = {int(code) for code in re.findall(r"> (\d+)\n", font["/Encoding"].get_object().get_data().decode())}
    assert len(used) > 100
    assert used <= drawn(font["/DescendantFonts"][0].get_object()["/FontDescriptor"]["/FontFile3"].get_data())


def drawn(font_file: bytes) -> set[int]:
    """The characters of an embedded font that have an outline; a blank needs none."""
    fonts = CFFFontSet()
    fonts.decompile(io.BytesIO(font_file), None)
    [font] = [fonts[name] for name in fonts.fontNames]
    found = {1, 32}
    for name in font.charset[1:]:
        pen = BoundsPen(None)
        font.CharStrings[name].draw(pen)
        found |= {int(name.removeprefix("cid"))} if pen.bounds else set()
    return found


def test_d4_a_rare_name_stays_beyond_doubt(books: Books) -> None:
    books.household()
    books.session.execute(text("UPDATE household SET owner_name = '㐂田𠮷䶮'"))
    assert "㐂田〓(U+20BB7)䶮" in pdf_text(make(books))
    assert "㐂田𠮷䶮" in base64.b64decode(make(books, "csv")["content"]).decode("utf-8-sig")


def test_d4_the_same_day_gives_the_same_bytes_whenever_it_is_made(books: Books) -> None:
    whole_case(books)
    first, started = make(books, as_of=day("2026-11-01")), perf_counter()
    books.pay(5000, "2026-11-10")
    promise(books, "2026-11-12")
    assert make(books, as_of=day("2026-11-01")) == first
    assert make(books)["sha256"] != first["sha256"]
    assert perf_counter() - started < 20, "two packs took far too long"


def test_d4_an_auditor_sees_the_pack_masked_and_a_steward_not_at_all(books: Books) -> None:
    whole_case(books)
    sheet = base64.b64decode(make(books, "csv", AUDITOR)["content"]).decode()
    for personal in ("王小明", "13800000000", "漏水", "立案材料"):
        assert personal not in sheet
    assert "王**" in sheet
    for caller in (STEWARD, OTHER, Caller(sub="o", roles=frozenset({"owner"}), household="H1")):
        with pytest.raises(Forbidden):
            gather(books.session, caller, "H1", TODAY)
    with pytest.raises(NotFound):
        gather(books.session, AUDITOR, "H9", TODAY)


def test_d4_an_empty_case_is_a_pack_too(books: Books) -> None:
    books.household()
    assert "四、欠费账单/Billsinarrears无/none" in pdf_text(make(books))


def test_d4_amounts_are_those_of_the_statement(books: Books) -> None:
    whole_case(books)
    owed = books.statement("2026-11-21")
    pack = gather(books.session, MANAGER, "H1", TODAY)
    bills = next(part for part in pack.sections if part.title.startswith("四"))
    fees = [round(float(row[8]) * 100) for row in bills.rows]
    assert sum(fees) == owed["late_fee_fen"] > 0
    assert len(bills.rows) == len(owed["bills"])
    assert all(row[9] and row[9] != PLAN for row in bills.rows)
    assert DUE in {row[4] for row in bills.rows}


EVENTS = st.lists(
    st.builds(
        BillEvent,
        st.sampled_from(("payment", "waiver", "restoration", "late_fee_payment")),
        st.dates(date(2025, 12, 1), date(2026, 12, 1)),
        st.integers(1, 4000),
    ),
    max_size=5,
)


@given(EVENTS, st.booleans(), st.integers(0, 20), st.sampled_from(("from_due", "after_grace")), st.booleans())
def test_d4_the_breakdown_adds_up_to_the_late_fee(
    events: list[BillEvent], capped: bool, grace: int, mode: Any, two_rates: bool
) -> None:
    due, as_of = date(2026, 1, 15), date(2026, 11, 21)
    rates = (DailyRate(date(2000, 1, 1), D3), *((DailyRate(date(2026, 5, 1), D3 * 2),) if two_rates else ()))
    policy = LateFeePolicy("§7", rates, capped, grace, mode)
    known = [event for event in events if event.on <= as_of]
    parts = segments(20000, due, known, as_of, policy)
    assert adds_up(parts, 20000, known, policy) == late_fee(20000, due, known, as_of, policy).due_fen


def test_d4_a_csv_cell_is_never_a_formula() -> None:
    words = [
        "=1+1",
        "@x",
        "plain",
        "a\x00b",
        "\t-cmd",
        " =1",
        "\uff1d1+1",
        "\uff20x",
        "+86 138",
        "-7",
        "-12.50",
        "-1+1",
    ]
    pack = Pack("H1", TODAY, (section("t", ("a",), [(word,) for word in words]),))
    assert as_csv(pack).decode("utf-8-sig").splitlines() == [
        "t", "a", "'=1+1", "'@x", "plain", "ab", "'-cmd", "' =1", "'\uff1d1+1", "'\uff20x", "'+86 138", "-7", "-12.50",
        "'-1+1", "",
    ]  # fmt: skip


@pytest.mark.parametrize("seed", range(6))
def test_d4_the_ledger_extract_adds_up_to_the_statement_to_the_fen(books: Books, seed: int) -> None:
    """Whatever was paid and voided: every bill's balance and the prepaid one; nothing of the household next door."""
    dice, numbers = Random(seed), {}
    for code in ("H1", "H2"):
        books.household(code)
        dues = ("2026-07-15", "2026-08-15", "2026-09-15")
        numbers[code] = [books.bill(dice.randint(5000, 30000), due, code, fee_item=due) for due in dues]
    for _ in range(10):
        on = (day("2026-08-01") + timedelta(days=dice.randrange(110))).isoformat()
        books.pay(dice.randint(1, 9000), on, dice.choice(("H1", "H1", "H2")))
    Relief(books).void(dice.choice(numbers["H1"]))
    for as_of in ("2026-09-20", "2026-10-20", "2026-11-21"):
        owed = books.statement(as_of)
        pack = gather(books.session, MANAGER, "H1", day(as_of))
        bills, ledger = (
            next(part.rows for part in pack.sections if part.title.startswith(title)) for title in ("四", "十二")
        )
        assert sum(Decimal(row[6]) for row in bills) * 100 == owed["principal_fen"]
        assert [row[6] for row in bills] == [
            yuan(balance("receivable", [row for row in ledger if row[7] == bill[0]])) for bill in bills
        ]
        assert -balance("customer_credit", ledger) == owed["credit_fen"]
        assert not {row[7] for row in ledger} & {str(number) for number in numbers["H2"]}


def balance(account: str, rows: Sequence[tuple[str, ...]]) -> int:
    """Debits less credits of an account, in fen."""
    return sum(round(Decimal(row[6]) * 100) * ((row[4] == account) - (row[5] == account)) for row in rows)


# of every kind: plain words, one word without blanks, Chinese, emoji, right to left, controls and what hides in text
TEXTS = st.text(st.sampled_from("好漏a b\n😀مر\x00\x1b\u00ad\u200b\u202e\u2028"), max_size=40)


@pytest.mark.parametrize("word", ["好", "word ", "x", "😀", "م", "好\n"])
def test_fc7_ten_thousand_letters_print_over_rows_and_pages(word: str) -> None:
    said = word * (1600 if word == "😀" else 10_000 // len(word))
    part = section(
        "八", ("时间 / Time", "业主答复 / Answer", "备注 / Note"), [("2026-10-02", said, None), ("end", "", "")]
    )
    made = export(Pack("H1", TODAY, (part,)), "pdf", seconds=60)
    printed = pdf_text(made)
    sign = "〓" if word in "😀م" else word.strip()
    assert printed.count(sign) >= said.count(word.strip()), "nothing is lost"
    assert printed.count("end") == 1, "and what comes after it is there"


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(TEXTS, TEXTS.map(lambda said: said * 60)), min_size=1, max_size=3))
def test_fc7_any_text_prints_in_the_narrowest_table(rows: list[tuple[str, str]]) -> None:
    heads = tuple(f"列 / Column {number}" for number in range(10))
    part = section("六", heads, [(short, *[None] * 8, long) for short, long in rows])
    assert pdf_text(export(Pack("H1", TODAY, (part,)), "pdf", seconds=60)).count("SHA-256") == 2


def test_fc7_a_pack_that_takes_too_long_is_refused_and_the_csv_has_it_all() -> None:
    part = section("八", ("业主答复 / Answer",), [("好" * 2000,)] * 50)
    with pytest.raises(Conflict):
        export(Pack("H1", TODAY, (part,)), "pdf", seconds=0)
    assert "好" * 2000 in base64.b64decode(export(Pack("H1", TODAY, (part,)), "csv", seconds=0)["content"]).decode()
