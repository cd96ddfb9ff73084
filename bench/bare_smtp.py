"""The bound for mail coming in: stock aiosmtpd that appends each mail to a file and fsyncs.

Mails that arrive together share one fsync, and each is answered 250 after it. No faster door can
be honest on the same disk with the same library; ours is measured as a share of this one.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import tempfile
from pathlib import Path
from typing import BinaryIO

from aiosmtpd.smtp import SMTP, Envelope, Session


class Append:
    """Appends mails to one file; those that wait while an fsync runs go with the next."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._waiting: list[tuple[bytes, asyncio.Future[None]]] = []
        self._writing: asyncio.Task[None] | None = None

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        assert isinstance(envelope.content, bytes)
        self._waiting.append((envelope.content, done))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write())
        await done
        return "250 OK"

    async def _write(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            await asyncio.to_thread(self._append, [content for content, _ in batch])
            for _, done in batch:
                if not done.done():
                    done.set_result(None)

    def _append(self, contents: list[bytes]) -> None:
        self._file.writelines(contents)
        self._file.flush()
        os.fsync(self._file.fileno())


async def serve(port: int, directory: Path) -> None:
    """Take mail on 127.0.0.1 until cancelled."""
    loop = asyncio.get_running_loop()
    with (directory / "mails").open("ab") as file:
        handler = Append(file)
        server = await loop.create_server(
            lambda: SMTP(handler, hostname="bare.test", enable_SMTPUTF8=True, loop=loop),
            "127.0.0.1",
            port,
        )
        print(f"listening on {server.sockets[0].getsockname()[1]}", flush=True)
        async with server:
            await server.serve_forever()


async def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--port", type=int, default=2526)
    arguments.add_argument("--directory", type=Path, help="on the disk to measure")
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory(dir=options.directory) as directory:
        serving = asyncio.create_task(serve(options.port, Path(directory)))
        for name in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(name, serving.cancel)
        with contextlib.suppress(asyncio.CancelledError):
            await serving


if __name__ == "__main__":
    asyncio.run(main())
