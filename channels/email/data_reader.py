"""Where a mail ends: the DATA of an SMTP conversation, read by blocks.

aiosmtpd reads it line by line, which costs most of its time and makes a long line an error. Here
a line may be of any length, and only CR LF . CR LF ends a mail: anything looser lets a stranger
smuggle in a second mail behind a relay that is stricter (CVE-2023-51764 and its kin).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

END_OF_DATA = b"\r\n.\r\n"


class NoRoom(Exception):
    """The mail was read to its end and is not to be had; the text is the reply."""


async def read_mail(reader: asyncio.StreamReader, refusal: Callable[[int, int], str]) -> bytes:
    """The mail up to the line that is a lone dot, without its dot-stuffing.

    `refusal` is asked for every block, with the size on the wire so far and that of the block,
    and answers the reply to refuse with, or "". What is refused is still read to its end, for
    only then may a reply be sent (RFC 5321, 4.1.1.4); then NoRoom is raised.
    """
    # The CR LF of the DATA command is the first half of the end of an empty mail.
    reader._buffer[:0] = b"\r\n"  # type: ignore[attr-defined]
    blocks: list[bytes] = []
    size, refused, ended = -len(END_OF_DATA), "", False
    while not ended:
        block, ended = await _read_block(reader)
        size += len(block)
        blocks.append(block)
        refused = refused or refusal(size, len(block))
        if refused:
            blocks.clear()
    if refused:
        raise NoRoom(refused)
    return _unstuffed(blocks)


async def _read_block(reader: asyncio.StreamReader) -> tuple[bytes, bool]:
    """The next block of the mail, and whether it is the last, which ends in the lone dot."""
    try:
        return await reader.readuntil(END_OF_DATA), True
    except asyncio.LimitOverrunError as overrun:
        # What was found not to hold the end; the first octets of an end stay behind.
        return await reader.read(overrun.consumed), False


def _unstuffed(blocks: list[bytes]) -> bytes:
    """The mail in these blocks, which are given up on the way: a mail may be large."""
    blocks[-1] = blocks[-1].removesuffix(b".\r\n")
    content = b"".join(blocks)
    blocks.clear()
    # RFC 5321, 4.5.2: a line that starts with a dot loses it.
    content = content.replace(b"\r\n.", b"\r\n")
    return content.removeprefix(b"\r\n")
