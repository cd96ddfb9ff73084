"""What this desk is called and how it signs: the few settings that rules need, as a value."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b32encode
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Desk:
    """The organisation as its rules know it. `secret` signs and never leaves the process."""

    organisation: str
    secret: bytes
    zone: str = "UTC"
    base_url: str = ""
    slack: bool = False
    acknowledgements_per_hour: int = 500
    contract_prefix: str = "CNR"
    apply_entitlement_on_creation: bool = True
    apply_entitlement_on_change: bool = True
    child_inherits: tuple[str, ...] = (
        *("customer", "product", "contract", "priority", "severity"),
        *("type", "topic", "tags", "queue"),
    )
    children_close: str = "independent"
    children_most: int = 100
    webhook_hosts: tuple[str, ...] = ()
    keep_filtered_days: int = 0
    keep_closed_mail_days: int = 0
    keep_sent_days: int = 0
    keep_calls_days: int = 0

    def sign(self, purpose: str, text: str) -> str:
        """20 letters and digits that only this desk can make of that text for that purpose."""
        digest = hmac.digest(self.secret, f"{purpose}\0{text}".encode(), hashlib.sha256)
        return b32encode(digest)[:20].decode().lower()

    def signed(self, purpose: str, text: str, signature: str) -> bool:
        """Whether that signature is ours, in constant time."""
        return hmac.compare_digest(self.sign(purpose, text).encode(), signature.lower().encode())

    def day(self, at: datetime) -> date:
        """The date of an instant on the organisation's wall calendar."""
        return at.astimezone(ZoneInfo(self.zone)).date()
