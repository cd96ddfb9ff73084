"""A desk that has grown takes a mail at the cost of a small one. Steps are counted, not time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import event

from channels.journal import Arrived, keep
from channels.reception import Reception
from channels.sandbox import Sandbox
from intake.db import Database
from kb.suggestions import Library
from tests.desk import NOON, SUPPORT, DeskUnderTest
from tests.senders import letters

STEPS_A_TICK = 100


@pytest.fixture
def lite(sqlite_url: str) -> Iterator[Database]:
    """An empty desk on SQLite, which counts the steps of its virtual machine."""
    db = Database(sqlite_url)
    yield db
    db.close()


def test_filing_a_mail_costs_the_same_when_there_are_many(lite: Database) -> None:
    desk = DeskUnderTest(lite)
    desk.has_sla()
    desk.has_customer("ada@customer1.example", allotment=1000)
    with Sandbox() as sandbox:
        way_in = Reception(lite, sandbox, desk.settings, Library())
        file(way_in, lite, 64, "first")

        among_few = steps(way_in, lite, "few")
        file(way_in, lite, 600, "more")
        among_many = steps(way_in, lite, "many")

    # Trees grow a level now and then; a scan of what is there would be ten times as much.
    assert among_many < 1.5 * among_few


def steps(way_in: Reception, db: Database, name: str) -> int:
    """How many hundred steps the writer's SQLite takes to file 64 mails."""
    ticks = 0

    def tick() -> int:
        nonlocal ticks
        ticks += 1
        return 0

    def watch(connection: Any, *_more: object) -> None:
        connection.set_progress_handler(tick, STEPS_A_TICK)

    event.listen(db.engine, "checkout", watch)
    file(way_in, db, 64, name)
    event.remove(db.engine, "checkout", watch)
    return ticks


def file(way_in: Reception, db: Database, count: int, name: str) -> None:
    mails = letters(count, prefix=name)
    keep(db, [Arrived("email", SUPPORT, raw, {"rcpt_to": [SUPPORT]}, NOON) for raw in mails])
    while way_in.file(at=NOON).taken:
        pass
