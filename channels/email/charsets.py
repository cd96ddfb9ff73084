"""Bytes to text when the label may lie.

The ladder: the declared charset, if it is one that mail uses; UTF-8; what the bytes look like;
Windows-1252 with replacement characters. No rung raises, and the codecs that turn harmless letters
into markup or cost without bound (utf-7, unicode_escape, idna, punycode, zlib) are not on it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

GUESS_BYTES = 64 << 10

# What a label means in practice: the superset that mail programs really write under that name.
_CODECS = {
    codec: labels.split()
    for codec, labels in {
        "utf-8": "ascii us-ascii ansi_x3.4-1968 646 utf8 utf-8 utf-8-sig utf8mb4 unicode-1-1-utf-8",
        "utf-16": "utf-16 utf16 unicode",
        "utf-16-le": "utf-16le",
        "utf-16-be": "utf-16be",
        "cp1252": "latin1 latin-1 latin_1 l1 ansi",
        "gb18030": "gb2312 gbk gb18030 cp936 x-gbk euc-cn gb_2312-80 ms936",
        "hz": "hz hz-gb-2312",
        "big5hkscs": "big5 big-5 big5-hkscs cn-big5 x-x-big5 cp950",
        "cp932": "shift_jis shift-jis sjis x-sjis ms_kanji cp932 windows-31j",
        "euc_jisx0213": "euc-jp eucjp x-euc-jp",
        "iso2022_jp_ext": "iso-2022-jp iso-2022-jp-1 iso-2022-jp-ms cp50220",
        "iso2022_jp_2": "iso-2022-jp-2",
        "iso2022_jp_3": "iso-2022-jp-3",
        "iso2022_kr": "iso-2022-kr",
        "cp949": "euc-kr ks_c_5601-1987 ks_c_5601 ksc5601 cp949 uhc",
        "koi8_r": "koi8-r koi8r",
        "koi8_u": "koi8-u koi8-ru",
        "cp866": "cp866 ibm866 866",
        "cp874": "tis-620 windows-874",
        "mac_roman": "macintosh x-mac-roman",
        "mac_cyrillic": "x-mac-cyrillic",
    }.items()
}
_BY_LABEL = {label: codec for codec, labels in _CODECS.items() for label in labels}
_WINDOWS = re.compile(r"(?:windows|win|cp|ibm|ms|x-cp|x-ansi)?[-_ ]?(125[0-8]|437|85[02])")
_ISO_8859 = re.compile(r"(?:iso)?[-_ ]?8859[-_ ]?(\d{1,2})(?:[-_:].*)?", re.S)
# Browsers read Latin-1 as Windows-1252 and Latin-5 as Windows-1254, for that is what was written.
_ISO_SUPERSETS = {1: "cp1252", 9: "cp1254", 11: "cp874"}
_ISO_PARTS = {2, 3, 4, 5, 6, 7, 8, 10, 13, 14, 15, 16}
_DETECTABLE = [
    *("cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "koi8_r", "iso8859_2"),
    *("iso8859_5", "iso8859_7", "cp932", "euc_jp", "gb18030", "big5", "cp949", "utf_16"),
]


@dataclass(frozen=True, slots=True)
class Decoded:
    """Text, the codec that gave it, and whether that was guessed against what was declared."""

    text: str
    codec: str
    guessed: bool = False


def decode(content: bytes, label: str = "", hint: str = "") -> Decoded:
    """The text of `content`, declared to be in the charset `label`. Never raises.

    `hint` is a second label to try before guessing, such as the body's for a bare 8-bit header.
    """
    declared = codec_of(label)
    if declared.startswith("utf-16"):
        declared = _utf_16(content)
    if content.isascii() and declared in ("", "utf-8", "cp1252"):
        return Decoded(content.decode("ascii"), "utf-8")
    tries = [codec for codec in (declared, "utf-8", codec_of(hint)) if codec]
    if declared == "cp1252":
        # Almost any bytes are Windows-1252; hardly any are UTF-8 unless they were written so.
        tries = ["utf-8", "cp1252"]
    for codec in tries:
        if (text := _strictly(content, codec)) is not None:
            return Decoded(text, codec, guessed=codec != (declared or "utf-8"))
    for codec in tries:
        if (text := _nearly(content, codec)) is not None:
            return Decoded(text, codec, guessed=True)
    return _guess(content)


def codec_of(label: str) -> str:
    """The codec that reads what mail means by `label`, or "" for one that is unknown or unsafe."""
    label = label.strip("\"' \t").lower()[:60]
    if codec := _BY_LABEL.get(label):
        return codec
    if m := _ISO_8859.fullmatch(label):
        part = int(m[1])
        return _ISO_SUPERSETS.get(part) or (f"iso8859_{part}" if part in _ISO_PARTS else "")
    if m := _WINDOWS.fullmatch(label):
        return f"cp{m[1]}"
    return ""


def _utf_16(content: bytes) -> str:
    """Which UTF-16 `content` is in, or "" for neither: Western text has a NUL in each pair."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    high, low = content[:4096:2].count(0), content[1:4096:2].count(0)
    if not high and not low and content.isascii():
        return ""
    return "utf-16-be" if high >= low else "utf-16-le"


def _strictly(content: bytes, codec: str) -> str | None:
    try:
        return content.decode(codec)
    except UnicodeDecodeError:
        return None


def _nearly(content: bytes, codec: str) -> str | None:
    """`content` in `codec` if a few bytes only are wrong: a letter cut in the middle, say."""
    text = content.decode(codec, "replace")
    wrong = text.count("\ufffd")
    foreign = sum(1 for letter in text[:GUESS_BYTES] if letter > "\x7f" and letter != "\ufffd")
    return text if wrong * 8 <= foreign else None


def _guess(content: bytes) -> Decoded:
    """`content` as the charset that it looks like, else as Windows-1252 with what fits."""
    from charset_normalizer import from_bytes

    best = from_bytes(content[:GUESS_BYTES], cp_isolation=_DETECTABLE).best()
    codec = "cp1252" if best is None else best.encoding
    return Decoded(content.decode(codec, "replace"), codec, guessed=True)
