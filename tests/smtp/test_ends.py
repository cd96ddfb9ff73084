"""Where a mail ends: at its dot, and at nothing that a laxer server took for one."""

from __future__ import annotations

import asyncio

import pytest

from channels.email import data_reader
from channels.email.smtp import Door
from tests.smtp.peers import INNER, FileJournal, Serve, connected, stuffed

BODIES = {
    "empty": b"",
    "a dot": b".\r\n",
    "dots": b".\r\n..\r\n...x\r\n\r\n.\r\n",
    "starts with a dot": b".x\r\ny\r\n",
    "bare ends of line": b"a\rb\nc\r\n",
    "a long line": b"x" * 200_000 + b"\r\n",
    "just one block": b"x" * (2**16 - 7) + b"\r\n",
    "8-bit and NUL": bytes(range(256)) + b"\r\n",
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
async def test_what_was_sent_is_what_is_kept(
    opened: Serve, journal: FileJournal, body: bytes
) -> None:
    async with connected(await opened()) as peer:
        answer = await peer.sends(body)

    assert answer.startswith("250 ")
    assert journal.kept()[0]["raw"] == body


async def test_a_mail_of_any_length_ends_at_its_dot_wherever_a_block_ends(
    opened: Serve, journal: FileJournal
) -> None:
    mails = [b"x" * length + b"\r\n" for length in range(2**16 - 12, 2**16 + 6)]

    async with connected(await opened()) as peer:
        answers = [await peer.sends(mail) for mail in mails]

    assert all(answer.startswith("250 ") for answer in answers)
    assert [row["raw"] for row in journal.kept()] == mails


NOT_AN_END = [
    *(b"\n.\n", b"\r.\r", b"\r.\n", b"\n.\r", b"\n.\r\n", b"\r\n.\n", b"\r.\r\n", b"\r\n.\r"),
    *(b"\r\n\0.\r\n", b"\r\n.\0\r\n", b"\r\n.\r\r\n", b"\r\r\n.\r\r\n", b"\n\n.\r\n"),
    *(b"\r\n .\r\n", b"\r\n. \r\n", b"\r\n.\x0b\r\n", b"\x85.\x85", "\u2028.\u2028".encode()),
    *(b"\f.\f", b"\n.\n\n", b"\r\n.\n\r\n", b"\r\n\n.\n", b"\r.\r.\r\n", b"\r\n.\t\r\n"),
    *(b"\n..\n", b"\r\n..\r\n"),
]


async def smuggles(door: Door, variant: bytes, cut: int = 0, inner: bytes = INNER) -> None:
    """A mail with another one behind something that is not quite an end, in two segments."""
    stream = b"Subject: outer\r\n\r\nouter text" + variant + inner
    cut += stream.index(variant)
    async with connected(door) as peer:
        await peer.begins("support@desk.test")
        peer.writer.write(stream[:cut])
        if cut < len(stream):
            await asyncio.sleep(0.002)
            peer.writer.write(stream[cut:])
        peer.writer.write(b"QUIT\r\n")
        await peer.rest()


@pytest.mark.parametrize("variant", NOT_AN_END, ids=repr)
async def test_nothing_but_a_true_end_ends_a_mail(
    opened: Serve, journal: FileJournal, variant: bytes
) -> None:
    door = await opened(connections_from_loopback=1000)

    for cut in range(len(variant) + 1):
        await smuggles(door, variant, cut)

    [row] = journal.kept()  # the same mail each time, so it is there once
    assert b"inner text" in row["raw"]
    assert row["envelope"]["mail_from"] == "ada@example.com"


async def test_a_true_end_after_a_lone_cr_is_an_end(opened: Serve, journal: FileJournal) -> None:
    """It holds CR LF . CR LF; an honest relay would have stuffed the dot (Postfix agrees)."""
    await smuggles(await opened(), b"\r\r\n.\r\n")

    assert len(journal.kept()) == 2


async def test_a_laxer_end_would_let_a_second_mail_in(
    opened: Serve, journal: FileJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data_reader, "END_OF_DATA", b"\n.\n")

    await smuggles(await opened(), b"\n.\n", inner=INNER.replace(b"\r\n.\r\n", b"\n.\n"))

    assert [row["envelope"]["mail_from"] for row in journal.kept()] == [
        "ada@example.com",
        "evil@x.test",
    ]


async def test_mails_sent_in_groups_are_taken_one_by_one(
    opened: Serve, journal: FileJournal
) -> None:
    group = b"MAIL FROM:<ada@example.com>\r\nRCPT TO:<support@desk.test>\r\nDATA\r\n"

    async with connected(await opened()) as peer:
        for number in range(3):
            peer.writer.write(group)
            codes = [(await peer.reply())[:3] for _ in range(3)]
            peer.writer.write(stuffed(b"%d\r\n" % number) + b"NOOP\r\n")
            codes += [(await peer.reply())[:3] for _ in range(2)]
            assert codes == ["250", "250", "354", "250", "250"]

    assert [row["raw"] for row in journal.kept()] == [b"0\r\n", b"1\r\n", b"2\r\n"]
