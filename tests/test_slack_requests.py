"""What is taken for a request of Slack, and what is not: the door before any act."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlencode

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from sqlalchemy import select
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route

from channels.journal import Journal
from channels.sandbox import Sandbox
from channels.slack import http
from channels.slack.signature import FRESH_SECONDS, SIGNATURE, TIMESTAMP, genuine, sign
from channels.web.limits import BodyDeadline, Patience
from graph.app import public
from graph.house import furnish
from intake.db import Database
from intake.desk import Desk
from intake.events import Event
from intake.settings import Settings, WrongSettings
from tests.conftest import fresh_sqlite
from tests.slack_stand_in import SECRET, serving

AT = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
SECOND = str(int(AT.timestamp()))
BODY = b"payload=%7B%7D"
GOOD = sign(SECRET, SECOND, BODY)
DESK = Desk("Example Desk", b"a secret of the tests", slack=True)
FORM = {"content-type": "application/x-www-form-urlencoded"}
PRESS = {
    "type": "block_actions",
    "user": {"id": "U0STRANGER", "team_id": "T0"},
    "actions": [{"action_id": "take", "value": "x", "action_ts": "1.1"}],
}


def headers(**values: str | bytes | None) -> list[tuple[bytes, bytes]]:
    """A good timestamp and signature, unless told otherwise."""
    wanted = {"timestamp": SECOND, "signature": GOOD} | values
    names = {"timestamp": TIMESTAMP, "signature": SIGNATURE}
    return [
        (names[name].encode(), value if isinstance(value, bytes) else value.encode())
        for name, value in wanted.items()
        if value is not None
    ]


def ago(seconds: int) -> list[tuple[bytes, bytes]]:
    """Headers that were right so many seconds ago."""
    second = str(int(SECOND) - seconds)
    return headers(timestamp=second, signature=sign(SECRET, second, BODY))


REFUSED = {
    "nothing": [],
    "no signature": headers(signature=None),
    "no timestamp": headers(timestamp=None),
    "an empty signature": headers(signature=""),
    "another signature": headers(signature="v0=" + "0" * 64),
    "of another body": headers(signature=sign(SECRET, SECOND, b"payload=%7B%7D ")),
    "with another secret": headers(signature=sign("another", SECOND, BODY)),
    "with no secret": headers(signature=sign("", SECOND, BODY)),
    "of another version": headers(signature=GOOD.replace("v0=", "v1=")),
    "in capitals": headers(signature=GOOD.upper()),
    "in capital digits": headers(signature="v0=" + GOOD[3:].upper()),
    "too short": headers(signature=GOOD[:-1]),
    "too long": headers(signature=GOOD + "0"),
    "with a line after it": headers(signature=GOOD + "\n"),
    "beyond ASCII": headers(signature="v0=é" + GOOD[4:]),
    "no text at all": headers(signature=b"\xff\xfe"),
    "at abc": headers(timestamp="abc", signature=sign(SECRET, "abc", BODY)),
    "at nothing": headers(timestamp="", signature=sign(SECRET, "", BODY)),
    "before time began": headers(timestamp="-1", signature=sign(SECRET, "-1", BODY)),
    "at a signed second": headers(timestamp="+" + SECOND),
    "at a fraction": headers(timestamp=SECOND + ".0"),
    "at infinity": headers(timestamp="inf"),
    "at 10^5000": headers(timestamp="1" + "0" * 5000),
    "in Arabic digits": headers(
        timestamp=SECOND.translate({0x30 + n: 0x0660 + n for n in range(10)})
    ),
    "five minutes late": ago(FRESH_SECONDS + 1),
    "five minutes early": ago(-FRESH_SECONDS - 1),
    "two timestamps": [*headers(), *headers(signature=None)],
    "two signatures": [*headers(), *headers(timestamp=None)],
    "two signatures, one wrong": [*headers(), (SIGNATURE.encode(), b"v0=" + b"0" * 64)],
}
refused = pytest.mark.parametrize("values", REFUSED.values(), ids=REFUSED)


@refused
def test_a_request_that_is_not_slacks_is_not_genuine(values: list[tuple[bytes, bytes]]) -> None:
    assert not genuine(SECRET, values, BODY, at=AT)


@pytest.mark.parametrize("seconds", [0, FRESH_SECONDS, -FRESH_SECONDS])
def test_a_request_of_the_last_five_minutes_is_genuine(seconds: int) -> None:
    assert genuine(SECRET, ago(seconds), BODY, at=AT)


@given(st.binary(max_size=80), st.binary(max_size=80))
def test_no_header_makes_the_check_raise(timestamp: bytes, signature: bytes) -> None:
    values = headers(timestamp=timestamp, signature=signature)

    assert not genuine(SECRET, values, BODY, at=AT)


# Over HTTP


@pytest.fixture(scope="module")
def db(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    database = Database(fresh_sqlite(sqlite_template, tmp_path_factory.mktemp("slack")))
    yield database
    database.close()


@pytest.fixture(scope="module")
def url(db: Database) -> Iterator[str]:
    """The door, open."""
    settings = Settings(slack_bot_token=SecretStr("x"), slack_signing_secret=SecretStr(SECRET))
    settings = settings.model_copy(update={"slack_api_url": "http://127.0.0.1:9/api/"})
    with serving(Starlette(routes=http.routes(db, DESK, settings))) as where:
        yield where + http.PATH


def signed(body: bytes, **more: str) -> dict[str, str]:
    second = str(int(time.time()))
    return {TIMESTAMP: second, SIGNATURE: sign(SECRET, second, body)} | FORM | more


def acted(db: Database) -> int:
    """How many requests came as far as an act, which a stranger's press leaves a trace of."""
    with db.reading() as session:
        return len(session.scalars(select(Event).where(Event.kind == "slack.refused")).all())


