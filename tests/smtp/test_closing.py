"""What the SMTP door does when it closes."""

from __future__ import annotations

import asyncio

import pytest

from tests.smtp.peers import MAIL, FileJournal, Serve, connected, stuffed


async def test_closing_lets_a_mail_that_is_coming_in_end(
    opened: Serve, journal: FileJournal
) -> None:
    door = await opened()

    async with connected(door) as busy, connected(door) as idle:
        await busy.begins("support@desk.test")
        closing = asyncio.create_task(door.close(grace_seconds=20))
        told = await idle.rest()
        answer = await busy.says(stuffed(MAIL))
        parted = await busy.rest()
        await closing

    assert told == "421 4.3.2 Closing for now"
    assert answer.startswith("250 ")
    assert parted == "421 4.3.2 Closing for now"
    assert len(journal.kept()) == 1


async def test_closing_does_not_wait_for_ever(opened: Serve, journal: FileJournal) -> None:
    door = await opened()

    async with connected(door) as peer:
        await peer.begins("support@desk.test")
        peer.writer.write(b"and then\r\n")
        await door.close(grace_seconds=0.1)

        assert await peer.rest() == "421 4.3.2 Closing for now"
    assert journal.kept() == []


async def test_closing_waits_for_what_is_being_kept(opened: Serve, journal: FileJournal) -> None:
    door = await opened()
    journal.gate.clear()

    async with connected(door) as peer:
        answer = asyncio.create_task(peer.sends(MAIL))
        await journal.asked.wait()
        closing = asyncio.create_task(door.close(grace_seconds=20))
        await asyncio.sleep(0.05)
        journal.gate.set()
        await closing

        assert (await answer).startswith("250 ")
    assert len(journal.kept()) == 1


async def test_a_closed_door_lets_nobody_in(opened: Serve) -> None:
    door = await opened()
    port = door.port

    await door.close()

    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)
