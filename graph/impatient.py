"""HTTP as uvicorn speaks it, but a request's head may be neither endless nor for ever on its way.

uvicorn waits for a head without a deadline (SECURITY M13). With httptools, its choice where that
is installed, it takes one of any length besides: 200 MB of header lines stay in memory. So h11 is
used, which ends a head at `h11_max_incomplete_event_size`, and a deadline is added. Nor may one
network hold all the connections that there are.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import ClassVar

from uvicorn.protocols.http.h11_impl import H11Protocol

from channels.networks import LOOPBACK, network_of

HEAD_SECONDS = 10.0
CONNECTIONS_PER_NETWORK = 60
CONNECTIONS_FROM_LOOPBACK = 600
"""A proxy on this machine stands for many."""


class ImpatientProtocol(H11Protocol):
    """Hangs up on whoever does not say within HEAD_SECONDS what they want, or asks for too much."""

    _deadline: asyncio.TimerHandle | None = None
    _network = LOOPBACK
    _connected: ClassVar[Counter[str]] = Counter()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        peer = transport.get_extra_info("peername")
        self._network = network_of(peer[0] if peer else "")
        self._connected[self._network] += 1
        loopback = self._network == LOOPBACK
        most = CONNECTIONS_FROM_LOOPBACK if loopback else CONNECTIONS_PER_NETWORK
        if self._connected[self._network] > most:
            transport.abort()
            return
        self._watch()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._connected[self._network] -= 1
        if not self._connected[self._network]:
            del self._connected[self._network]
        self._calm_down()

    def _watch(self) -> None:
        """Wait for a head that is not here yet, from its first sign on; else be calm."""
        answering = self.cycle is not None and not self.cycle.response_complete
        # A WebSocket has taken the connection over, with limits of its own.
        left = self.transport.get_protocol() is not self
        if answering or left or self.transport.is_closing():
            self._calm_down()
        elif self._deadline is None:
            self._deadline = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def _calm_down(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
