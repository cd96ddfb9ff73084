"""What the service answers when it is asked for something that its rules do not allow."""

from __future__ import annotations

from typing import ClassVar


class IntakeError(Exception):
    """A rule of the desk was broken; the text is for the person who asked.

    `code` is a stable word that programs may compare, as GraphQL's errors show it.
    """

    code: ClassVar[str] = "rule-broken"


class NotFound(IntakeError):
    """There is no such record, or not for this reader: the two look the same on purpose."""

    code = "not-found"
