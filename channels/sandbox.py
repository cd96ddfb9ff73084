"""The killable children that touch a stranger's bytes, seen from the process that uses them.

No timeout of asyncio stops a regular expression, and no `except` survives a crash in a C library.
So messages are read in children with limits on memory, processor time, files and network, which
get bytes and give back plain values. A child that dies costs the message it was reading: the next
child takes up the rest.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from types import TracebackType
from typing import Any, Self

import orjson

from channels.confined import DAYS, MESSAGE, PART, REQUEST
from channels.reader import Reader
from intake.calendars import BadCalendar
from intake.messages import Message


class Unreadable(Exception):
    """A message that could not be read; the text says why, for a person."""


class Sandbox:
    """A few persistent children that read messages; safe to share between threads."""

    def __init__(
        self,
        *,
        children: int = 1,
        cpu_seconds: int = 5,
        wall_seconds: float = 15,
        memory_bytes: int = 512 << 20,
        faults: bool = False,
    ) -> None:
        """`faults` lets an envelope ask for a crash; for tests only."""
        self._limits = f"{memory_bytes}, {cpu_seconds}"
        self._wall_seconds = wall_seconds
        self._environment = {"PATH": os.defpath, "LANG": "C.UTF-8"}
        if faults:
            self._environment["DESKBELL_FAULTS"] = "1"
        self._idle: list[Reader] = []
        self._free = threading.Semaphore(children)
        self._lock = threading.Lock()
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the idle children; one that is busy ends when its messages are read."""
        with self._lock:
            self._closed = True
            children, self._idle = self._idle, []
        for child in children:
            child.end()

    def parse(self, channel: str, raw: bytes, envelope: Mapping[str, Any]) -> Message:
        """The message in `raw`, as the channel of that name reads it. Raises Unreadable."""
        (read,) = self.parse_all([(channel, raw, envelope)])
        if isinstance(read, Unreadable):
            raise read
        return read

    def parse_all(
        self, items: Sequence[tuple[str, bytes, Mapping[str, Any]]]
    ) -> list[Message | Unreadable]:
        """Each `(channel, raw, envelope)` as a message or the reason why not, in order."""
        requests = [
            _request({"channel": channel, "envelope": dict(envelope)}, raw)
            for channel, raw, envelope in items
        ]
        return [_message(kind, content) for kind, content in self._answers(requests)]

    def part(self, channel: str, raw: bytes, index: int) -> tuple[str, bytes]:
        """The content type and the content of one file in `raw`. Raises Unreadable."""
        ((kind, content),) = self._answers([_request({"channel": channel, "part": index}, raw)])
        if kind != PART:
            raise Unreadable(_words(content))
        content_type, _, content = content.partition(b"\n")
        return content_type.decode("ascii", "replace"), content

    def holidays(self, raw: bytes, years: range, zone: str, *, fault: str = "") -> dict[date, str]:
        """The holidays in an iCalendar, by `icalendar.holidays`. Raises BadCalendar, Unreadable."""
        about = {"years": [years.start, years.stop], "zone": zone}
        wanted = about | {"envelope": {"fault": fault}}
        ((kind, content),) = self._answers([_request(wanted, raw)])
        if kind != DAYS:
            raise Unreadable(_words(content))
        said = orjson.loads(content)
        if "wrong" in said:
            raise BadCalendar(str(said["wrong"]))
        return {date.fromisoformat(day): str(name) for day, name in said["days"].items()}

    def _answers(self, requests: list[bytes]) -> list[tuple[bytes, bytes]]:
        """One answer to each request: a child that dies on one is replaced for the next."""
        answers: list[tuple[bytes, bytes]] = []
        while len(answers) < len(requests):
            with self._borrowed() as child:
                answers += child.ask(requests[len(answers) :][: child.messages_left])
        return answers

    @contextmanager
    def _borrowed(self) -> Iterator[Reader]:
        """A child that nobody else uses meanwhile."""
        with self._free:
            with self._lock:
                child = self._idle.pop() if self._idle else None
            if child is not None and child.has_ended():
                child.end()
                child = None
            if child is None:
                child = Reader(self._limits, self._environment, self._wall_seconds)
            try:
                yield child
            except BaseException:
                child.end()
                raise
            with self._lock:
                keep = child.alive and child.messages_left > 0 and not self._closed
                if keep:
                    self._idle.append(child)
            if not keep:
                child.end()


def _request(wanted: dict[str, Any], raw: bytes) -> bytes:
    about = orjson.dumps(wanted)
    return REQUEST.pack(len(about), len(raw)) + about + raw


def _message(kind: bytes, content: bytes) -> Message | Unreadable:
    if kind != MESSAGE:
        return Unreadable(_words(content))
    try:
        return Message.from_json(orjson.loads(content))
    except (ValueError, KeyError, TypeError) as error:
        return Unreadable(f"the reader gave an answer that is no message: {error!r:.200}")


def _words(content: bytes) -> str:
    return content.decode("utf-8", "replace")
