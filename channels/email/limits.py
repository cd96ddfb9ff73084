"""How much of the SMTP door one peer may take, and all together."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The waits are at least those of RFC 5321, 4.5.3.2, so an honest slow sender is served."""

    message_bytes: int = 26_214_400
    held_bytes: int = 268_435_456
    """Of all mails together that are still coming in."""
    recipients: int = 100
    unknown_recipients: int = 20
    messages: int = 1000
    """In one conversation; the peer is asked to connect again for more."""
    connections: int = 500
    connections_per_peer: int = 20
    connections_from_loopback: int = 200
    idle_seconds: float = 300
    session_seconds: float = 1800
    handshake_seconds: float = 30
    data_grace_seconds: float = 60
    """After that long a mail must have come in at `data_bytes_per_second` on average."""
    data_bytes_per_second: int = 500

    def calls(self) -> dict[str, int]:
        """How often each command may come in one conversation; recipients are counted per mail."""
        return {
            "*": 50,
            "EHLO": 5,
            "HELO": 5,
            "NOOP": 10,
            "VRFY": 2,
            "RSET": 100,
            "MAIL": self.messages,
            "DATA": self.messages,
            "RCPT": self.messages * self.recipients,
        }
