"""The text of a header field: bare bytes, encoded words (RFC 2047), and nothing that can hurt.

What comes out is one line without controls, so that it can be shown, stored in PostgreSQL and put
into a header of ours without starting another.
"""

from __future__ import annotations

import re
from binascii import a2b_qp

from channels.email.charsets import decode
from channels.email.encodings import from_base64

MAX_WORDS = 500
MAX_LINE = 1_000

_WORD = re.compile(r"=\?([^?\s*]{1,40})(?:\*[^?\s]{0,40})?\?([bBqQ])\?([^?]*+)\?=(\s++(?==\?))?")
# C0 and C1 controls but white space, which `split` deals with.
_CONTROLS = {c: None for c in (*range(0x20), *range(0x7F, 0xA0)) if not chr(c).isspace()}
_SURROGATES = re.compile("[\ud800-\udfff]")


def as_text(value: bytes, hint: str = "") -> str:
    """A field's bytes as text, encoded words left as they are."""
    return value.decode("ascii") if value.isascii() else decode(value, hint=hint).text


def line(text: str) -> str:
    """`text` as one line that can be shown, stored and sent: white space runs are one space."""
    if not text.isascii() or not text.isprintable():
        text = storable(text).translate(_CONTROLS)
    text = " ".join(text.split())
    return text if len(text) <= MAX_LINE else text[: MAX_LINE - 1] + "…"


def storable(text: str) -> str:
    """`text` without what PostgreSQL refuses: NUL, and surrogates that stand alone."""
    return _SURROGATES.sub("\ufffd", text.replace("\0", ""))


def readable(text: str) -> str:
    """`text` with its encoded words decoded, as one clean line."""
    return line(unworded(text)) if "=?" in text else line(text)


def unworded(text: str) -> str:
    """`text` with the first `MAX_WORDS` encoded words decoded; white space between two is not text.

    A letter may be cut between two words of one charset, so those are joined before decoding.
    """
    out: list[str] = []
    pending, charset, at = b"", "", 0
    for count, m in enumerate(_WORD.finditer(text)):
        if count == MAX_WORDS:
            break
        label = m[1].lower()
        if pending and (m.start() > at or label != charset):
            out.append(decode(pending, charset).text)
            pending = b""
        out.append(text[at : m.start()])
        charset, at = label, m.end()
        pending += _word_bytes(m[2], m[3])
    if pending:
        out.append(decode(pending, charset).text)
    out.append(text[at:])
    return "".join(out)


def _word_bytes(encoding: str, words: str) -> bytes:
    content = words.encode("utf-8", "replace")
    return from_base64(content) if encoding in "bB" else a2b_qp(content, header=True)
