"""Somebody who publishes a calendar: a real HTTP server that knows what changed."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Publisher:
    """What is published, what is answered instead, and what was asked."""

    url: str = ""
    text: str = ""
    instead: list[tuple[int, Mapping[str, str], bytes]] = field(default_factory=list)
    asked: list[Mapping[str, str]] = field(default_factory=list)
    answered: list[int] = field(default_factory=list)

    def publishes(self, **days: str) -> None:
        """These days by name, as in `Carnival="20260303"`, and one far from all tests."""
        days |= {"Jubilee": "20281231"}
        events = [
            f"BEGIN:VEVENT\r\nDTSTART;VALUE=DATE:{day}\r\nSUMMARY:{name}\r\nEND:VEVENT\r\n"
            for name, day in days.items()
        ]
        self.text = f"BEGIN:VCALENDAR\r\n{''.join(events)}END:VCALENDAR\r\n"

    def answer_to(self, headers: Mapping[str, str]) -> tuple[int, Mapping[str, str], bytes]:
        if self.instead:
            return self.instead.pop(0)
        content = self.text.encode()
        tag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
        if headers.get("if-none-match") == tag:
            return 304, {"etag": tag}, b""
        return 200, {"etag": tag, "content-type": "text/calendar"}, content


@contextmanager
def publishing() -> Iterator[Publisher]:
    """A publisher on a free port of this machine."""
    publisher = Publisher()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, said, content = publisher.answer_to(headers)
            publisher.asked.append(headers)
            publisher.answered.append(status)
            self.send_response(status)
            for name, value in said.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        publisher.url = f"http://127.0.0.1:{server.server_port}/secret/holidays.ics"
        yield publisher
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
