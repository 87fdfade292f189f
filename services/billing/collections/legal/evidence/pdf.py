"""ADAPTER to the PDF library: the evidence pack as a document that shows Chinese anywhere, the font's glyphs inside.

The same pack gives the same bytes: its creation date is the as-of day. Pure computing; it runs in a thread of its own,
for as long as it is given. Whatever a cell says is printed: what is higher than a page goes on in the next row.
"""

import time
from collections.abc import Iterator
from importlib.resources import as_file, files
from itertools import zip_longest

from fpdf import FPDF, FontFace
from fpdf.enums import MethodReturnValue, TableBordersLayout

from services.billing.collections.legal.evidence.rules import Pack, Section
from services.common.domain.calendar import start_of_business_day

FONT = "NotoSansSC"
_PACKAGE, _FILE = "pylopdf_fonts_zh_cn", "NotoSansSC-Regular.otf"
_HEAD = FontFace(fill_color=(235, 238, 242))
_MISSING = "〓(U+{:04X})"
# of a column, in letters
_NARROWEST, _WIDEST = 8, 40
_LINE_HEIGHT = 4.2
_MOST_LINES = 30  # of one row: with the heads above it, it fits on a page
_WIDEST_LETTER = 3.0


class TooSlow(Exception):
    """The document is not made in the time it was given."""


class Paper(FPDF):  # type: ignore[misc]  # the library has no types
    """A4 across, with the household and the page number at the foot of every page."""

    def __init__(self, pack: Pack) -> None:
        super().__init__(orientation="L", format="A4")
        self._foot = f"{pack.household} · {pack.as_of}"
        with as_file(files(_PACKAGE).joinpath(_FILE)) as path:
            self.add_font(FONT, fname=path)
        self.set_font(FONT, size=8)
        self.set_creation_date(start_of_business_day(pack.as_of))
        self.set_title(f"证据材料 / Evidence {pack.household} {pack.as_of}")
        self.set_auto_page_break(auto=True, margin=14)

    def footer(self) -> None:
        """Which document this page belongs to."""
        self.set_y(-10)
        self.set_font(FONT, size=7)
        self.cell(0, 5, self.printable(f"{self._foot} · {self.page_no()}"), align="C")
        self.set_font(FONT, size=8)

    def printable(self, text: str) -> str:
        """What the font lacks is named by its code point, so that a rare name stays beyond doubt; the CSV has it."""
        glyphs = self.fonts[FONT.lower()].cmap
        return "".join(sign if sign == "\n" or ord(sign) in glyphs else _MISSING.format(ord(sign)) for sign in text)

    def line(self, text: str, size: float = 8) -> None:
        """One paragraph."""
        self.set_font(FONT, size=size)
        self.multi_cell(0, size * 0.6, self.printable(text), new_x="LMARGIN", new_y="NEXT")
        self.set_font(FONT, size=8)


def render(pack: Pack, sha256: str, seconds: float) -> bytes:
    """The document; its last page states the fingerprint of the CSV that belongs to it. TooSlow."""
    paper, deadline = Paper(pack), time.monotonic() + seconds
    paper.add_page()
    paper.line(f"物业费欠缴证据材料 / Evidence of arrears — {pack.household}", 15)
    for part in pack.sections:
        _section(paper, part, deadline)
    paper.add_page()
    paper.line("内容校验 / Integrity", 12)
    paper.line("本材料与同名 CSV 文件内容一致,CSV 文件的 SHA-256 为: / The CSV of the same name has the SHA-256:")
    paper.line(sha256, 10)
    return bytes(paper.output())


def _section(paper: Paper, part: Section, deadline: float) -> None:
    paper.ln(3)
    paper.line(part.title, 11)
    if not part.rows:
        paper.line("无 / none")
        return
    widths = _widths(part)
    with paper.table(
        borders_layout=TableBordersLayout.MINIMAL,
        headings_style=_HEAD,
        text_align="LEFT",
        line_height=_LINE_HEIGHT,
        first_row_as_headings=True,
        col_widths=widths,
    ) as table:
        for cells in (part.heads, *part.rows):
            for texts in _rows(paper, [paper.printable(text) for text in cells], widths):
                table.row(texts)
            if time.monotonic() > deadline:
                raise TooSlow(part.title)


def _rows(paper: Paper, texts: list[str], widths: tuple[int, ...]) -> Iterator[tuple[str, ...]]:
    """A row as several, each of which fits on a page."""
    columns = [_pieces(paper, text, paper.epw * width / sum(widths)) for text, width in zip(texts, widths, strict=True)]
    return zip_longest(*columns, fillvalue="")


def _pieces(paper: Paper, text: str, width: float) -> list[str]:
    """A text in parts of so many lines; only what may be that long is measured."""
    inside = width - 2 * paper.c_margin
    if len(text) * _WIDEST_LETTER / inside + text.count("\n") + 1 <= _MOST_LINES:
        return [text]
    lines = paper.multi_cell(width, _LINE_HEIGHT, text, dry_run=True, output=MethodReturnValue.LINES)
    return ["\n".join(lines[first : first + _MOST_LINES]) for first in range(0, len(lines), _MOST_LINES)]


def _widths(part: Section) -> tuple[int, ...]:
    """A column is as wide as its longest cell asks for, within bounds: no formula is broken inside a number."""
    columns = zip(part.heads, *part.rows, strict=True)
    return tuple(min(_WIDEST, max(_NARROWEST, *(len(text) for text in column))) for column in columns)
