"""How a receiver knows that a call is ours: Standard Webhooks, version 1.

Secrets are derived from the desk's own, so that no table and no copy of the database holds one.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64decode, b64encode
from collections.abc import Sequence
from datetime import datetime, timedelta

from intake.desk import Desk
from intake.endpoints import Endpoint

PREFIX = "whsec_"
OLD_ONE_LASTS = timedelta(hours=24)
"""For how long after a change calls are signed with the secret before it as well."""


def secrets_of(endpoint: Endpoint, desk: Desk, *, at: datetime) -> tuple[str, ...]:
    """The secrets in force: the newest first, and for a day after a change the one before."""
    newest = _secret(endpoint, desk, endpoint.secret_number)
    if endpoint.rotated_at is None or endpoint.rotated_at + OLD_ONE_LASTS <= at:
        return (newest,)
    return newest, _secret(endpoint, desk, endpoint.secret_number - 1)


def signature(secrets: Sequence[str], id: str, timestamp: int, body: bytes) -> str:
    """The value of `webhook-signature`: one signature for each secret in force."""
    signed = f"{id}.{timestamp}.".encode() + body
    return " ".join("v1," + _sign(secret, signed) for secret in secrets)


def _secret(endpoint: Endpoint, desk: Desk, number: int) -> str:
    text = f"webhook\0{endpoint.id}\0{number}"
    derived = hmac.digest(desk.secret, text.encode(), hashlib.sha256)
    return PREFIX + b64encode(derived).decode()


def _sign(secret: str, signed: bytes) -> str:
    key = b64decode(secret.removeprefix(PREFIX))
    return b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
