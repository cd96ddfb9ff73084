"""Mail comes in by SMTP: the port, and who is let in.

What a peer may say is in `conversation`, where a mail ends in `data_reader`, and what becomes of
it, kept on stable storage before it is answered `250`, in `keeper`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
from collections import Counter
from typing import cast

from channels.email.conversation import Conversation
from channels.email.keeper import Keeper, peer_address
from channels.email.limits import Limits
from channels.journal import Journal
from channels.networks import LOOPBACK, network_of

USUAL_LIMITS = Limits()


async def serve(
    journal: Journal,
    *,
    host: str,
    port: int,
    hostname: str = "",
    limits: Limits = USUAL_LIMITS,
    tls_context: ssl.SSLContext | None = None,
) -> Door:
    """A door that takes mail at host and port (0: any free one) until it is closed.

    `hostname` is how we greet. STARTTLS is offered when there is a `tls_context`.
    """
    # aiosmtpd logs every command with its addresses. We say what a mail needs said, ourselves.
    logging.getLogger("mail.log").setLevel(logging.CRITICAL)
    door = Door(Keeper(journal, limits), hostname or socket.gethostname(), limits, tls_context)
    await door.open(host, port)
    return door


class Door:
    """The listening port: lets peers in while there is room, and sees them out when it closes."""

    def __init__(
        self,
        keeper: Keeper,
        hostname: str,
        limits: Limits,
        tls_context: ssl.SSLContext | None,
    ) -> None:
        self._keeper = keeper
        self._hostname = hostname
        self._limits = limits
        self._tls_context = tls_context
        self._conversations: dict[Conversation, str] = {}
        self._per_peer: Counter[str] = Counter()
        self._held_bytes = 0
        self._quiet = asyncio.Event()
        self._quiet.set()
        self._server: asyncio.Server  # from open() on

    @property
    def port(self) -> int:
        """The port that was given or found free."""
        return int(self._server.sockets[0].getsockname()[1])

    async def open(self, host: str, port: int) -> None:
        """Listen from now on. Raises OSError when the port is taken."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Threshold(self), host, port)

    def refuses(self, network: str) -> bool:
        """Whether there are too many already, in all or from there."""
        limits = self._limits
        most = (
            limits.connections_from_loopback if network == LOOPBACK else limits.connections_per_peer
        )
        return len(self._conversations) >= limits.connections or self._per_peer[network] >= most

    def welcome(self, network: str) -> Conversation:
        """A conversation with a new peer from that network."""
        conversation = Conversation(
            self._keeper,
            limits=self._limits,
            hostname=self._hostname,
            tls_context=self._tls_context,
            hold=self._hold,
            on_end=self._forget,
        )
        self._conversations[conversation] = network
        self._per_peer[network] += 1
        self._quiet.clear()
        return conversation

    def _hold(self, more: int) -> bool:
        if more > 0 and self._held_bytes + more > self._limits.held_bytes:
            return False
        self._held_bytes += more
        return True

    def _forget(self, conversation: Conversation) -> None:
        network = self._conversations.pop(conversation)
        self._per_peer[network] -= 1
        if not self._per_peer[network]:
            del self._per_peer[network]
        if not self._conversations:
            self._quiet.set()

    async def close(self, grace_seconds: float = 8) -> None:
        """Let nobody in any more and see everybody out; what was begun to be kept is kept.

        A mail that is coming in has `grace_seconds` to end and be answered; then, and between
        mails at once, the peer is told 421 and comes again later.
        """
        self._server.close()
        for conversation in list(self._conversations):
            conversation.leave("421 4.3.2 Closing for now")
        await self._silence(grace_seconds)
        for conversation in list(self._conversations):
            conversation.hang_up("421 4.3.2 Closing for now")
        await self._silence(1)
        if self._keeper.under_way:
            await asyncio.wait(set(self._keeper.under_way), timeout=1)

    async def _silence(self, within_seconds: float) -> None:
        """Wait until every peer is gone, or until that long has passed."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._quiet.wait(), within_seconds)


class _Threshold(asyncio.Protocol):
    """Turns away whom there is no room for, before a conversation costs anything."""

    def __init__(self, door: Door) -> None:
        self._door = door

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast(asyncio.Transport, transport)
        network = network_of(peer_address(transport.get_extra_info("peername")))
        if self._door.refuses(network):
            transport.write(b"421 4.7.0 Too many connections\r\n")
            transport.close()
            return
        conversation = self._door.welcome(network)
        transport.set_protocol(conversation)
        conversation.connection_made(transport)