# httptools takes no line break in a header, so that one never comes as far as we do.
@pytest.mark.parametrize(
    "values",
    [values for name, values in REFUSED.items() if "line" not in name],
    ids=[name for name in REFUSED if "line" not in name],
)
def test_it_hears_401_and_nothing_happens(
    url: str, db: Database, values: list[tuple[bytes, bytes]]
) -> None:
    before = acted(db)

    answer = httpx2.post(url, content=BODY, headers=[*values, (b"content-type", b"text/plain")])

    assert (answer.status_code, answer.content) == (401, b"")
    assert acted(db) == before


def test_with_a_signature_the_same_request_is_heard(url: str, db: Database) -> None:
    body = urlencode({"payload": json.dumps(PRESS)}).encode()
    before = acted(db)

    wrong = httpx2.post(url, content=body, headers=signed(b"another body"))
    right = httpx2.post(url, content=body, headers=signed(body))

    assert (wrong.status_code, right.status_code) == (401, 200)
    assert acted(db) == before + 1


def test_slack_may_test_our_certificate(url: str) -> None:
    body = b"token=x&ssl_check=1"

    assert httpx2.post(url, content=body, headers=signed(body)).status_code == 200


def test_slack_hears_its_challenge_again(url: str) -> None:
    body = json.dumps({"type": "url_verification", "challenge": "3eZbrw1a"}).encode()

    answer = httpx2.post(
        url, content=body, headers=signed(body, **{"content-type": "application/json"})
    )

    assert answer.status_code == 200
    assert "3eZbrw1a" in answer.text


NONSENSE = {
    "nothing": b"",
    "not UTF-8": b"payload=\xff\xfe",
    "not UTF-8, in a form": b"payload=%ff%fe",
    "not JSON": b"payload={",
    "a list": b"payload=[]",
    "a number": b"payload=1e999",
    "nested": b"payload=" + b"[" * 200_000,
    "many fields": b"&".join(b"a%d=1" % n for n in range(10_000)),
    "a form of its own": b"type=block_actions&user=U0&actions=take",
    "half a character": b'payload={"type":"block_actions","user":{"id":"\\ud800"}}',
}


