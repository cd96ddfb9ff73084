"""The words behind a Content-Type or Content-Disposition: RFC 2045, RFC 2231, and what is sent.

File names come in four spellings: plain, quoted, as encoded words (forbidden, and common), and cut
in numbered, percent-encoded sections (RFC 2231). All are read; the last wins.
"""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

from channels.email.charsets import decode
from channels.email.words import as_text

MAX_FIELD_BYTES = 32 << 10
MAX_PARAMETERS = 200

_PARAMETER = re.compile(
    r""";[\s;]*+([^\s=;"]{1,100})\s*+(?:=\s*+(?:"((?:[^"\\]|\\.)*+)"?|([^;]*+)))?+[^;]*+""", re.S
)
_ESCAPED = re.compile(r"\\(.)", re.S)
_SECTION = re.compile(r"(.+?)\*(?:(\d{1,3})(\*?))?", re.S)


def parameters(value: bytes) -> tuple[str, dict[str, str]]:
    """The leading word, lower-case, and the parameters by lower-case name."""
    text = as_text(value[:MAX_FIELD_BYTES])
    head, _, _ = text.partition(";")
    head_word = head.strip().strip("\"'").lower()
    if ";" not in text:
        return head_word, {}
    plain: dict[str, str] = {}
    sections: dict[str, dict[int, tuple[str, bool]]] = {}
    for count, m in enumerate(_PARAMETER.finditer(text, len(head))):
        if count == MAX_PARAMETERS:
            break
        name = m[1].lower()
        words = _ESCAPED.sub(r"\1", m[2]) if m[2] is not None else (m[3] or "").strip()
        if "*" in name and (section := _SECTION.fullmatch(name)):
            base, number, star = section[1], section[2], section[3]
            encoded = number is None or bool(star)
            sections.setdefault(base, {})[int(number or 0)] = (words, encoded)
        else:
            plain.setdefault(name, words)
    for base, pieces in sections.items():
        plain[base] = _joined(pieces) or plain.get(base, "")
    return head_word, plain


def _joined(pieces: dict[int, tuple[str, bool]]) -> str:
    """The value whose numbered sections are `pieces` (RFC 2231, section 4.1)."""
    charset = ""
    whole = b""
    for number in sorted(pieces):
        words, encoded = pieces[number]
        if encoded and number == min(pieces) and words.count("'") >= 2:
            charset, _, words = words.split("'", 2)
        whole += unquote_to_bytes(words) if encoded else words.encode("utf-8", "replace")
    return decode(whole, charset).text
