"""One peer's SMTP conversation: aiosmtpd's, with what a port on the open internet needs.

aiosmtpd 1.4.6 knows the protocol but reads DATA line by line, refuses long lines for good, has no
deadline while a mail comes in, tells strangers what went wrong inside, and looks addresses up in a
parser that takes longer than all the rest. What is overridden here is only that.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import secrets
import ssl
from collections.abc import Callable
from typing import Any

import structlog
from aiosmtpd.smtp import SMTP, Envelope, Session, TLSSetupException

from channels.email.data_reader import NoRoom, read_mail
from channels.email.limits import Limits

log = structlog.get_logger()

# RFC 5321, 4.1.2: a path, or a bare address as old clients send it; then the parameters.
_PATH = re.compile(
    r'<(?:@[^\s<>:]*:)?(?P<path>(?:"(?:[^"\\]|\\.)*"|[^\s<>"@]+)(?:@[^\s<>"@]+)?)?>(?P<after>.*)'
    r'|(?P<bare>[^\s<>"@]+(?:@[^\s<>"@]+)?)(?P<behind>(?:\s.*)?)',
    re.DOTALL,
)
_LONGEST_ADDRESS = 320


class Incoming(Envelope):
    """The envelope of a mail that is coming in, and which of our mailboxes it is for."""

    def __init__(self) -> None:
        super().__init__()
        self.raw = b""
        self.mailboxes: dict[str, list[str]] = {}
        """Our mailbox -> the recipients of this mail that lead to it."""


class _OneLimit(dict[str, int]):
    """One length for every command line, however often a peer says EHLO.

    aiosmtpd keeps its own in a class attribute that all conversations change together.
    """

    def __missing__(self, command: str) -> int:
        return 1024


class Conversation(SMTP):
    """A conversation with one peer, from the greeting until one side hangs up.

    `on_end` is called once, when the connection is gone. `hold(n)` asks for memory for n more
    octets of mail (negative: gives back) and is answered whether there is any.
    """

    line_length_limit = 2**16
    command_size_limit = 1024
    command_size_limits = _OneLimit()

    # Set by aiosmtpd before it calls any of what follows.
    session: Session
    envelope: Incoming
    transport: asyncio.Transport | None
    _reader: asyncio.StreamReader
    _timeout_handle: asyncio.TimerHandle

    def __init__(
        self,
        handler: object,
        *,
        limits: Limits,
        hostname: str,
        tls_context: ssl.SSLContext | None,
        hold: Callable[[int], bool],
        on_end: Callable[[Conversation], None],
    ) -> None:
        super().__init__(
            handler,
            data_size_limit=limits.message_bytes,
            enable_SMTPUTF8=True,
            hostname=hostname,
            ident="ESMTP",
            tls_context=tls_context,
            timeout=limits.idle_seconds,
            command_call_limit=limits.calls(),
            loop=asyncio.get_running_loop(),
        )
        for command in ("AUTH", "EXPN", "HELP"):  # not for a port that takes mail from strangers
            del self._smtp_methods[command]
        self.limits = limits
        self.unknown_recipients = 0
        self._hold = hold
        self._on_end: Callable[[Conversation], None] | None = on_end
        self._received_bytes = 0
        self._held_bytes = 0
        self._receiving = False
        self._parting = ""
        self._deadline: asyncio.TimerHandle | None = None
        self._data_watch: asyncio.TimerHandle | None = None

    # From the first byte to the last

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        if self._deadline is None:  # aiosmtpd calls this once more after STARTTLS
            self._deadline = self.loop.call_later(
                self.limits.session_seconds, self.hang_up, "421 4.4.2 Session too long"
            )

    def data_received(self, data: bytes) -> None:
        self._received_bytes += len(data)
        super().data_received(data)

    async def _handle_client(self) -> None:
        # A peer that is cut off while it is answered is no fault to report.
        with contextlib.suppress(ConnectionError):
            if await self._spoke_first():
                self.hang_up("554 5.5.1 Wait for the greeting")
            else:
                await super()._handle_client()

    async def _spoke_first(self) -> bool:
        """Whether the peer talks before it was greeted: a browser or a robot, not a mail server.

        It costs no waiting: what was sent at once is there within three turns of the loop.
        """
        for _ in range(3):
            await asyncio.sleep(0)
        return bool(self._reader._buffer)  # type: ignore[attr-defined]

    def connection_lost(self, error: Exception | None) -> None:
        for timer in (self._deadline, self._data_watch):
            if timer is not None:
                timer.cancel()
        super().connection_lost(error)
        if self._on_end is not None:  # aiosmtpd calls this twice when a TLS handshake fails
            self._on_end(self)
            self._on_end = None

    def leave(self, reply: str) -> None:
        """Hang up with this reply: now, or after the mail that is coming in was answered."""
        if self._receiving:
            self._parting = reply
        else:
            self.hang_up(reply)

    def hang_up(self, reply: str) -> None:
        """Hang up with this reply, whatever is going on."""
        if self.transport is None or self.transport.is_closing():
            return
        self.transport.write(reply.encode() + b"\r\n")
        self.transport.close()
        # Closing waits for the peer to read the reply, which it may never do.
        self.loop.call_later(5, self.transport.abort)

    def _timeout_cb(self) -> None:
        self.hang_up("421 4.4.2 Idle too long")

    async def handle_exception(self, error: Exception) -> str:
        """Our faults are temporary and our own affair: the peer learns a number to quote."""
        if isinstance(error, TLSSetupException):
            return ""  # the peer's, who is not there any more to be told
        fault = secrets.token_hex(4)
        log.error("smtp failed", fault=fault, exc_info=error)
        return f"451 4.3.0 Temporary failure [{fault}]"

    # Commands

    async def smtp_EHLO(self, hostname: str | None) -> None:
        if not hostname:
            await self.push("501 5.5.4 Syntax: EHLO hostname")
            return
        self._set_rset_state()  # type: ignore[no-untyped-call]
        self.session.extended_smtp = True
        self.session.host_name = hostname
        lines = [self.hostname, f"SIZE {self.data_size_limit}", "8BITMIME", "PIPELINING"]
        if self.tls_context and not self._tls_protocol:
            lines.append("STARTTLS")
        await self.push("\r\n".join([*(f"250-{line}" for line in lines), "250 SMTPUTF8"]))

    async def smtp_STARTTLS(self, arg: str | None) -> None:
        """Turn to TLS, or end: a handshake that fails, stalls or is walked away from is the end.

        Only the session made after a handshake has `ssl`. When the peer is gone in the middle of
        one, asyncio reports neither an error nor, to us, the loss of the connection.
        """
        try:
            async with asyncio.timeout(self.limits.handshake_seconds):
                await super().smtp_STARTTLS(arg)
        except TimeoutError as error:
            raise TLSSetupException from error
        if self._tls_protocol is not None and self.session.ssl is None:
            raise TLSSetupException

    async def smtp_VRFY(self, arg: str | None) -> None:
        await self.push("252 2.1.5 Send some mail and see")

    async def smtp_RCPT(self, arg: str | None) -> None:
        await super().smtp_RCPT(arg)
        if self.unknown_recipients > self.limits.unknown_recipients:
            self.hang_up("421 4.7.0 Too many unknown recipients")

    def _create_envelope(self) -> Incoming:
        return Incoming()

    def _getaddr(self, arg: str) -> tuple[str | None, str | None]:
        """The address and what follows it, (None, None) if malformed; the null path is "<>".

        Bytes that are no UTF-8, control characters and NUL never get further than this: no
        database and no log line could take them.
        """
        match = _PATH.fullmatch(arg.strip())
        if match is None:
            return None, None
        address = match["path"] or match["bare"] or "<>"
        if len(address) > _LONGEST_ADDRESS or not address.isprintable():
            return None, None
        return address, (match["after"] or match["behind"] or "").strip()

    async def smtp_DATA(self, arg: str | None) -> None:
        if await self.check_helo_needed():
            return
        if not self.envelope.rcpt_tos:
            await self.push("503 5.5.1 Error: need RCPT command")
        elif arg:
            await self.push("501 5.5.4 Syntax: DATA")
        else:
            await self.push("354 End data with <CR><LF>.<CR><LF>")
            await self.push(await self._receive())
            if self._parting:
                self.hang_up(self._parting)

    async def _receive(self) -> str:
        """Take in one mail and say what became of it.

        The envelope is done with afterwards, also when something failed, so that the peer can
        start its next mail, or this one again, in the same conversation.
        """
        self._receiving = True
        try:
            with self._unhurried():
                self.envelope.raw = await read_mail(self._reader, self._no_room_for)
            return str(await self._call_handler_hook("DATA"))
        except NoRoom as refusal:
            return str(refusal)
        finally:
            self._let_go()
            self._receiving = False
            self._set_post_data_state()  # type: ignore[no-untyped-call]

    @contextlib.contextmanager
    def _unhurried(self) -> Any:
        """While a mail comes in, what counts is its speed and not how long it takes."""
        self._timeout_handle.cancel()
        self._watch_speed(self.loop.time(), self._received_bytes)
        try:
            yield
        finally:
            if self._data_watch is not None:
                self._data_watch.cancel()
            if self.transport is not None:
                self._reset_timeout()

    def _watch_speed(self, since: float, bytes_before: int) -> None:
        took = self.loop.time() - since
        grace = self.limits.data_grace_seconds
        came = self._received_bytes - bytes_before
        if took >= grace and came < took * self.limits.data_bytes_per_second:
            self.hang_up("421 4.4.2 Too slow")
        else:
            pause = grace if took < grace else grace / 6
            self._data_watch = self.loop.call_later(pause, self._watch_speed, since, bytes_before)

    def _no_room_for(self, size: int, more: int) -> str:
        """The reply if a mail of this size so far, its last block `more`, cannot be taken."""
        if size > self.limits.message_bytes:
            refusal = "552 5.3.4 Message too big"
        elif not self._hold(more):
            refusal = "452 4.3.1 Insufficient system storage"
        else:
            self._held_bytes += more
            return ""
        self._let_go()
        return refusal

    def _let_go(self) -> None:
        self._hold(-self._held_bytes)
        self._held_bytes = 0
