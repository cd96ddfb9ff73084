"""Calling an address that somebody typed, without letting it call into our own network.

A name is resolved once, every address it means is checked, and the connection goes to the one
that was checked, so that a second answer of the resolver changes nothing. No proxy is asked, the
whole call ends within TOTAL_SECONDS however slowly the other side drips, and no more of its answer
is read than is wanted, as it comes. A post follows no redirect; a fetch follows a few, each of
which is checked like the first.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from ssl import SSLContext, create_default_context
from typing import Any
from urllib.parse import urljoin

import httpcore2

from intake import endpoints

TOTAL_SECONDS = 10.0
ANSWER_BYTES = 16 * 1024
REDIRECTS = 4
MOVED = frozenset({301, 302, 303, 307, 308})
Headers = Mapping[bytes | str, bytes | str]


class Forbidden(Exception):
    """The address is none that we call; nothing was connected."""


class NoAnswer(Exception):
    """There is nobody, or no answer in time."""


class TooMuch(Exception):
    """The answer is longer than it may be; the rest of it was not read."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the other side said."""

    status: int
    text: str
    retry_after: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """What was found at an address, and how to ask later whether it changed."""

    status: int
    content: bytes
    etag: str = ""
    last_modified: str = ""


def post(url: str, body: bytes, headers: Headers, *, own_hosts: Sequence[str] = ()) -> Answer:
    """Post that body there, once. Raises Forbidden or NoAnswer."""
    ends_at = time.monotonic() + TOTAL_SECONDS
    with _calling("POST", url, headers, body, own_hosts=own_hosts, ends_at=ends_at) as response:
        return Answer(
            response.status,
            _beginning(response.iter_stream()),
            _header(response, b"retry-after"),
        )


def get(url: str, headers: Headers, *, most_bytes: int, own_hosts: Sequence[str] = ()) -> Page:
    """Fetch what is there, or where it sends us. Raises Forbidden, NoAnswer or TooMuch."""
    ends_at = time.monotonic() + TOTAL_SECONDS
    for _ in range(REDIRECTS + 1):
        with _calling("GET", url, headers, b"", own_hosts=own_hosts, ends_at=ends_at) as response:
            where = _header(response, b"location")
            if response.status not in MOVED or not where:
                return Page(
                    response.status,
                    _all_of(response.iter_stream(), most_bytes),
                    _header(response, b"etag"),
                    _header(response, b"last-modified"),
                )
        url = _joined(url, where)
    raise NoAnswer(f"it sends us on more than {REDIRECTS} times")


@contextmanager
def _calling(
    method: str,
    url: str,
    headers: Headers,
    body: bytes,
    *,
    own_hosts: Sequence[str],
    ends_at: float,
) -> Iterator[httpcore2.Response]:
    """The answer while it is read. Raises Forbidden or NoAnswer."""
    try:
        endpoints.callable_url(url, own_hosts)
    except endpoints.WrongEndpoint as wrong:
        raise Forbidden(str(wrong)) from None
    network = _Network(own_hosts, ends_at=ends_at)
    with httpcore2.ConnectionPool(ssl_context=_tls(), network_backend=network, retries=0) as pool:
        try:
            with pool.stream(method, url, headers=headers, content=body) as response:
                yield response
        except (httpcore2.TimeoutException, TimeoutError):
            raise NoAnswer(f"no answer within {TOTAL_SECONDS:.0f} seconds") from None
        except (httpcore2.NetworkError, httpcore2.ProtocolError, OSError) as error:
            raise NoAnswer(f"no answer: {error or type(error).__name__}"[:300]) from None


def _header(response: httpcore2.Response, name: bytes) -> str:
    found = {key.lower(): value for key, value in response.headers}
    return found.get(name, b"").decode("latin-1")


def _joined(url: str, where: str) -> str:
    """Where a redirect leads, without what a browser keeps for itself."""
    try:
        return urljoin(url, where).partition("#")[0]
    except ValueError:
        raise NoAnswer(f"it sends us to {where!r:.80}, which is no address") from None


def _all_of(chunks: Iterable[bytes], most_bytes: int) -> bytes:
    read = bytearray()
    for chunk in chunks:
        read += chunk
        if len(read) > most_bytes:
            raise TooMuch(f"more than {most_bytes:,} bytes")
    return bytes(read)


@cache
def _tls() -> SSLContext:
    """Who vouches for names; reading them all takes longer than most calls."""
    return create_default_context()


def _beginning(chunks: Iterable[bytes]) -> str:
    read = bytearray()
    for chunk in chunks:
        read += chunk
        if len(read) >= ANSWER_BYTES:
            break
    return bytes(read[:ANSWER_BYTES]).decode("utf-8", "replace").replace("\0", "")


class _Network(httpcore2.NetworkBackend):
    """Connects to checked addresses only, and ends every wait when the call's time is over."""

    def __init__(self, own_hosts: Sequence[str], *, ends_at: float) -> None:
        self._own_hosts, self._ends_at = own_hosts, ends_at
        self._sockets = httpcore2.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Any = None,
    ) -> httpcore2.NetworkStream:
        addresses = _resolved(host, port)
        if host not in self._own_hosts:
            for address in addresses:
                if not endpoints.public(address):
                    raise Forbidden(
                        f"{host} means {address}, an address of a private network; "
                        "the setting webhook_hosts allows hosts of your own"
                    )
        stream = self._sockets.connect_tcp(addresses[0], port, _left(self._ends_at))
        return _Stream(stream, self._ends_at)


class _Stream(httpcore2.NetworkStream):
    """A connection whose every wait is cut at the end of the whole call."""

    def __init__(self, stream: httpcore2.NetworkStream, ends_at: float) -> None:
        self._stream, self._ends_at = stream, ends_at

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _left(self._ends_at))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _left(self._ends_at))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore2.NetworkStream:
        stream = self._stream.start_tls(ssl_context, server_hostname, _left(self._ends_at))
        return _Stream(stream, self._ends_at)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _left(ends_at: float) -> float:
    left = ends_at - time.monotonic()
    if left <= 0:
        raise httpcore2.ReadTimeout("the time is over")
    return left


def _resolved(host: str, port: int) -> list[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise NoAnswer(f"{host} cannot be found: {error}") from None
    return [str(address[0]) for *_, address in found]
