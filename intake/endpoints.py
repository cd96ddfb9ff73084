"""Endpoints: where other programs hear of what happens here, each of the kinds it asked for.

They stand below the events, because whoever listens is promised an event in the transaction that
records it. What an administrator does to them is in `intake.webhooks`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import ClassVar
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy import String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from intake.db import Base, new_id
from intake.errors import IntakeError

LONGEST_URL, MOST_KINDS = 1_000, 50
# A kind of event, or all that begin alike: `case.resolved`, `case.*`, `*`.
PATTERN = re.compile(r"\*|[a-z][a-z_-]*\.(\*|[a-z][a-z_-]*)")
# Addresses that carry an IPv4 address within them (RFC 6052), which is the one that counts.
NAT64 = IPv6Network("64:ff9b::/96")


class WrongEndpoint(IntakeError):
    """What an endpoint was given cannot be meant; the text begins with the field."""

    code: ClassVar[str] = "wrong-endpoint"


class Endpoint(Base):
    """One place that other programs listen at. Its secret is derived from the desk's, not kept."""

    __tablename__ = "webhook_endpoints"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    url: Mapped[str] = mapped_column(String(LONGEST_URL))
    description: Mapped[str] = mapped_column(String(200), default="")
    kinds: Mapped[list[str]]
    """Patterns of event kinds: see PATTERN."""
    active: Mapped[bool] = mapped_column(default=True)
    """Whether it is promised anything. What was promised before it was paused is refused."""
    paused_why: Mapped[str] = mapped_column(default="")
    secret_number: Mapped[int] = mapped_column(default=1)
    rotated_at: Mapped[datetime | None]
    """When its secret was last changed; the one before is good for a while longer."""
    failures: Mapped[int] = mapped_column(default=0)
    """How many tries in a row it did not take."""
    quiet_until: Mapped[datetime | None]
    """Until when nothing is tried, so that one that is away holds nobody else up."""
    failing_since: Mapped[datetime | None]
    """Since when it is known as failing, of which its administrators were told."""
    created_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(default=1)

    @property
    def standing(self) -> str:
        """How it does, in a word."""
        if not self.active:
            return "paused"
        return "failing" if self.failing_since else "active"

    @property
    def host(self) -> str:
        """Where it is, without what may be a secret of its path."""
        return urlsplit(self.url).hostname or ""


def listening(session: Session, kind: str) -> list[UUID]:
    """The endpoints that want to hear of an event of that kind.

    Who listens is read once in a transaction, however much happens in it.
    """
    listeners: Sequence[tuple[UUID, list[str]]] | None = session.info.get("listeners")
    if listeners is None:
        active = select(Endpoint.id, Endpoint.kinds).where(Endpoint.active).order_by(Endpoint.id)
        with session.no_autoflush:  # what is half made is its maker's to write
            listeners = [(id, kinds) for id, kinds in session.execute(active)]
        session.info["listeners"] = listeners
    return [id for id, kinds in listeners if wanted(kinds, kind)]


def changed(session: Session) -> None:
    """Read anew who listens: it was changed in this transaction."""
    session.flush()
    session.info.pop("listeners", None)


def wanted(patterns: Iterable[str], kind: str) -> bool:
    """Whether one of the patterns is of that kind of event."""
    family = kind.partition(".")[0]
    return any(pattern in ("*", f"{family}.*", kind) for pattern in patterns)


def patterns(kinds: Sequence[str]) -> list[str]:
    """These kinds as an endpoint keeps them. Raises WrongEndpoint."""
    found = sorted({kind.strip() for kind in kinds} - {""})
    if not 0 < len(found) <= MOST_KINDS:
        raise WrongEndpoint(f"kinds: name 1 to {MOST_KINDS}, such as case.resolved, case.* or *")
    for kind in found:
        if not PATTERN.fullmatch(kind):
            raise WrongEndpoint(
                f"kinds: {kind!r:.60} is no kind of event; write case.resolved, case.* or *"
            )
    return found


def callable_url(url: str, own_hosts: Sequence[str]) -> str:
    """The URL, if it may be called as far as it shows by itself. Raises WrongEndpoint.

    What its name means is asked when it is called, and each time.
    """
    url = url.strip()
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname or "", parts.port
    except ValueError:
        raise WrongEndpoint(f"url: {url!r:.80} is not a URL") from None
    if not host or len(url) > LONGEST_URL or not url.isascii() or not url.isprintable():
        raise WrongEndpoint("url: write it out, as in https://books.example.com/deskbell")
    if parts.username is not None or parts.fragment:
        raise WrongEndpoint("url: without a user, a password or a #fragment")
    if host in own_hosts and parts.scheme in ("http", "https"):
        return url
    if parts.scheme != "https":
        raise WrongEndpoint(
            "url: begin with https://; http only for hosts that the setting webhook_hosts names"
        )
    if not _public_as_written(host):
        raise WrongEndpoint(
            f"url: {host} is an address of a private network; "
            "the setting webhook_hosts allows hosts of your own"
        )
    return url


def public(address: str) -> bool:
    """Whether an address, as the resolver gives it, is one of the public internet."""
    found = ip_address(address.partition("%")[0])
    if isinstance(found, IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour or (found.teredo or (None, None))[1]
        if found in NAT64:
            inner = IPv4Address(int(found) & 0xFFFFFFFF)
        if inner is not None and not (inner.is_global and not inner.is_multicast):
            return False
    return found.is_global and not found.is_multicast


def _public_as_written(host: str) -> bool:
    try:
        return public(host)
    except ValueError:  # a name
        return host != "localhost" and not host.endswith((".localhost", "."))
