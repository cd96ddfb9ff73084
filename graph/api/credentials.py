"""Who asks: a token in the Authorization header, or an agent's session in the console.

A cookie comes along by itself, so it counts only when the browser says that our own pages ask.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from sqlalchemy.orm import Session
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection

from intake import agents
from intake.agents import Principal


class Foreign(Exception):
    """The request comes from somebody else's page."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """A secret that was shown. It is looked up anew each time: it may have been revoked."""

    secret: str
    cookie: bool = False

    def principal(self, session: Session, *, at: datetime) -> Principal | None:
        """Who the secret stands for now, or None."""
        if self.cookie:
            return agents.by_session(session, self.secret, at=at)
        return agents.by_token(session, self.secret, via="graphql", at=at)


def bearer(value: str) -> Credentials | None:
    """The token in the value of an Authorization header."""
    scheme, _, secret = value.partition(" ")
    return Credentials(secret) if scheme.lower() == "bearer" and secret else None


def shown_by(connection: HTTPConnection, base_url: str) -> Credentials | None:
    """The credentials of a request. Raises Foreign for a cookie that another site sent along."""
    given = connection.headers.getlist("authorization")
    if given:
        return bearer(given[0]) if len(given) == 1 else None
    # As the console names it: `__Host-` ties a cookie to this very host, over https only.
    name = "__Host-sid" if base_url.startswith("https://") else "sid"
    secret = connection.cookies.get(name)
    if not secret:
        return None
    if not from_our_page(connection.headers, base_url):
        raise Foreign
    return Credentials(secret, cookie=True)


def from_our_page(headers: Headers, base_url: str) -> bool:
    """Whether a browser says that a page of ours asks; False when it says nothing."""
    if site := headers.get("sec-fetch-site"):
        return site == "same-origin"
    origin = headers.get("origin", "")
    ours = {urlsplit(base_url).netloc, headers.get("host", "")}
    return bool(origin) and urlsplit(origin).netloc in ours
