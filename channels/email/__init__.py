"""Mail: reading it (`parse`, in a killable child) and sending it (`send`, in the dispatcher)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from channels.email.parser import parse, part

if TYPE_CHECKING:
    from channels import Sent
    from intake.events import Promise
    from intake.settings import Settings

__all__ = ["parse", "part", "send"]


def send(promise: Promise, settings: Settings) -> Sent:
    """Hand over one promised mail. Raises NotNow or Never."""
    # Imported here so that the child that parses does not load what sends.
    from channels.email.sending import send as _send

    return _send(promise, settings)
