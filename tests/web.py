"""The public web face of a desk on a real server, and what its worker makes of what came."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime
from typing import Any

import httpx2
import orjson
import uvicorn
from starlette.applications import Starlette
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from channels import web
from channels.follow import Follower
from channels.journal import Journal
from channels.reception import Account, Reception
from channels.sandbox import Sandbox
from channels.web import pages
from channels.web.limits import Patience
from graph.duties import HTTP_LIMITS
from intake.settings import Settings
from kb.suggestions import Library
from tests.desk import DeskUnderTest


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Face:
    """What a customer's browser talks to."""

    def __init__(self, desk: DeskUnderTest, journal: Journal, sandbox: Sandbox, port: int) -> None:
        self.desk = desk
        self.journal = journal
        self.sandbox = sandbox
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.browser = httpx2.AsyncClient(base_url=self.url, timeout=20)
        self._reception = Reception(desk.db, sandbox, desk.settings, Library())

    async def files(self) -> Account:
        """Let the worker take what was kept."""
        return await asyncio.to_thread(self._reception.file, at=datetime.now(UTC))

    async def ticket(self) -> str:
        """The hidden mark of a fresh form."""
        page = await self.browser.get("/form")
        found = re.search(r'name="ticket" value="([^"]+)"', page.text)
        assert found is not None
        return found[1]

    def chats(self, origin: str | None = "", **options: Any) -> connect:
        """A socket, opened from our own page unless another origin is given."""
        return connect(
            f"ws://127.0.0.1:{self.port}/chat/socket",
            origin=self.url if origin == "" else origin,  # type: ignore[arg-type]
            **options,
        )

    @asynccontextmanager
    async def visit(self, token: str = "") -> AsyncIterator[Visit]:
        """A visitor of the chat, already welcomed."""
        async with self.chats() as socket:
            visit = Visit(socket)
            await visit.sends(type="hello", token=token)
            visit.welcome = await visit.hears("welcome")
            yield visit


class Visit:
    """One socket of a visitor."""

    welcome: dict[str, Any]

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    async def sends(self, **frame: Any) -> None:
        await self.socket.send(orjson.dumps(frame).decode())

    async def says(self, text: str, line_id: str = "l1", **more: Any) -> dict[str, Any]:
        """Say it; the answer to just this line."""
        await self.sends(type="say", id=line_id, text=text, **more)
        return await self.hears("kept", "refused")

    async def hears(self, *kinds: str) -> dict[str, Any]:
        """The next frame of one of these kinds."""
        async with asyncio.timeout(20):
            while True:
                frame: dict[str, Any] = orjson.loads(await self.socket.recv())
                if frame["type"] in kinds:
                    return frame

    async def reads_to_the_end(self) -> None:
        """Take whatever comes until the other side closes."""
        with suppress(ConnectionClosed):
            async with asyncio.timeout(20):
                while True:
                    await self.socket.recv()


@asynccontextmanager
async def face(
    desk: DeskUnderTest,
    *,
    patience: Patience | None = None,
    chat_origins: tuple[str, ...] = (),
    server: dict[str, Any] | None = None,
    change: Callable[[Journal], Journal] = lambda journal: journal,
) -> AsyncIterator[Face]:
    """The face, served on a free port for as long as the test needs it."""
    config = uvicorn.Config(
        lambda *_: None, port=0, log_config=None, access_log=False, lifespan="off",
        **{**HTTP_LIMITS, **(server or {})},
    )  # fmt: skip
    running = config.bind_socket()
    port = running.getsockname()[1]
    settings = Settings(public_url=f"http://127.0.0.1:{port}", chat_origins=chat_origins)
    journal = change(Journal(desk.db))
    follower = Follower(desk.db)
    routes = web.routes(desk.db, desk.settings, settings, journal, follower)
    if patience is not None:
        routes[:0] = pages.routes(desk.db, desk.settings, settings, journal, patience=patience)
    config.app = Starlette(routes=routes, middleware=web.middleware(settings))
    config.loaded = False
    uvicorn_server = _Server(config)
    serving = asyncio.create_task(uvicorn_server.serve(sockets=[running]))
    while not uvicorn_server.started:  # noqa: ASYNC110  uvicorn has no event for it
        await asyncio.sleep(0.01)
    with Sandbox() as sandbox:
        found = Face(desk, journal, sandbox, port)
        try:
            yield found
        finally:
            await found.browser.aclose()
            uvicorn_server.should_exit = True
            await serving
            await follower.close()
            await journal.close()
