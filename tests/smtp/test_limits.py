"""How large and how many, how slow and for how long: what one peer may take of us."""

from __future__ import annotations

import asyncio

import pytest

from tests.smtp.peers import MAIL, FileJournal, Serve, connected, reset_or, stuffed, until


async def test_a_mail_of_the_limit_is_taken_and_one_octet_more_is_not(
    opened: Serve, journal: FileJournal
) -> None:
    size = 300_000
    largest = b"x" * (size - 2) + b"\r\n"

    async with connected(await opened(message_bytes=size)) as peer:
        assert (await peer.sends(largest)).startswith("250 ")
        assert (await peer.sends(b"x" + largest)).startswith("552 5.3.4 ")
        assert (await peer.sends(MAIL)).startswith("250 ")
        assert (await peer.says(f"MAIL FROM:<a@b.test> SIZE={size + 1}")).startswith("552 ")

    assert [len(row["raw"]) for row in journal.kept()] == [size, len(MAIL)]


async def test_mails_that_come_in_at_once_share_the_memory_there_is(
    opened: Serve, journal: FileJournal
) -> None:
    door = await opened(held_bytes=300_000)

    async with connected(door) as first, connected(door) as second:
        await first.begins("support@desk.test")
        first.writer.write(b"x" * 200_000)
        await until(lambda: door._held_bytes > 100_000)
        refused = await second.sends(b"y" * 250_000 + b"\r\n")
        taken = await first.says(b"\r\n.\r\n")
        again = await second.sends(b"y" * 250_000 + b"\r\n")

    assert refused == "452 4.3.1 Insufficient system storage"
    assert taken.startswith("250 ")
    assert again.startswith("250 ")
    assert door._held_bytes == 0


async def test_memory_is_given_back_when_a_peer_hangs_up_in_the_middle(opened: Serve) -> None:
    door = await opened()

    async with connected(door) as peer:
        await peer.begins("support@desk.test")
        peer.writer.write(b"x" * 300_000)
        await until(lambda: door._held_bytes > 100_000)

    await until(lambda: door._held_bytes == 0)


async def test_after_a_hundred_recipients_the_rest_is_asked_for_later(
    opened: Serve, journal: FileJournal
) -> None:
    async with connected(await opened()) as peer:
        await peer.says("MAIL FROM:<ada@example.com>")
        replies = [await peer.says(f"RCPT TO:<support+{n}@desk.test>") for n in range(3000)]
        await peer.says("DATA")
        answer = await peer.says(stuffed(MAIL))

    assert {reply[:3] for reply in replies[:100]} == {"250"}
    assert set(replies[100:]) == {"452 4.5.3 Too many recipients"}
    assert answer.startswith("250 ")
    assert len(journal.kept()[0]["envelope"]["rcpt_to"]) == 100


async def test_an_unknown_recipient_is_refused_and_a_harvester_is_hung_up_on(
    opened: Serve,
) -> None:
    async with connected(await opened(unknown_recipients=20)) as peer:
        await peer.says("MAIL FROM:<ada@example.com>")
        replies = [await peer.says(f"RCPT TO:<u{n}@desk.test>") for n in range(21)]
        rest = await peer.rest()

    assert set(replies) == {"550 5.1.1 No such mailbox here"}
    assert rest.startswith("421 4.7.0 ")


@pytest.mark.parametrize(
    ("command", "times"), [("NOOP", 10), ("RSET", 100), ("EHLO x", 4), ("VRFY a", 2)]
)
async def test_a_command_may_be_said_only_so_often(opened: Serve, command: str, times: int) -> None:
    async with connected(await opened()) as peer:
        replies = [await peer.says(command) for _ in range(times)]
        last = await peer.says(command)

    assert all(reply.startswith("25") for reply in replies)
    assert last.startswith("421 ")


async def test_a_flood_of_commands_is_cut(opened: Serve) -> None:
    async with connected(await opened()) as peer:
        peer.writer.write(b"NOOP\r\n" * 20_000)

        assert "421 4.7.0" in await reset_or(peer.rest())


async def test_one_peer_may_connect_only_so_often_and_again_when_it_left(opened: Serve) -> None:
    door = await opened(connections_from_loopback=2)

    async with connected(door):
        async with connected(door), connected(door, greet=False) as third:
            assert await third.rest() == "421 4.7.0 Too many connections"
        await until(lambda: len(door._conversations) == 1)
        async with connected(door) as again:
            assert (await again.says("NOOP")).startswith("250 ")


async def test_all_peers_together_may_connect_only_so_often(opened: Serve) -> None:
    door = await opened(connections=1)

    async with connected(door), connected(door, greet=False) as second:
        assert await second.rest() == "421 4.7.0 Too many connections"


async def test_a_mail_that_drips_is_cut_and_a_slow_honest_one_is_not(
    opened: Serve, journal: FileJournal
) -> None:
    door = await opened(data_grace_seconds=0.3, data_bytes_per_second=2000)

    async with connected(door) as drip, connected(door) as honest:
        await drip.begins("support@desk.test")
        await honest.begins("support@desk.test")
        cut = asyncio.create_task(drip.rest())
        while not cut.done():
            drip.writer.write(b"x")
            honest.writer.write(b"y" * 2000)
            await asyncio.sleep(0.05)

        assert "421 4.4.2 Too slow" in await cut
        assert (await honest.says(b"\r\n.\r\n")).startswith("250 ")

    assert len(journal.kept()) == 1


async def test_a_mail_may_take_longer_than_an_idle_peer(opened: Serve) -> None:
    async with connected(await opened(idle_seconds=0.5)) as peer:
        await peer.begins("support@desk.test")
        for _ in range(6):
            peer.writer.write(b"slowly\r\n")
            await asyncio.sleep(0.2)

        assert (await peer.says(b".\r\n")).startswith("250 ")


@pytest.mark.parametrize("said", [b"", b"NO", b"\r\n", b"x" * 3_000_000])
async def test_a_peer_that_says_nothing_whole_is_hung_up_on(opened: Serve, said: bytes) -> None:
    async with connected(await opened(idle_seconds=0.5)) as peer:
        peer.writer.write(said)

        assert (await peer.rest()).endswith("421 4.4.2 Idle too long")


async def test_no_conversation_is_for_ever(opened: Serve) -> None:
    async with connected(await opened(session_seconds=1, idle_seconds=60)) as peer:
        assert await peer.rest() == "421 4.4.2 Session too long"
