"""Agents at work in Slack: who they are, what they are told, and what came of what they did."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from channels.slack import socket_mode
from graph.due import ABOVE
from intake import clock
from intake.cases import Case
from intake.events import Delivery, Event
from intake.settings import Settings
from tests.desk import DeskUnderTest, email

GRACE, HEIDI, STRANGER = "U0GRACE", "U0HEIDI", "U0STRANGER"

Told = Callable[..., None]


@contextmanager
def listening(desk: DeskUnderTest, settings: Settings) -> Iterator[None]:
    """The duty that holds the socket open."""
    stop = threading.Event()
    duty = threading.Thread(
        target=socket_mode.run, args=(desk.db, desk.settings, settings, stop), name="slack"
    )
    duty.start()
    try:
        yield
    finally:
        stop.set()
        duty.join()


def now() -> datetime:
    return datetime.now(UTC)


def a_case(desk: DeskUnderTest, told: Told, **message: Any) -> Case:
    """A new case whose card was posted."""
    message.setdefault("message_id", "one@example.com")
    message.setdefault("at", now())
    [receipt] = desk.accepts(email(**message))
    told()
    assert receipt.case is not None
    return receipt.case


def events(desk: DeskUnderTest, kind: str) -> list[Event]:
    return [event for event in desk.all(Event) if event.kind == kind]


def mails(desk: DeskUnderTest) -> list[Delivery]:
    return [d for d in desk.all(Delivery) if d.channel == "email" and d.kind == "reply"]


def tick(desk: DeskUnderTest, at: datetime) -> None:
    """What the worker does each second."""
    with desk.transaction() as session:
        clock.tick(session, desk.settings, at=at, more=ABOVE)
