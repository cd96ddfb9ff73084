"""Following a desk over a WebSocket: what is told, to whom, and what ends it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from starlette.testclient import WebSocketTestSession
from starlette.websockets import WebSocketDisconnect

from graph.api import following
from intake import agents
from intake.agents import ApiToken
from intake.db import Database
from tests.desk import NOON, DeskUnderTest, email
from tests.office import Office

EVENTS = "subscription { caseEvents { kind actorName case { number subject queue { name } } } }"


@pytest.fixture
def desk(sqlite_url: str) -> Iterator[DeskUnderTest]:
    database = Database(sqlite_url)
    yield DeskUnderTest(database)
    database.close()


class Client:
    """A program that speaks graphql-transport-ws."""

    def __init__(self, socket: WebSocketTestSession) -> None:
        self._socket = socket

    def sends(self, kind: str, **content: Any) -> None:
        self._socket.send_json({"type": kind, **content})

    def hears(self) -> Any:
        return self._socket.receive_json()

    def closes(self) -> tuple[int, str]:
        """The code and reason with which the desk ends it."""
        try:
            while True:
                self._socket.receive_json()
        except WebSocketDisconnect as ended:
            return ended.code, ended.reason or ""

    def subscribes(self, query: str = EVENTS, id: str = "1", **variables: Any) -> None:
        self.sends("subscribe", id=id, payload={"query": query, "variables": variables})
        # The desk answers a ping when it has begun what was sent before it.
        self.sends("ping")
        assert self.hears() == {"type": "pong"}


@contextmanager
def connected(office: Office, token: str | None, **headers: str) -> Iterator[Client]:
    with office.client.websocket_connect(
        "/graphql", subprotocols=["graphql-transport-ws"], headers=headers
    ) as socket:
        client = Client(socket)
        payload = {"Authorization": f"Bearer {token}"} if token else None
        client.sends("connection_init", payload=payload)
        yield client


@contextmanager
def following_events(office: Office, token: str, *queries: str) -> Iterator[Client]:
    with connected(office, token) as client:
        assert client.hears() == {"type": "connection_ack"}
        for number, query in enumerate(queries or (EVENTS,)):
            client.subscribes(query, id=str(number))
        wait_until_followed(office, len(queries) or 1)
        yield client


def wait_until_followed(office: Office, count: int) -> None:
    """Subscribing is not answered; what happens before it is done is rightly not told."""
    follower = office.house.follower
    for _ in range(200):
        if len(follower._queues) == count and follower._poll is not None:
            return
        time.sleep(0.02)
    pytest.fail("nobody follows")


def test_what_happens_is_told_as_it_happens(desk: DeskUnderTest) -> None:
    office = Office(desk)
    grace = desk.has_agent()

    with following_events(office, office.token(grace)) as client:
        desk.accepts(email(subject="Help"))
        opened = client.hears()
        office.asks('mutation { reply(caseNumber: 1001, text: "Yes") { __typename } }', by=grace)
        replied = client.hears()

    assert opened == {
        "type": "next",
        "id": "0",
        "payload": {
            "data": {
                "caseEvents": {
                    "kind": "case.opened",
                    "actorName": "Ada",
                    "case": {"number": 1001, "subject": "Help", "queue": {"name": "Support"}},
                }
            }
        },
    }
    assert replied["payload"]["data"]["caseEvents"]["kind"] == "case.replied"


def test_one_case_is_followed_by_its_number(desk: DeskUnderTest) -> None:
    office = Office(desk)
    grace = desk.has_agent()
    desk.accepts(email(), email())
    query = "subscription ($n: Int) { caseEvents(caseNumber: $n) { case { number } } }"

    with connected(office, office.token(grace)) as client:
        assert client.hears() == {"type": "connection_ack"}
        client.subscribes(query, n=1002)
        wait_until_followed(office, 1)
        for number in (1001, 1002):
            act = f'mutation {{ note(caseNumber: {number}, text: "x") {{ __typename }} }}'
            office.asks(act, by=grace)
        told = client.hears()

    assert told["payload"]["data"]["caseEvents"] == {"case": {"number": 1002}}


def test_what_is_hidden_is_not_told(desk: DeskUnderTest) -> None:
    office = Office(desk)
    linus = desk.has_agent("Linus")
    desk.has_queue("Secret", members=(linus,), address="secret@desk.example")

    with (
        following_events(office, office.token(desk.has_agent())) as outside,
        connected(office, office.token(linus)) as inside,
    ):
        assert inside.hears() == {"type": "connection_ack"}
        inside.subscribes()
        wait_until_followed(office, 2)
        desk.accepts(email(subject="hidden", mailbox="secret@desk.example"))
        desk.accepts(email(subject="open"))

        assert outside.hears()["payload"]["data"]["caseEvents"]["case"]["subject"] == "open"
        assert inside.hears()["payload"]["data"]["caseEvents"]["case"]["subject"] == "hidden"


def test_a_case_that_is_hidden_cannot_be_followed(desk: DeskUnderTest) -> None:
    office = Office(desk)
    desk.has_queue("Secret", members=(desk.has_agent("Linus"),), address="secret@desk.example")
    desk.accepts(email(mailbox="secret@desk.example"))
    query = "subscription { caseEvents(caseNumber: %d) { kind } }"

    with connected(office, office.token(desk.has_agent())) as client:
        client.hears()
        client.sends("subscribe", id="a", payload={"query": query % 1001})
        hidden = client.hears()
        client.sends("subscribe", id="b", payload={"query": query % 9999})
        unknown = client.hears()

    assert hidden["type"] == unknown["type"] == "error"
    assert hidden["payload"][0]["message"] == "there is no case 1001"
    assert unknown["payload"][0]["message"] == "there is no case 9999"
    assert hidden["payload"][0]["extensions"] == unknown["payload"][0]["extensions"]


def test_a_revoked_token_ends_the_socket_before_the_next_event(desk: DeskUnderTest) -> None:
    office = Office(desk)
    token = office.token(desk.has_agent())

    with following_events(office, token) as client:
        with desk.transaction() as session:
            for row in session.query(ApiToken):
                row.revoked_at = NOON
        desk.accepts(email(subject="too late"))

        assert client.closes() == (4403, "not signed in")


@pytest.mark.parametrize(
    ("first", "code"),
    [
        ({"type": "connection_init", "payload": {"Authorization": "Bearer dbt_wrong"}}, 4403),
        ({"type": "connection_init"}, 4403),
        ({"type": "connection_init", "payload": 7}, 4403),
        ({"type": "subscribe", "id": "1", "payload": {"query": EVENTS}}, 4401),
        ({"type": 7}, 4400),
        ([], 4400),
    ],
    ids=str,
)
def test_nobody_gets_in_without_saying_who_they_are(
    desk: DeskUnderTest, first: Any, code: int
) -> None:
    office = Office(desk)

    with office.client.websocket_connect("/graphql", ["graphql-transport-ws"]) as socket:
        socket.send_json(first)
        assert Client(socket).closes()[0] == code


def test_who_says_nothing_is_hung_up_on(
    desk: DeskUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "SIGN_IN_SECONDS", 0.05)
    office = Office(desk)

    with office.client.websocket_connect("/graphql", ["graphql-transport-ws"]) as socket:
        assert Client(socket).closes() == (4408, "connection_init is late")


def test_a_header_signs_in_as_well(desk: DeskUnderTest) -> None:
    office = Office(desk)
    token = office.token(desk.has_agent())

    with connected(office, None, Authorization=f"Bearer {token}") as client:
        assert client.hears() == {"type": "connection_ack"}


@pytest.mark.parametrize("protocols", [[], ["graphql-ws"], ["graphql"]], ids=str)
def test_no_other_protocol_is_spoken(desk: DeskUnderTest, protocols: list[str]) -> None:
    office = Office(desk)

    with pytest.raises(WebSocketDisconnect) as refused:
        office.client.websocket_connect("/graphql", protocols).__enter__()

    assert refused.value.code == 4406


@pytest.mark.parametrize("origin", ["https://evil.test", "null", "http://testserver.evil.test"])
def test_a_page_that_is_not_ours_opens_no_socket(desk: DeskUnderTest, origin: str) -> None:
    office = Office(desk)
    token = office.token(desk.has_agent())

    with pytest.raises(WebSocketDisconnect) as refused:
        connected(office, token, Origin=origin).__enter__()

    assert refused.value.code == 4403


def test_our_own_page_follows_with_its_session(desk: DeskUnderTest) -> None:
    office = Office(desk)
    grace = desk.has_agent()
    now = datetime.now(UTC)
    with desk.transaction() as session:
        link = agents.sign_in_link(session, grace, at=now, lasts=timedelta(minutes=5))
        secret = agents.sign_in(session, link, at=now)

    with connected(office, None, Cookie=f"sid={secret}", Origin="http://testserver") as client:
        assert client.hears() == {"type": "connection_ack"}


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ({"type": "connection_init"}, 4429),
        ({"type": "start", "id": "1"}, 4400),
        ({"type": "subscribe", "payload": {}}, 4400),
        ({"type": "subscribe", "id": "0", "payload": {"query": EVENTS}}, 4409),
        ({"type": "x" * 70_000}, 4400),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_the_protocol_does_not_know_ends_the_socket(
    desk: DeskUnderTest, message: Any, code: int
) -> None:
    office = Office(desk)

    with following_events(office, office.token(desk.has_agent())) as client:
        client.sends(message.pop("type"), **message)
        assert client.closes()[0] == code


def test_bytes_that_are_no_text_end_the_socket(desk: DeskUnderTest) -> None:
    office = Office(desk)

    with office.client.websocket_connect("/graphql", ["graphql-transport-ws"]) as socket:
        socket.send_bytes(b"\xff\xfe")
        assert Client(socket).closes()[0] == 4400


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        ({"query": "{ me { name } }"}, "send queries and mutations by POST"),
        ({"query": "mutation { pick(caseNumber: 1) { __typename } }"}, "send queries and"),
        ({"query": "subscription { caseEvents { secret } }"}, "Cannot query field 'secret'"),
        ({"query": "subscription { caseEvents { kind }"}, "Syntax Error"),
        ({"query": "subscription { a: caseEvents { kind } b: caseEvents { at } }"}, "only one"),
        ({"query": "subscription ($n: Int!) { caseEvents(caseNumber: $n) { kind } }"}, "$n"),
        ({"query": 7}, "`query` is the text"),
        ([], "one JSON object"),
    ],
    ids=str,
)
def test_what_cannot_be_followed_is_refused_and_the_socket_lives(
    desk: DeskUnderTest, payload: Any, why: str
) -> None:
    office = Office(desk)

    with connected(office, office.token(desk.has_agent())) as client:
        client.hears()
        client.sends("subscribe", id="1", payload=payload)
        refused = client.hears()
        client.sends("ping")

        assert (refused["type"], refused["id"]) == ("error", "1")
        assert why in refused["payload"][0]["message"]
        assert client.hears() == {"type": "pong"}


def test_twenty_may_be_followed_at_once_and_ended_ones_make_room(desk: DeskUnderTest) -> None:
    office = Office(desk)

    with connected(office, office.token(desk.has_agent())) as client:
        client.hears()
        for number in range(20):
            client.subscribes(id=str(number))
        client.sends("subscribe", id="one too many", payload={"query": EVENTS})
        refused = client.hears()
        client.sends("complete", id="0")
        client.subscribes(id="instead")
        wait_until_followed(office, 20)
        desk.accepts(email())
        told = {client.hears()["id"] for _ in range(20)}

    assert refused["payload"][0]["message"] == "20 subscriptions at most on one socket"
    assert told == {*map(str, range(1, 20)), "instead"}
    assert not office.house.follower._queues
