"""Whose turn it is to write: a fair lock between threads and processes, made of two files.

SQLite lets one write at a time and is unfair about it: its busy handler sleeps in growing steps,
and of two who ask for one lock again and again, whoever gives it back takes it again before the
other has looked; beside a busy worker a door waited for seconds. So there are two locks. Who holds
the first stands at the head of the line, and stays there until the second, the turn, is free: who
had the turn has to line up behind.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOOKS_AGAIN_SECONDS = 0.001


class Busy(Exception):
    """Another process held the write lock for longer than we wait: ask again later."""


@contextmanager
def turn(lock_path: Path, *, within_seconds: float) -> Iterator[None]:
    """The turn at that lock is ours, and nobody else's. Raises Busy when it does not come in time.

    A process that dies gives its place and its turn back.
    """
    deadline = time.monotonic() + within_seconds
    with _opened(lock_path) as held:
        with _opened(_line(lock_path)) as line:
            _lock(line, deadline)
            os.pwrite(line, _us(), 0)
            _lock(held, deadline)
        yield


def others_wait(lock_path: Path) -> bool:
    """Whether another process stands at the head of the line."""
    with _opened(_line(lock_path)) as line:
        return not _locked(line) and os.pread(line, len(_us()), 0) != _us()


def _us() -> bytes:
    return b"%20d\n" % os.getpid()


def _line(lock_path: Path) -> Path:
    return lock_path.with_suffix(".line")


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    # Whoever can open the file can lock it, so nobody else may.
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        yield file
    finally:
        os.close(file)  # which gives the lock back


def _lock(file: int, deadline: float) -> None:
    # A lock that is waited for in the kernel could not be given up after a time.
    while not _locked(file):
        if time.monotonic() > deadline:
            raise Busy("the database is busy")
        time.sleep(LOOKS_AGAIN_SECONDS)


def _locked(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