@pytest.mark.parametrize("body", NONSENSE.values(), ids=NONSENSE)
def test_nonsense_with_a_signature_is_the_senders_fault(url: str, body: bytes) -> None:
    answer = httpx2.post(url, content=body, headers=signed(body))

    assert 400 <= answer.status_code < 500


@pytest.mark.parametrize(
    "request_",
    [
        {},
        {"type": "block_actions"},
        {"type": "block_actions", "actions": []},
        {"type": "block_actions", "actions": [7], "user": 7},
        {"type": "block_actions", "actions": [{"action_id": ["take"]}], "user": []},
        {"type": "block_actions", "actions": {"action_id": "take"}, "container": "x"},
        {"type": "view_submission", "view": []},
        {"type": "view_submission", "view": {"callback_id": 7}, "user": 7, "team": 7},
        {"type": "event_callback", "event": 7},
        {"type": "event_callback", "event": {"type": "message"}, "authorizations": 7},
        {"type": "event_callback", "event": {"type": "message"}, "authorizations": [7]},
        {"type": "shortcut"},
        {"type": 7},
    ],
    ids=json.dumps,
)
def test_an_odd_request_with_a_signature_is_the_senders_fault(url: str, request_: object) -> None:
    body = urlencode({"payload": json.dumps(request_)}).encode()

    answer = httpx2.post(url, content=body, headers=signed(body))

    assert answer.status_code < 500


def test_five_megabytes_are_too_much(url: str) -> None:
    body = b"payload=" + b"x" * 5_000_000

    try:
        answer = httpx2.post(url, content=body, headers=signed(body))
    except httpx2.TransportError:
        return  # we hung up on the rest of it
    assert answer.status_code == 413


def test_only_a_post_is_a_request(url: str) -> None:
    assert httpx2.get(url).status_code == 405


@pytest.mark.parametrize("secret", [None, SecretStr(""), SecretStr("  ")])
def test_without_a_secret_the_door_stays_shut(db: Database, secret: SecretStr | None) -> None:
    with pytest.raises(WrongSettings, match="slack_signing_secret"):
        http.routes(db, DESK, Settings(slack_signing_secret=secret))


def test_a_body_that_does_not_come_is_not_waited_for(sqlite_url: str) -> None:
    db = Database(sqlite_url)
    settings = Settings(slack_signing_secret=SecretStr(SECRET), slack_bot_token=SecretStr("xoxb-1"))
    patience = Patience(grace_seconds=0.2, heard_out_seconds=0.1)
    guards = [Middleware(BodyDeadline, patience=patience)]
    app = Starlette(routes=http.routes(db, DESK, settings, middleware=guards))
    said: list[Any] = []

    async def never() -> Any:
        await asyncio.sleep(30)

    async def answer(message: Any) -> None:
        said.append(message)

    scope = {
        "type": "http", "method": "POST", "path": http.PATH, "headers": [], "query_string": b"",
    }  # fmt: skip
    asyncio.run(asyncio.wait_for(app(scope, never, answer), 10))
    db.close()

    assert said[0]["status"] == 408


def test_the_public_face_waits_for_no_body_of_slacks_door(sqlite_url: str) -> None:
    db = Database(sqlite_url)
    settings = Settings(slack_signing_secret=SecretStr(SECRET), slack_bot_token=SecretStr("xoxb-1"))
    with Sandbox() as sandbox:
        house = furnish(settings, db, DESK, sandbox)
        app = public(house, cast(Journal, None))
        [door] = [r for r in app.routes if isinstance(r, Route) and r.path == http.PATH]
        db.close()

    assert isinstance(door.app, BodyDeadline)
