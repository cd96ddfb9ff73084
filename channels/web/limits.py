"""How much one visitor of the public face may take, and all of them together.

Counted in the memory of each process: a second process allows as much again, and a restart
forgets. What must hold across processes, such as how many mails we send, is counted in the
database (`intake.acknowledge`).
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, OrderedDict
from contextlib import suppress
from dataclasses import dataclass

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from channels.networks import LOOPBACK, network_of

LOOPBACK_SHARE = 10
"""This machine, or a proxy on it that stands for many visitors, may take so many times as much."""
KEYS_REMEMBERED = 20_000


def visitor(scope: Scope) -> str:
    """The network that a request came from."""
    return network_of(scope["client"][0] if scope.get("client") else "")


class Allowance:
    """So many acts for each key within so many seconds: a bucket of tokens that refills."""

    def __init__(self, acts: int, within_seconds: float) -> None:
        self._acts = acts
        self._refill = acts / within_seconds
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, key: str, now: float) -> float:
        """Take one act for `key`: 0.0 when it is allowed, else the seconds until the next is.

        `now` is a monotonic clock's. An act that must wait costs nothing.
        """
        share = LOOPBACK_SHARE if key == LOOPBACK else 1
        most = self._acts * share
        left, since = self._buckets.pop(key, (float(most), now))
        left = min(most, left + (now - since) * self._refill * share)
        # The key asked for last stands last, so the first is the one to forget.
        allowed = left >= 1
        self._buckets[key] = (left - allowed, now)
        if len(self._buckets) > KEYS_REMEMBERED:
            self._buckets.popitem(last=False)
        return 0.0 if allowed else (1 - left) / (self._refill * share)


class Seats:
    """How many may stay at once, in all and from one network."""

    def __init__(self, in_all: int, per_network: int) -> None:
        self._in_all = in_all
        self._per_network = per_network
        self._taken: Counter[str] = Counter()

    def take(self, network: str) -> bool:
        """Whether there was a seat; it is taken now."""
        most = self._per_network * (LOOPBACK_SHARE if network == LOOPBACK else 1)
        if self._taken.total() >= self._in_all or self._taken[network] >= most:
            return False
        self._taken[network] += 1
        return True

    def leave(self, network: str) -> None:
        """Give the seat back."""
        self._taken[network] -= 1
        if not self._taken[network]:
            del self._taken[network]


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a request's body may take (SECURITY H04)."""

    grace_seconds: float = 60
    bytes_per_second: int = 500
    """After the grace, the body must have come in at this rate on average."""
    longest_seconds: float = 900
    heard_out_seconds: float = 5
    heard_out_bytes: int = 100 << 20
    """How much more of a body to take, and forget, when its answer is known before its end."""

    def left(self, received_bytes: int, since_seconds: float) -> float:
        """How much longer to wait for the next block."""
        allowed = max(self.grace_seconds, received_bytes / self.bytes_per_second)
        return min(allowed, self.longest_seconds) - since_seconds


class BodyDeadline:
    """Answers 408 to a body that comes too slowly; servers wait for it for ever (SECURITY M13).

    Whoever is answered, with whatever, before the body was whole is heard out for a while and then
    hung up on. Hung up on at once, a browser would show a broken connection, not the answer.
    """

    def __init__(self, app: ASGIApp, patience: Patience) -> None:
        self._app = app
        self._patience = patience

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD"):
            await self._app(scope, receive, send)
            return
        body = _Body(receive, self._patience)

        async def parting(message: Message) -> None:
            if body.whole:
                await send(message)
            elif message["type"] == "http.response.start":
                MutableHeaders(scope=message)["connection"] = "close"
                await send(message)
            elif message.get("more_body", False):
                await send(message)
            else:
                await send({**message, "more_body": True})
                await body.hear_out()
                await send({"type": "http.response.body"})

        await self._app(scope, body.next, parting)


class _Body:
    """A request's body as it comes, for as long as there is patience."""

    def __init__(self, receive: Receive, patience: Patience) -> None:
        self._receive = receive
        self._patience = patience
        self._started = time.monotonic()
        self._received_bytes = 0
        self.whole = False

    async def next(self) -> Message:
        """The next block. Raises HTTPException 408 when it does not come."""
        if self.whole:
            return await self._receive()  # only the end of the connection is left to hear of
        left = self._patience.left(self._received_bytes, time.monotonic() - self._started)
        try:
            async with asyncio.timeout(max(left, 0.001)):
                message = await self._receive()
        except TimeoutError:
            raise HTTPException(408, "The request came too slowly.") from None
        self._received_bytes += len(message.get("body", b""))
        self.whole = not message.get("more_body", False)
        return message

    async def hear_out(self) -> None:
        """Let the rest of the body come, and forget it."""
        until = self._received_bytes + self._patience.heard_out_bytes
        with suppress(TimeoutError):
            async with asyncio.timeout(self._patience.heard_out_seconds):
                while not self.whole and self._received_bytes < until:
                    message = await self._receive()
                    self._received_bytes += len(message.get("body", b""))
                    self.whole = not message.get("more_body", False)
