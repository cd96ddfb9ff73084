"""Ways in and out: one module or folder per outside world.

A channel turns raw bytes into a `Message` (in a killable child, so `parse` is pure and its module
imports nothing heavy at the top) and sends what was promised (in the dispatcher). How the bytes
arrive is the channel's own affair: an SMTP listener, a route, a socket; each ends in
`channels.journal.keep`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol, cast

if TYPE_CHECKING:
    from intake.events import Promise
    from intake.messages import Message
    from intake.settings import Settings


@dataclass(frozen=True, slots=True)
class Sent:
    """What the other side said when it took a delivery: kept with it."""

    response: str = ""
    remote_id: str = ""


class NotNow(Exception):
    """The other side cannot take it now; the delivery is tried again after a back-off."""

    def __init__(self, reason: str, retry_after_seconds: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after_seconds = retry_after_seconds


class Never(Exception):
    """The other side will not take it, however often we ask; a person is told."""


class Channel(Protocol):
    """What a channel module provides. A channel that only takes in leaves `send` raising Never."""

    def parse(self, raw: bytes, envelope: Mapping[str, Any]) -> Message:
        """The message in `raw`. Pure; runs in a killable child. May raise on hopeless input."""
        ...

    def send(self, promise: Promise, settings: Settings) -> Sent:
        """Hand over one promised delivery. Raises NotNow or Never; no database, no retries."""
        ...


# One line per channel: the origin of its cases and the name of its allotment, and where it lives.
REGISTRY = {
    "email": "channels.email",
    "phone": "channels.phone",
    "web": "channels.web.form",
    "chat": "channels.web.chat",
    "slack": "channels.slack",
    "webhook": "channels.webhooks",
}


def channel(name: str) -> Channel:
    """The channel of that name. Raises KeyError for a name that is not registered."""
    return cast(Channel, import_module(REGISTRY[name]))
