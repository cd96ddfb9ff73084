"""A journal that is a real file, kept with fsync, and doors onto it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from channels.email.limits import Limits
from channels.email.smtp import Door, serve
from tests.smtp.peers import FileJournal, Serve


@pytest.fixture
async def journal(tmp_path: Path) -> FileJournal:
    return FileJournal(tmp_path / "journal")


@pytest.fixture
async def opened(journal: FileJournal) -> AsyncIterator[Serve]:
    """A function that opens a door with given limits; it is closed after the test."""
    doors: list[Door] = []

    async def open_door(tls_context: Any = None, **limits: Any) -> Door:
        door = await serve(
            journal,
            host="127.0.0.1",
            port=0,
            hostname="desk.test",
            limits=Limits(**limits),
            tls_context=tls_context,
        )
        doors.append(door)
        return door

    yield open_door
    for door in doors:
        await door.close(grace_seconds=0.1)
