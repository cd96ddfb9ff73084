"""One confined process, seen from the one that feeds it: its pipes, its answers, and how it ended.

Requests are written and answers read in one loop, because a parent that only writes and a child
that only writes wait for each other for ever.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from channels.confined import ANSWER, EXHAUSTED, RAISED, READY

MESSAGES_PER_CHILD = 5_000
"""A child is replaced after so many, so that a leak in a library stays small."""

_ROOT = str(Path(__file__).resolve().parent.parent)
_BURST = 256 << 10
_LONGEST_ANSWER = 256 << 20
_LAST_WORDS = 2_000
# `-I` keeps the environment and the working directory out of the module search path.
_START = (
    "import sys; sys.path.insert(0, {root!r}); from channels.confined import main; main({limits})"
)


class Reader:
    """One process, its pipes, and how it ended."""

    def __init__(self, limits: str, environment: dict[str, str], wall_seconds: float) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-c", _START.format(root=_ROOT, limits=limits)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            env=environment,
            cwd="/",
            # Ctrl-C in the terminal is for the desk, which then closes the sandbox in order.
            start_new_session=True,
        )
        self._wall_seconds = wall_seconds
        self._last_words = b""
        self._answered = bytearray()
        pipes = (self._process.stdin, self._process.stdout, self._process.stderr)
        self._in, self._out, self._err = (pipe.fileno() for pipe in pipes if pipe is not None)
        os.set_blocking(self._in, False)
        _widen(self._in)
        _widen(self._out)
        self.alive = True
        self.messages_left = MESSAGES_PER_CHILD + 1
        self._begin()

    def _begin(self) -> None:
        """Wait until the child is ready. Raises RuntimeError: no message is to blame for that."""
        ((kind, content),) = self.ask([b""])
        if kind != READY:
            self.end()
            raise RuntimeError(f"the reader of messages does not start: {content.decode()}")

    def has_ended(self) -> bool:
        """Whether it was ended from outside, when nobody had asked it anything."""
        return self._process.poll() is not None

    def ask(self, requests: Sequence[bytes]) -> list[tuple[bytes, bytes]]:
        """Answers to the requests in order: to all, or up to the one that ended the child."""
        waiting, answers = _Burst(requests), list[tuple[bytes, bytes]]()
        poll = select.poll()
        poll.register(self._out, select.POLLIN)
        poll.register(self._err, select.POLLIN)
        poll.register(self._in, select.POLLOUT)
        deadline = time.monotonic() + self._wall_seconds
        while self.alive and len(answers) < len(requests):
            ready = dict(poll.poll(max(deadline - time.monotonic(), 0) * 1000))
            if not ready or time.monotonic() > deadline:
                answers.append((RAISED, self._killed()))
                break
            if self._in in ready and not waiting.write(self._in):
                poll.unregister(self._in)
            if self._err in ready and not self._hear():
                poll.unregister(self._err)
            if self._out in ready:
                before = len(answers)
                self._collect(answers)
                if len(answers) > before:
                    deadline = time.monotonic() + self._wall_seconds
        self.messages_left -= len(answers)
        return answers

    def _collect(self, answers: list[tuple[bytes, bytes]]) -> None:
        """Take what the child said; if it says no more, the reason is the answer."""
        block = os.read(self._out, _BURST)
        if not block:
            answers.append((RAISED, self._died()))
            return
        said = self._answered
        said += block
        at = 0
        while len(said) - at >= ANSWER.size:
            kind, length = ANSWER.unpack_from(said, at)
            if length > _LONGEST_ANSWER:
                answers.append((RAISED, self._killed("it gave an answer without end")))
                return
            if len(said) - at - ANSWER.size < length:
                break
            start = at + ANSWER.size
            answers.append((kind, bytes(said[start : start + length])))
            at = start + length
            if kind == EXHAUSTED:
                # What it could not allocate it may still hold: the rest gets a fresh child.
                self.end()
                return
        del said[:at]

    def _hear(self) -> bool:
        """Keep the end of what the child complains about; False when it has closed its mouth."""
        block = os.read(self._err, 1 << 16)
        self._last_words = (self._last_words + block)[-_LAST_WORDS:]
        return bool(block)

    def _killed(self, why: str = "") -> bytes:
        why = why or f"it took longer than {self._wall_seconds:g} s"
        self.end()
        return why.encode()

    def _died(self) -> bytes:
        """The child ended by itself: how, and its last words."""
        self._process.wait()
        code = self._process.returncode
        words = _ENDS.get(-code) if code < 0 else f"the reader ended with status {code}"
        if words is None:
            words = f"the reader crashed ({signal.Signals(-code).name})"
        while self._hear():
            pass
        self.end()
        last_line = self._last_words.decode("utf-8", "replace").strip().rpartition("\n")[2]
        return f"{words}: {last_line}".encode() if last_line else words.encode()

    def end(self) -> None:
        """Kill the child if it still runs, and close its pipes."""
        self.alive = False
        with suppress(ProcessLookupError):
            self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()


_ENDS = {
    int(signal.SIGXCPU): "it took more processor time than a message may",
    int(signal.SIGKILL): "the reader was killed, perhaps for lack of memory",
}


class _Burst:
    """Requests on their way: many small ones are written at once, a large one by itself."""

    def __init__(self, requests: Sequence[bytes]) -> None:
        self._requests = deque(requests)
        self._block = memoryview(b"")

    def write(self, pipe: int) -> bool:
        """Write what the pipe takes now; False when nothing is left or nobody reads."""
        if not self._block:
            gathered, size = [], 0
            while self._requests and size < _BURST:
                gathered.append(self._requests.popleft())
                size += len(gathered[-1])
            self._block = memoryview(b"".join(gathered))
        try:
            self._block = self._block[os.write(pipe, self._block) :]
        except BlockingIOError:
            return True
        except BrokenPipeError:
            return False
        return bool(self._block or self._requests)


def _widen(pipe: int) -> None:
    """A megabyte of room in the pipe, where Linux gives it: fewer turns for a batch."""
    import fcntl

    with suppress(AttributeError, OSError):
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, 1 << 20)
