"""Whoever connects to a face and does not say what they want is hung up on."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Awaitable, Callable

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from graph import impatient
from graph.duties import HTTP_LIMITS

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[bytes]]
WHOLE = b"GET / HTTP/1.1\r\nHost: desk.example\r\n\r\n"
LAST = WHOLE.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
UPGRADE = (
    b"GET /socket HTTP/1.1\r\nHost: desk.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


async def _socket(socket: WebSocket) -> None:
    await socket.accept()
    await asyncio.sleep(0.6)
    await socket.send_text("still here")
    await socket.close()


async def _slow(_request: object) -> PlainTextResponse:
    await asyncio.sleep(0.6)
    return PlainTextResponse("done")


def heard(talk: Talk) -> bytes:
    """What a face answers until it hangs up."""

    async def run() -> bytes:
        app = Starlette(routes=[Route("/", _slow), WebSocketRoute("/socket", _socket)])
        config = uvicorn.Config(app, port=0, log_config=None, lifespan="off", **HTTP_LIMITS)
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve())
        while not server.started:  # noqa: ASYNC110  uvicorn offers nothing to wait for
            await asyncio.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            async with asyncio.timeout(20):
                return await talk(reader, writer)
        finally:
            writer.close()
            server.should_exit = True
            await serving

    return asyncio.run(run())


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(impatient, "HEAD_SECONDS", 0.3)
    # A loop that ended tells nobody of the connections it still had.
    monkeypatch.setattr(impatient.ImpatientProtocol, "_connected", Counter())


@pytest.mark.parametrize("said", [b"", b"GET / HTTP/1.1\r\nX:"], ids=["nothing", "half a head"])
def test_a_head_that_does_not_come_is_not_waited_for(said: bytes) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        writer.write(said)
        return await reader.read()

    assert heard(talk) == b""


def test_half_of_a_second_head_is_not_waited_for_either() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        writer.write(WHOLE)
        first = await reader.readuntil(b"done")
        writer.write(WHOLE[:20])
        return first + await reader.read()

    assert heard(talk).endswith(b"done")


def test_an_answer_that_takes_longer_is_waited_for() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        writer.write(LAST)
        return await reader.read()

    assert heard(talk).endswith(b"done")


def test_a_websocket_may_stay() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        writer.write(UPGRADE)
        return await reader.readuntil(b"still here")

    assert heard(talk).startswith(b"HTTP/1.1 101")


def test_an_endless_head_is_refused() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        writer.write(b"GET / HTTP/1.1\r\nHost: desk.example\r\n")
        writer.write(b"X-Long: a long line of a head that does not end\r\n" * 800)
        return await reader.read()

    assert heard(talk).startswith(b"HTTP/1.1 400")


def test_one_network_cannot_hold_every_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(impatient, "CONNECTIONS_FROM_LOOPBACK", 1)
    monkeypatch.setattr(impatient, "HEAD_SECONDS", 10)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        address = writer.get_extra_info("peername")[:2]
        more, closing = await asyncio.open_connection(*address)
        with contextlib.suppress(ConnectionResetError):
            assert await more.read() == b""
        closing.close()
        writer.write(LAST)
        first = await reader.read()
        again, asking = await asyncio.open_connection(*address)  # whoever left made room
        asking.write(LAST)
        second = await again.read()
        asking.close()
        return first + second

    assert heard(talk).count(b"done") == 2
