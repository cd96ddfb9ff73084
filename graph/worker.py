"""The worker's duty: file what was kept, send what was promised, fetch the holidays that others
publish, move what time moves, and let what was said be found.

Six loops in threads of one process. Each asks cheaply whether there is anything to do, so that
an idle desk never takes the write lock.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime

import structlog
from sqlalchemy.exc import SQLAlchemyError

from channels import REGISTRY, feeds
from channels.dispatch import Dispatch
from channels.reception import Reception
from graph.due import ABOVE
from graph.house import House
from intake import clock, indexing
from intake.db import Busy, Database
from intake.desk import Desk

log = structlog.get_logger()

ASK_AGAIN_SECONDS = 0.05
CALL_SECONDS = 0.5
FETCH_SECONDS = 2.0
TICK_SECONDS = 1.0
INDEX_SECONDS = 0.5
AWAY_SECONDS = 1.0
STAND_BACK_SECONDS = 0.05


THEIRS = frozenset({"webhook"})
"""What goes to programs of others, who may be slow."""
OURS = frozenset(REGISTRY) - THEIRS


def run(house: House, stop: threading.Event) -> None:
    """Work until told to stop; what was begun is finished first.

    A fault of ours in one loop ends all and is raised, so that whoever started us does so anew.
    """
    dispatch = Dispatch(house.db, house.settings, house.desk, OURS)
    # Apart, so that somebody's slow endpoint holds up no mail.
    calls = Dispatch(house.db, house.settings, house.desk, THEIRS)
    faults: list[Exception] = []
    loops = [
        threading.Thread(target=_loop, args=(step, pause_seconds, stop, faults), name=name)
        for name, step, pause_seconds in (
            ("file", lambda: _file(house, stop), ASK_AGAIN_SECONDS),
            ("send", lambda: _send(dispatch), ASK_AGAIN_SECONDS * 2),
            ("call", lambda: _send(calls), CALL_SECONDS),
            ("fetch", lambda: _fetch(house), FETCH_SECONDS),
            ("clock", lambda: _tick(house.db, house.desk), TICK_SECONDS),
            ("index", lambda: _index(house.db), INDEX_SECONDS),
        )
    ]
    _warm_up(house.reception)
    for loop in loops:
        loop.start()
    for loop in loops:
        loop.join()
    dispatch.close()
    calls.close()
    if faults:
        raise faults[0]


def _warm_up(reception: Reception) -> None:
    try:
        reception.warm_up(at=datetime.now(UTC))
    except (SQLAlchemyError, Busy) as error:
        log.warning("not warmed up", why=type(error).__name__)


def _loop(
    step: Callable[[], bool],
    pause_seconds: float,
    stop: threading.Event,
    faults: list[Exception],
) -> None:
    while not stop.is_set():
        try:
            busy = step()
        except (SQLAlchemyError, Busy) as error:
            # The database is away: what is kept stays kept; ask again until it is back.
            log.warning("database away", why=type(error).__name__)
            stop.wait(AWAY_SECONDS)
        except Exception as fault:  # noqa: BLE001  raised in the duty's own thread
            faults.append(fault)
            stop.set()
        else:
            if not busy:
                stop.wait(pause_seconds)


def _file(house: House, stop: threading.Event) -> bool:
    at = datetime.now(UTC)
    if not house.reception.waiting(at=at):
        return False
    taken = house.reception.file(at=at).taken
    if house.db.waited_for:
        # Doors come first: what they hold is not kept yet, and somebody waits for their answer.
        stop.wait(STAND_BACK_SECONDS)
    return taken > 0


def _send(dispatch: Dispatch) -> bool:
    at = datetime.now(UTC)
    return dispatch.waiting(at=at) and dispatch.send_due(at=at) > 0


def _fetch(house: House) -> bool:
    at = datetime.now(UTC)
    if not feeds.waiting(house.db, at=at):
        return False
    return feeds.fetch_due(house.db, house.sandbox, house.desk, at=at) > 0


def _tick(db: Database, desk: Desk) -> bool:
    at = datetime.now(UTC)
    with db.reading() as session:
        if not clock.any_due(session, desk, at=at, more=ABOVE):
            return False
    with db.transaction() as session:
        return clock.tick(session, desk, at=at, more=ABOVE).more


def _index(db: Database) -> bool:
    with db.reading() as session:
        if not indexing.any_waiting(session):
            return False
    with db.transaction() as session:
        return indexing.catch_up(session) > 0
