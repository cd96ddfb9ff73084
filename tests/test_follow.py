"""Following the desk: what happens from now on is told, whatever order it is committed in."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest

from channels.follow import Follower
from intake import events
from intake.agents import SYSTEM
from intake.db import Database
from tests.desk import NOON, DeskUnderTest


def test_what_began_earlier_and_is_committed_later_is_told(desk: DeskUnderTest) -> None:
    if desk.db.dialect != "postgresql":
        pytest.skip("SQLite's writers take turns")
    written, commit = threading.Event(), threading.Event()

    def write_slowly() -> None:
        with desk.transaction() as session:
            events.record(session, "slow", at=NOON, actor=SYSTEM)
            session.flush()
            written.set()
            commit.wait(10)

    slow = threading.Thread(target=write_slowly)
    slow.start()
    assert written.wait(10)
    with desk.transaction() as session:
        events.record(session, "quick", at=NOON, actor=SYSTEM)

    told = asyncio.run(_first_told(Follower(desk.db), commit.set))

    slow.join()
    assert told == "slow"


async def _first_told(follower: Follower, meanwhile: Callable[[], None]) -> str:
    """What is told first of all that happens once nothing is missed any more."""
    following = asyncio.Event()
    first = asyncio.ensure_future(anext(follower.events(following)))
    try:
        await following.wait()
        meanwhile()
        async with asyncio.timeout(10):
            return (await first).kind
    finally:
        first.cancel()
        await follower.close()


async def test_closing_waits_for_the_look_that_is_under_way(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    db = Database(sqlite_url)
    follower = Follower(db)
    looks, go_on = threading.Event(), threading.Event()
    monkeypatch.setattr(follower, "_after", lambda _cursor: [looks.set(), go_on.wait(10)][:0])
    first = asyncio.ensure_future(anext(follower.events()))
    await asyncio.to_thread(looks.wait, 10)

    closing = asyncio.ensure_future(follower.close())
    done, _ = await asyncio.wait([closing], timeout=0.1)
    go_on.set()
    await closing

    assert done == set()
    assert first.cancel()
    db.close()
