"""Whether a request is Slack's: signed with our secret, over these bytes, just now."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Sequence
from datetime import datetime

TIMESTAMP = "x-slack-request-timestamp"
SIGNATURE = "x-slack-signature"
FRESH_SECONDS = 300
_TIMESTAMP = re.compile(r"[0-9]{1,12}", re.ASCII)
_SIGNATURE = re.compile(r"v0=[0-9a-f]{64}", re.ASCII)


def genuine(
    secret: str, headers: Sequence[tuple[bytes, bytes]], body: bytes, *, at: datetime
) -> bool:
    """Whether the request carries one timestamp of the last minutes and one signature of ours.

    Written here because slack_sdk's own check raises on a timestamp that is no number and on a
    signature beyond ASCII, which turns a refusal into an error of ours.
    """
    timestamp = _only(headers, TIMESTAMP)
    signature = _only(headers, SIGNATURE)
    if not _TIMESTAMP.fullmatch(timestamp) or not _SIGNATURE.fullmatch(signature):
        return False
    if abs(at.timestamp() - int(timestamp)) > FRESH_SECONDS:
        return False
    return hmac.compare_digest(sign(secret, timestamp, body), signature)


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """The signature of these bytes at that second, as Slack makes it (v0)."""
    signed = f"v0:{timestamp}:".encode() + body
    return "v0=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def _only(headers: Sequence[tuple[bytes, bytes]], name: str) -> str:
    """The value of a header that stands there once; '' when it is missing or there are more."""
    values = [value for key, value in headers if key.lower() == name.encode()]
    return values[0].decode("latin-1") if len(values) == 1 else ""
