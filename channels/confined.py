"""What runs inside a child of the sandbox: limits first, then one message after the other.

Started by `channels.sandbox` as a fresh interpreter, so it has no database handle, no secret and no
open file of its parent. Requests come on standard input, answers go to standard output, both in
frames; when the input ends the child ends. Nothing here is trusted by the parent but its form.
"""

from __future__ import annotations

import gc
import os
import resource
import signal
import struct
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, BinaryIO

import orjson

from channels import channel

REQUEST = struct.Struct(">II")
"""Length of the JSON that says what is wanted, length of the raw message that follows it."""
ANSWER = struct.Struct(">cI")
"""Kind of answer, length of what follows it."""
READY, MESSAGE, PART, DAYS, RAISED, EXHAUSTED = b"A", b"M", b"P", b"D", b"R", b"X"

_CLONE_NEWUSER, _CLONE_NEWNET = 0x1000_0000, 0x4000_0000


def main(memory_bytes: int, cpu_seconds: int) -> None:
    """Answer requests until the input ends."""
    requests = os.fdopen(os.dup(0), "rb", buffering=1 << 16)
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    # A library that prints must not be taken for an answer.
    os.dup2(2, 1)
    _renounce(memory_bytes)
    gc.freeze()
    _write(answers, READY, b"")
    while header := requests.read(REQUEST.size):
        about, raw_length = REQUEST.unpack(header)
        wanted = orjson.loads(requests.read(about))
        raw = requests.read(raw_length)
        _allow_cpu(cpu_seconds)
        _write(answers, *_answer(wanted, raw))


def _renounce(memory_bytes: int) -> None:
    """Give up memory, files, processes and the network, as far as this system lets us."""
    limits = {
        resource.RLIMIT_AS: memory_bytes,
        resource.RLIMIT_NOFILE: 64,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_NPROC: 0,
        resource.RLIMIT_CORE: 0,
    }
    _leave_network()
    for limit, most in limits.items():
        # macOS has no RLIMIT_AS worth the name, and refuses some of the others.
        with suppress(OSError, ValueError):
            resource.setrlimit(limit, (most, most))


def _leave_network() -> None:
    """Move into an empty network name space where Linux allows it; elsewhere stay."""
    import ctypes

    with suppress(OSError, AttributeError):
        unshare = ctypes.CDLL(None, use_errno=True).unshare
        if unshare(_CLONE_NEWNET) != 0:
            unshare(_CLONE_NEWUSER | _CLONE_NEWNET)


def _allow_cpu(seconds: int) -> None:
    """The kernel ends this process (SIGXCPU) when the message costs more than `seconds`."""
    soft = int(time.process_time()) + 1 + seconds
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.RLIM_INFINITY))


def _answer(wanted: dict[str, Any], raw: bytes) -> tuple[bytes, bytes]:
    """The kind of answer and the answer. What a parser raises is an answer too."""
    try:
        if fault := wanted.get("envelope", {}).get("fault"):
            _fault(fault)
        if "zone" in wanted:
            return DAYS, orjson.dumps(_days(raw, wanted["years"], wanted["zone"]))
        module: Any = channel(wanted["channel"])
        if "part" in wanted:
            content_type, content = module.part(raw, wanted["part"])
            return PART, content_type.encode() + b"\n" + content
        return MESSAGE, orjson.dumps(module.parse(raw, wanted["envelope"]))
    except MemoryError:
        return EXHAUSTED, b"it took more memory than a message may"
    except Exception as error:  # noqa: BLE001 - the parent keeps the message and the reason
        return RAISED, _told(error).encode("utf-8", "replace")


def _days(raw: bytes, years: list[int], zone: str) -> dict[str, Any]:
    """The holidays of an iCalendar, or what is wrong with it, in words for people."""
    from intake.calendars import BadCalendar, icalendar

    try:
        found = icalendar.holidays(raw.decode("utf-8", "replace"), range(*years), zone=zone)
    except BadCalendar as wrong:
        return {"wrong": str(wrong)}
    return {"days": {day.isoformat(): name for day, name in found.items()}}


def _told(error: Exception) -> str:
    """The exception in a line, with the place where it was raised."""
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    where = (
        f" ({os.path.basename(place.tb_frame.f_code.co_filename)}:{place.tb_lineno})"
        if place
        else ""
    )
    return f"{type(error).__name__}: {str(error)[:200]}{where}"


def _write(answers: BinaryIO, kind: bytes, content: bytes) -> None:
    waiting = memoryview(ANSWER.pack(kind, len(content)) + content)
    while waiting:
        waiting = waiting[answers.write(waiting) :]


def _fault(name: str) -> None:
    """A fault on purpose, for tests that prove it costs one message; nothing without the switch."""
    faults: dict[str, Callable[[], object]] = {
        "segfault": lambda: os.kill(os.getpid(), signal.SIGSEGV),
        "memory": lambda: [bytearray(1 << 24) for _ in range(1 << 16)],
        "loop": _loop,
        "sleep": lambda: time.sleep(3600),
        "exit": lambda: os._exit(3),
        "print": lambda: print("a library that prints"),
    }
    if os.environ.get("DESKBELL_FAULTS") == "1":
        faults[name]()


def _loop() -> None:
    while True:
        pass


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
