"""LAW of encodings: which text the bytes of a file are (A3). UTF-8, or GB18030 as Chinese spreadsheets write it."""

import re

from services.common.contracts.errors import Invalid

BOM = b"\xef\xbb\xbf"
UNKNOWN = "\ufffd"
HAN = re.compile("[\u4e00-\u9fff]")
THREE_BYTES = re.compile("[^\x00-\u07ff]")
AMBIGUOUS = (
    "UTF-8 and GB18030 read this file differently, and both could be meant. Save it as CSV UTF-8, with its mark."
)


def decode_text(body: bytes) -> str:
    """UTF-8, with or without a byte order mark, else GB18030. Raises Invalid.

    A UTF-8 file that is damaged in places is not read as GB18030, which would make another name of every one: what
    cannot be read becomes U+FFFD, for whoever reads the cells to name line and column.
    """
    if not body:
        raise _unreadable("The file is empty.", "the header line is missing")
    text = body.decode("utf-8", errors="replace")
    if not body.startswith(BOM) and (_is_damaged_throughout(text) or _is_chinese_in_disguise(body, text)):
        text = _gb18030(body)
    header = text.partition("\n")[0]
    if "\x00" in header or UNKNOWN in header:
        raise _unreadable("The file is neither UTF-8 nor GB18030 text.", "unreadable text")
    return text.removeprefix("\ufeff")


def _is_damaged_throughout(text: str) -> bool:
    return UNKNOWN in text and text.count(UNKNOWN) > len(HAN.findall(text))


def _is_chinese_in_disguise(body: bytes, text: str) -> bool:
    """Whether a file that happens to be UTF-8 is GB18030: 石山 is written in the bytes of `ʯɽ`.

    That can be where all its foreign letters are of two bytes: each is then a character of GB18030 as well. Letters
    nobody here writes are Chinese; where both readings hold what people write, nobody can tell. Raises Invalid.
    """
    if text.isascii() or THREE_BYTES.search(text):
        return False
    if not all(_is_written_here(letter) for letter in set(text)):
        return True
    if _is_common_chinese(body):
        raise _unreadable(AMBIGUOUS, "one thing in UTF-8, another in GB18030", line=_first_foreign_line(text))
    return False


def _first_foreign_line(text: str) -> int:
    return next(number for number, line in enumerate(text.split("\n"), start=1) if not line.isascii())


def _is_written_here(letter: str) -> bool:
    """Letters of western names, and what Chinese texts use besides Han: Greek, Cyrillic, pinyin, signs."""
    return _encodes(letter, "latin-1") or _encodes(letter, "gb2312")


def _encodes(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def _is_common_chinese(body: bytes) -> bool:
    """Whether all of it reads as the some 7,000 characters of everyday Chinese."""
    try:
        body.decode("gb2312")
    except UnicodeDecodeError:
        return False
    return True


def _gb18030(body: bytes) -> str:
    try:
        return body.decode("gb18030")
    except UnicodeDecodeError:
        raise _unreadable("The file is neither UTF-8 nor GB18030 text.", "unreadable text") from None


def _unreadable(detail: str, msg: str, line: int = 1) -> Invalid:
    return Invalid(detail, [{"line": line, "column": "", "msg": msg}])
