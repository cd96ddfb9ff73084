"""Content-Transfer-Encoding undone: base64, quoted-printable, uuencode, as far as it goes."""

from __future__ import annotations

from binascii import Error as BadEncoding
from binascii import a2b_base64, a2b_qp, a2b_uu
from string import ascii_letters, digits

_NOT_BASE64 = bytes(set(range(256)) - set((ascii_letters + digits + "+/").encode()))


def decoded(content: bytes, encoding: bytes) -> bytes:
    """`content` without its transfer encoding; what is not so encoded stays as it is."""
    match encoding.partition(b";")[0].strip().lower():
        case b"base64":
            return from_base64(content)
        case b"quoted-printable":
            return a2b_qp(content)
        case b"x-uuencode" | b"uuencode" | b"x-uue" | b"uue":
            return _from_uuencode(content)
    return content


def from_base64(content: bytes) -> bytes:
    """What `content` encodes, as far as it goes: strange characters and bad padding are borne."""
    try:
        return a2b_base64(content)
    except BadEncoding:
        content = content.translate(None, _NOT_BASE64)
        content = content[: len(content) - (len(content) % 4 == 1)]
        return a2b_base64(content + b"=" * (-len(content) % 4))


def _from_uuencode(content: bytes) -> bytes:
    lines = content.splitlines()
    for number, line in enumerate(lines[:100]):
        if line.startswith(b"begin "):
            lines = lines[number + 1 :]
            break
    try:
        return b"".join(_uu_line(line) for line in lines if line.strip() not in (b"", b"end"))
    except BadEncoding:
        return content


def _uu_line(line: bytes) -> bytes:
    try:
        return a2b_uu(line)
    except BadEncoding:
        # Old encoders pad the line too much; its first byte says how much of it counts.
        return a2b_uu(line[: (((line[0] - 32) & 63) * 4 + 5) // 3])
