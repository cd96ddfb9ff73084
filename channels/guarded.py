"""Calling an address that somebody typed, without letting it call into our own network.

A name is resolved once, every address it means is checked, and the connection goes to the one
that was checked, so that a second answer of the resolver changes nothing. Redirects are not
followed, no proxy is asked, the whole call ends within TOTAL_SECONDS however slowly the other
side drips, and no more than ANSWER_BYTES of its answer are read, as they come.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from ssl import SSLContext, create_default_context
from typing import Any

import httpcore2

from intake import endpoints

TOTAL_SECONDS = 10.0
ANSWER_BYTES = 16 * 1024


class Forbidden(Exception):
    """The address is none that we call; nothing was connected."""


class NoAnswer(Exception):
    """There is nobody, or no answer in time."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the other side said."""

    status: int
    text: str
    retry_after: str = ""


def post(
    url: str,
    body: bytes,
    headers: Mapping[bytes | str, bytes | str],
    *,
    own_hosts: Sequence[str] = (),
) -> Answer:
    """Post that body there, once. Raises Forbidden or NoAnswer."""
    try:
        endpoints.callable_url(url, own_hosts)
    except endpoints.WrongEndpoint as wrong:
        raise Forbidden(str(wrong)) from None
    network = _Network(own_hosts, ends_at=time.monotonic() + TOTAL_SECONDS)
    with httpcore2.ConnectionPool(ssl_context=_tls(), network_backend=network, retries=0) as pool:
        try:
            with pool.stream("POST", url, headers=headers, content=body) as response:
                found = {name.lower(): value for name, value in response.headers}
                return Answer(
                    response.status,
                    _beginning(response.iter_stream()),
                    found.get(b"retry-after", b"").decode("latin-1"),
                )
        except (httpcore2.TimeoutException, TimeoutError):
            raise NoAnswer(f"no answer within {TOTAL_SECONDS:.0f} seconds") from None
        except (httpcore2.NetworkError, httpcore2.ProtocolError, OSError) as error:
            raise NoAnswer(f"no answer: {error or type(error).__name__}"[:300]) from None


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
