"""What becomes of a mail at the door: it is kept on stable storage, then answered `250`.

Nothing is understood here: whom it is for and how large it is, no more. A fault of ours is
answered with a temporary error, so that the sender keeps the mail and tries again.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

import structlog
from aiosmtpd.smtp import Session

from channels.email.conversation import Conversation, Incoming
from channels.email.limits import Limits
from channels.journal import Arrived, Journal, StorageFull

log = structlog.get_logger()


class Keeper:
    """What becomes of a recipient and of a mail: the hooks that a conversation calls."""

    def __init__(self, journal: Journal, limits: Limits) -> None:
        self._journal = journal
        self._limits = limits
        self.under_way: set[asyncio.Task[None]] = set()

    async def handle_RCPT(
        self,
        conversation: Conversation,
        session: Session,
        envelope: Incoming,
        address: str,
        options: list[str],
    ) -> str:
        """The answer to one recipient, who is noted with the envelope when it is one of ours."""
        if len(envelope.rcpt_tos) >= self._limits.recipients:
            return "452 4.5.3 Too many recipients"
        try:
            mailbox = self._journal.mailbox_for(address)
        except OSError as error:
            # aiosmtpd takes a reset connection, also one to the database, for the peer's.
            return await conversation.handle_exception(error)
        if mailbox is None:
            conversation.unknown_recipients += 1
            return "550 5.1.1 No such mailbox here"
        envelope.rcpt_tos.append(address)
        envelope.mailboxes.setdefault(mailbox, []).append(address)
        return "250 2.1.5 Ok"

    async def handle_DATA(
        self, conversation: Conversation, session: Session, envelope: Incoming
    ) -> str:
        """The answer to a whole mail: `250` when, and only when, every mailbox has it for good."""
        arrived = _arrivals(session, envelope)
        fault = secrets.token_hex(4)
        keeping = asyncio.ensure_future(self._keep(arrived))
        keeping.add_done_callback(partial(self._settle, arrived, fault, time.perf_counter()))
        self.under_way.add(keeping)
        # aiosmtpd cancels us when the peer hangs up; `wait` leaves what it waits for alone.
        await asyncio.wait((keeping,))
        return _answer(keeping, fault)

    async def _keep(self, arrived: Sequence[Arrived]) -> None:
        await self._journal.keep(*arrived)

    def _settle(
        self,
        arrived: Sequence[Arrived],
        fault: str,
        started: float,
        keeping: asyncio.Task[None],
    ) -> None:
        """One line for the log per mail and mailbox, also when nobody waits for the answer."""
        self.under_way.discard(keeping)
        error = None if keeping.cancelled() else keeping.exception()
        took = round((time.perf_counter() - started) * 1e3, 1)
        for each in arrived:
            facts = {"size": len(each.raw), "mailbox": each.mailbox, "peer": each.envelope["peer"]}
            if isinstance(error, StorageFull):
                log.warning("not kept", **facts, ms=took, why=str(error))
            elif error is not None:
                log.error("not kept", **facts, ms=took, fault=fault, exc_info=error)
            elif not keeping.cancelled():
                log.info("kept", **facts, ms=took)


def _arrivals(session: Session, envelope: Incoming) -> list[Arrived]:
    """The mail once for each of our mailboxes, with what only the conversation knows about it."""
    at = datetime.now(UTC)
    return [
        Arrived(
            channel="email",
            mailbox=mailbox,
            raw=envelope.raw,
            envelope={
                "mail_from": "" if envelope.mail_from == "<>" else envelope.mail_from,
                "rcpt_to": recipients,
                "helo": _printable(session.host_name or ""),
                "peer": peer_address(session.peer),
                "tls": session.ssl is not None,
            },
            received_at=at,
        )
        for mailbox, recipients in envelope.mailboxes.items()
    ]


def _printable(text: str) -> str:
    """What a peer calls itself, without what a database or a terminal could not take."""
    return "".join(c if c.isprintable() else "?" for c in text[:255])


def _answer(keeping: asyncio.Task[None], fault: str) -> str:
    error = None if keeping.cancelled() else keeping.exception()
    if isinstance(error, StorageFull):
        return "452 4.3.1 Insufficient system storage"
    if error is not None or keeping.cancelled():
        return f"451 4.3.0 Temporary failure [{fault}]"
    return "250 2.0.0 Kept"


def peer_address(peer: Any) -> str:
    """The address of a socket's other end; '' when it is gone already."""
    return str(peer[0]) if peer else ""
