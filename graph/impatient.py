"""HTTP as uvicorn speaks it, but a request's head may be neither endless nor for ever on its way.

uvicorn waits for a head without a deadline (SECURITY M13). With httptools, its choice where that
is installed, it takes one of any length besides: 200 MB of header lines stay in memory. So h11 is
used, which ends a head at `h11_max_incomplete_event_size`, and a deadline is added.
"""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_SECONDS = 10.0


class ImpatientProtocol(H11Protocol):
    """Hangs up on whoever does not say within HEAD_SECONDS what they want."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
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
