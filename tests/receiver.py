"""A program that receives webhooks: a real HTTP server that answers as the test says."""

from __future__ import annotations

import hashlib
import hmac
import threading
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ssl import SSLContext
from typing import Any

import orjson

Answer = tuple[int, Mapping[str, str], bytes]


@dataclass
class Receiver:
    """What was received, and what is answered next; 200 when nothing is said."""

    url: str = ""
    answers: list[int | Answer] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    @property
    def heard(self) -> list[dict[str, Any]]:
        return [orjson.loads(body) for body in self.bodies]

    @property
    def kinds(self) -> list[str]:
        return [said["kind"] for said in self.heard]


@contextmanager
def receiving(*answers: int | Answer, tls: SSLContext | None = None) -> Iterator[Receiver]:
    receiver = Receiver(answers=list(answers))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            receiver.headers.append({name.lower(): value for name, value in self.headers.items()})
            receiver.bodies.append(body)
            answer = receiver.answers.pop(0) if receiver.answers else 200
            status, headers, said = (answer, {}, b"") if isinstance(answer, int) else answer
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        receiver.url = f"http://127.0.0.1:{server.server_port}/hook"
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def signed(secret: str, headers: Mapping[str, str], body: bytes) -> bool:
    """Whether one of the signatures was made with that secret: as Standard Webhooks says."""
    content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    key = b64decode(secret.removeprefix("whsec_"))
    wanted = "v1," + b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
    return wanted in headers["webhook-signature"].split(" ")
