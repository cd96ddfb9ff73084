"""What a browser is told before it shows one of our pages, and which host and site we answer to.

Links and origins come from the configured address only, never from what a request says of itself
(SECURITY H15).
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_PORTS = {"http": 80, "https": 443}
# Probed by address, from inside: by containers and balancers that know no name of ours.
_PROBES = frozenset(("/healthz", "/readyz"))


def hosts(public_url: str) -> frozenset[str]:
    """The `Host` headers that mean us. On a machine's own address, all its names for itself."""
    scheme, netloc = urlsplit(public_url)[:2]
    name, port = _split(netloc)
    names = _LOOPBACK if name in _LOOPBACK else (name,)
    usual = port in ("", str(_PORTS[scheme]))
    shapes = ("{}", f"{{}}:{_PORTS[scheme]}") if usual else (f"{{}}:{port}",)
    return frozenset(shape.format(name) for name in names for shape in shapes)


def origins(public_url: str, others: Iterable[str]) -> frozenset[str]:
    """The `Origin` headers of our own pages and of the sites that may embed the chat."""
    scheme = urlsplit(public_url).scheme
    ours = {f"{scheme}://{host}" for host in hosts(public_url)}
    return frozenset(ours | {other.rstrip("/").lower() for other in others})


class OurHost:
    """Answers 400 to a request for a host that is not ours, or for two at once."""

    def __init__(self, app: ASGIApp, public_url: str) -> None:
        self._app = app
        self._hosts = hosts(public_url)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not self._ours(scope):
            answer = PlainTextResponse("There is no such site here.", 400)
            await answer(scope, receive, send)
            return
        # A socket is judged by its Origin, which a page cannot choose.
        await self._app(scope, receive, send)

    def _ours(self, scope: Scope) -> bool:
        asked = [value for name, value in scope["headers"] if name == b"host"]
        known = len(asked) == 1 and asked[0].decode("latin-1").lower() in self._hosts
        return known or scope["path"] in _PROBES


class SecurityHeaders:
    """Adds the headers that keep a page what we sent; a route's own headers win."""

    def __init__(self, app: ASGIApp, public_url: str) -> None:
        self._app = app
        scheme, netloc = urlsplit(public_url)[:2]
        # Older Safari does not count a socket to the same host as 'self'.
        socket = f"{'wss' if scheme == 'https' else 'ws'}://{netloc}"
        self._headers = {
            "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
            f"img-src 'self'; connect-src 'self' {socket}; form-action 'self'; base-uri 'none'; "
            "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
            "x-content-type-options": "nosniff",
            "referrer-policy": "no-referrer",
            "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
            "cross-origin-opener-policy": "same-origin",
            "cross-origin-resource-policy": "same-origin",
            "cache-control": "no-store",
        }
        if scheme == "https":
            self._headers["strict-transport-security"] = "max-age=31536000"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, dressed if scope["type"] == "http" else send)


def _split(netloc: str) -> tuple[str, str]:
    """Name and port of what may be `[::1]:8000`."""
    name, colon, port = netloc.lower().rpartition(":")
    return (name, port) if colon and not port.endswith("]") else (netloc.lower(), "")
