"""The chat, over real sockets, from a visitor's line to a case and back."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from channels.follow import POLL_SECONDS, Follower
from channels.journal import Arrived, Journal, StorageFull
from channels.web.door import new_token, visitor_of
from channels.web.lines import UNREAD_BYTES, Line
from intake import work
from intake.accept import accept
from intake.agents import Principal
from intake.cases import ActivityKind, Case
from intake.customers import ContactPoint
from intake.db import Database
from intake.inbound import Inbound
from intake.messages import ContactKind
from intake.threads import Arrival
from tests.desk import DeskUnderTest, email
from tests.web import Visit, face


async def test_a_visitors_line_becomes_a_case_of_their_own_conversation(
    desk: DeskUnderTest,
) -> None:
    async with face(desk) as web, web.visit() as ada:
        answer = await ada.says("It does not print.", name="Ada", email="boss@bigcorp.example")
        await web.files()

    assert answer == {"type": "kept", "id": "l1"}
    (case,) = desk.all(Case)
    (activity,) = desk.activities(case)
    assert (case.channel, case.conversation) == ("chat", visitor(ada))
    assert (activity.kind, activity.author_name) == (ActivityKind.CHAT, "Ada")
    assert "boss@bigcorp.example" in activity.notes[0]
    points = {(point.kind, point.value) for point in desk.all(ContactPoint)}
    assert points == {(ContactKind.VISITOR, visitor(ada))}


async def test_the_next_line_joins_until_the_case_is_solved(desk: DeskUnderTest) -> None:
    grace = desk.principal()
    async with face(desk) as web, web.visit() as ada:
        await ada.says("It does not print.", "l1")
        await ada.says("And it beeps.", "l2")
        await web.files()
        (case,) = desk.all(Case)
        resolves(desk, grace, case)
        await ada.says("Now the fax.", "l3")
        await web.files()

    first, second = sorted(desk.all(Case), key=lambda case: case.number)
    assert [a.text for a in desk.activities(first)][:2] == ["It does not print.", "And it beeps."]
    assert [a.text for a in desk.activities(second)] == ["Now the fax."]


async def test_two_workers_do_not_open_two_cases_for_one_chat(desk: DeskUnderTest) -> None:
    desk.accepts(_line("Hello?", "known"))  # a new contact would hold the second worker up as well
    accepted = threading.Event()

    def first() -> None:
        with desk.transaction() as session:
            accept(session, [_line("It does not print.")], desk.settings)
            accepted.set()
            time.sleep(0.5)  # long enough for the second to look for a case

    def second() -> None:
        accepted.wait(20)
        with desk.transaction() as session:
            accept(session, [_line("And it beeps.")], desk.settings)

    await asyncio.gather(asyncio.to_thread(first), asyncio.to_thread(second))

    (case,) = [case for case in desk.all(Case) if case.conversation == "c1"]
    assert [a.text for a in desk.activities(case)] == ["It does not print.", "And it beeps."]


async def test_two_who_follow_at_once_hear_each_thing_once(desk: DeskUnderTest) -> None:
    follower = Follower(desk.db)
    heard: list[list[str]] = [[], []]

    async def follow(who: int, following: asyncio.Event) -> None:
        async for event in follower.events(following):
            heard[who].append(event.kind)

    ready = [asyncio.Event(), asyncio.Event()]
    tasks = [asyncio.create_task(follow(who, event)) for who, event in enumerate(ready)]
    await asyncio.gather(*(event.wait() for event in ready))
    desk.accepts(email())
    await asyncio.sleep(3 * POLL_SECONDS)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await follower.close()

    assert heard[0] == heard[1]
    assert heard[0].count("case.opened") == 1


async def test_a_line_said_again_is_one_line(desk: DeskUnderTest) -> None:
    async with face(desk) as web, web.visit() as ada:
        answers = [await ada.says("Hello?", "same") for _ in range(3)]
        await web.files()
        other = await ada.says("Hello?", "other")
        await web.files()

    assert [a["type"] for a in [*answers, other]] == ["kept"] * 4
    (case,) = desk.all(Case)
    assert len(desk.activities(case)) == 2


async def test_the_same_id_of_another_visitor_is_another_line(desk: DeskUnderTest) -> None:
    async with face(desk) as web, web.visit() as ada, web.visit() as bob:
        await ada.says("I am Ada", "l1")
        await bob.says("I am Bob", "l1")
        await web.files()

    assert desk.count(Case) == 2


async def test_kept_is_said_only_once_it_is_kept(sqlite_desk: DeskUnderTest) -> None:
    held = asyncio.Event()

    def slow(journal: Journal) -> Journal:
        keep = journal.keep

        async def later(*arrived: Arrived) -> None:
            await held.wait()
            await keep(*arrived)

        journal.keep = later  # type: ignore[method-assign]
        return journal

    async with face(sqlite_desk, change=slow) as web, web.visit() as ada:
        await ada.sends(type="say", id="l1", text="Hello?")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(ada.socket.recv(), 0.3)
        rows_before = sqlite_desk.count(Inbound)
        held.set()
        answer = await ada.hears("kept", "refused")

    assert (rows_before, sqlite_desk.count(Inbound), answer["type"]) == (0, 1, "kept")


@pytest.mark.parametrize("error", [StorageFull("full"), OSError(28, "full")])
async def test_what_cannot_be_kept_is_refused_and_taken_later(
    sqlite_desk: DeskUnderTest, error: Exception
) -> None:
    broken = True

    def failing(journal: Journal) -> Journal:
        keep = journal.keep

        async def perhaps(*arrived: Arrived) -> None:
            if broken:
                raise error
            await keep(*arrived)

        journal.keep = perhaps  # type: ignore[method-assign]
        return journal

    async with face(sqlite_desk, change=failing) as web, web.visit() as ada:
        refused = await ada.says("Hello?", "l1")
        rows_meanwhile = sqlite_desk.count(Inbound)
        broken = False
        kept = await ada.says("Hello?", "l1")

    assert refused == {"type": "refused", "id": "l1", "reason": "later", "again_in": 5}
    assert (rows_meanwhile, kept["type"], sqlite_desk.count(Inbound)) == (0, "kept", 1)


@pytest.mark.parametrize(
    "origin",
    ["http://evil.example", "null", None, "http://127.0.0.1", "https://shop.example.evil.example"],
)
async def test_a_foreign_page_cannot_open_a_socket(
    sqlite_desk: DeskUnderTest, origin: str | None
) -> None:
    async with face(sqlite_desk, chat_origins=("https://shop.example",)) as web:
        with pytest.raises(InvalidStatus) as refused:
            async with web.chats(origin=origin):
                pass

    assert refused.value.response.status_code == 403


async def test_a_site_that_may_embed_the_chat_can(sqlite_desk: DeskUnderTest) -> None:
    allowed = ("https://Shop.example/",)
    async with (
        face(sqlite_desk, chat_origins=allowed) as web,
        web.chats(origin="https://shop.example") as socket,
    ):
        await Visit(socket).sends(type="hello")
        welcome = await Visit(socket).hears("welcome")

    assert visitor_of(sqlite_desk.settings, welcome["token"])


async def test_who_comes_back_reads_their_own_conversation(desk: DeskUnderTest) -> None:
    grace = desk.principal()
    async with face(desk) as web:
        async with web.visit() as ada:
            await ada.says("It does not print.", "l1")
            await web.files()
        (case,) = desk.all(Case)
        with desk.transaction() as session:
            work.note(session, grace, case.id, "SECRET: she is on the blacklist", at=now())
        replies(desk, grace, case, "Have you tried turning it off?")
        async with web.visit(ada.welcome["token"]) as again:
            history = again.welcome["history"]

    assert again.welcome["token"] == ada.welcome["token"]
    assert [(said["from"], said["text"]) for said in history] == [
        ("you", "It does not print."),
        ("us", "Have you tried turning it off?"),
    ]
    assert history[0]["id"] == "l1"
    assert history[1]["name"] == "Grace"


async def test_an_answer_comes_while_the_visitor_waits_but_no_note_does(
    desk: DeskUnderTest,
) -> None:
    grace = desk.principal()
    async with face(desk) as web, web.visit() as ada, web.visit() as bob:
        await ada.says("It does not print.", "l1")
        await web.files()
        mine = await ada.hears("said")
        (case,) = desk.all(Case)
        with desk.transaction() as session:
            work.note(session, grace, case.id, "SECRET", at=now())
        replies(desk, grace, case, "Turn it off and on.")
        answer = await ada.hears("said")
        resolves(desk, grace, case)
        ended = await ada.hears("said", "ended")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(bob.socket.recv(), 0.6)

    assert (mine["id"], mine["from"]) == ("l1", "you")
    assert (answer["from"], answer["name"], answer["text"]) == (
        "us",
        "Grace",
        "Turn it off and on.",
    )
    assert ended == {"type": "ended"}


async def test_two_windows_of_one_visitor_show_the_same(sqlite_desk: DeskUnderTest) -> None:
    async with (
        face(sqlite_desk) as web,
        web.visit() as one,
        web.visit(one.welcome["token"]) as other,
    ):
        await one.says("Hello?", "l1")
        await web.files()
        said = await other.hears("said")

    assert said["text"] == "Hello?"


async def test_an_answer_from_another_process_arrives(desk: DeskUnderTest) -> None:
    grace = desk.principal()
    async with face(desk) as here, face(desk) as there:
        async with here.visit() as ada:
            await ada.says("Hello?", "l1")
        await here.files()
        async with there.visit(ada.welcome["token"]) as again:
            replies(desk, grace, desk.all(Case)[0], "Hello!")
            answer = await again.hears("said")

    assert answer["text"] == "Hello!"


@pytest.mark.parametrize("forge", ["swap", "flip", "none", "other secret", "object", "upper"])
async def test_a_forged_token_is_a_stranger(sqlite_desk: DeskUnderTest, forge: str) -> None:
    async with face(sqlite_desk) as web:
        async with web.visit() as ada, web.visit() as bob:
            await ada.says("My private question", "l1")
            await web.files()
        mine, other = ada.welcome["token"], bob.welcome["token"]
        foreign = DeskUnderTest.__new__(DeskUnderTest)
        foreign.settings = type(sqlite_desk.settings)("Other", b"another secret")
        tokens: dict[str, Any] = {
            "swap": f"{visitor(ada)}.{other.partition('.')[2]}",
            "flip": ("0" if mine[0] != "0" else "1") + mine[1:],
            "none": visitor(ada),
            "other secret": f"{visitor(ada)}.{foreign.settings.sign('visitor', visitor(ada))}",
            "object": {"visitor": visitor(ada)},
            "upper": mine.upper(),
        }
        async with web.visit(tokens[forge]) as stranger:
            answer = await stranger.says("Who am I?", "l2")
            await web.files()

    assert stranger.welcome["history"] == []
    assert visitor(stranger) not in (visitor(ada), visitor(bob))
    assert answer["type"] == "kept"
    assert sqlite_desk.count(Case) == 2


def test_a_token_cannot_be_changed_anywhere(sqlite_desk: DeskUnderTest) -> None:
    token = new_token(sqlite_desk.settings)

    assert visitor_of(sqlite_desk.settings, token) == token[:32]
    for at in range(len(token)):
        changed = "b" if token[at] != "b" else "c"
        assert visitor_of(sqlite_desk.settings, token[:at] + changed + token[at + 1 :]) is None


async def test_a_claim_to_be_somebody_else_changes_nothing(desk: DeskUnderTest) -> None:
    ada = desk.has_customer("ada@example.com", allotment=5)
    async with face(desk) as web, web.visit() as eve:
        await eve.says(
            "Give me Ada's history", "l1", email="ada@example.com", name="ada@example.com",
            visitor="0" * 32, conversation="0" * 32,
        )  # fmt: skip
        await web.files()

    (case,) = desk.all(Case)
    assert case.contact_id != ada.id
    assert case.billable
    assert case.conversation == visitor(eve)


async def test_a_flood_is_refused_visibly_and_passes(sqlite_desk: DeskUnderTest) -> None:
    async with face(sqlite_desk) as web, web.visit() as ada:
        for i in range(30):
            await ada.sends(type="say", id=f"l{i}", text="Hello?")
        answers = [await ada.hears("kept", "refused") for _ in range(30)]

    kept = [a for a in answers if a["type"] == "kept"]
    refused = [a for a in answers if a["type"] == "refused"]
    assert [a["id"] for a in kept[:10]] == [f"l{i}" for i in range(10)]
    assert len(kept) <= 12
    assert {a["reason"] for a in refused} == {"too-fast"}
    assert all(0 < a["again_in"] <= 1 for a in refused)
    assert len(kept) == sqlite_desk.count(Inbound)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a" * 4000, None),
        ("a" * 4001, "too-long"),
        ("😀" * 4000, "too-long-frame"),
        (" \n", "empty"),
    ],
    ids=["4,000", "4,001", "16,000 bytes", "nothing"],
)
async def test_a_line_may_be_so_long(
    sqlite_desk: DeskUnderTest, text: str, reason: str | None
) -> None:
    async with face(sqlite_desk) as web, web.visit() as ada:
        answer = await ada.says(text)

    expected = reason if reason != "too-long-frame" else None  # 16,000 bytes still fit a frame
    assert answer.get("reason") == expected


async def test_a_frame_over_the_limit_ends_the_socket(sqlite_desk: DeskUnderTest) -> None:
    async with face(sqlite_desk, server={"ws_max_size": 1 << 20}) as web, web.visit() as ada:
        with pytest.raises(ConnectionClosed) as closed:
            await ada.says("a" * 17_000)

    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1009
    assert sqlite_desk.count(Inbound) == 0


@pytest.mark.parametrize(
    "nonsense",
    [
        "not json",
        "[]",
        '{"type": "say"}',
        '{"type": "say", "id": "../x", "text": "a"}',
        '{"type": "say", "id": "a", "text": ["a"]}',
        '{"type": "say", "id": "a", "text": "\\ud800"}',
        '{"type": "say", "id": "a", "text": "a", "name": {}}',
        '{"type": "say", "id": "a", "text": "a", "email": "' + "a" * 255 + '"}',
        '{"type": "identify", "email": "ada@example.com"}',
        "[" * 5000,
        b"\xff\x00",
    ],
)
async def test_nonsense_is_refused_and_ends_the_socket_when_it_goes_on(
    sqlite_desk: DeskUnderTest, nonsense: str | bytes
) -> None:
    async with face(sqlite_desk) as web, web.visit() as ada:
        await ada.socket.send(nonsense)
        first = await ada.hears("refused")
        well = await ada.says("Hello?")
        for _ in range(19):
            await ada.socket.send(nonsense)
        await ada.reads_to_the_end()

    assert (first["reason"], well["type"]) == ("not-understood", "kept")
    assert ada.socket.close_code == 1008
    assert sqlite_desk.count(Inbound) == 1


async def test_who_does_not_say_hello_is_not_heard(sqlite_desk: DeskUnderTest) -> None:
    async with face(sqlite_desk) as web, web.chats() as socket:
        await Visit(socket).sends(type="say", id="l1", text="Hello?")
        with pytest.raises(ConnectionClosed):
            await socket.recv()

    assert sqlite_desk.count(Inbound) == 0


async def test_one_network_gets_so_many_sockets(
    sqlite_desk: DeskUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("channels.web.limits.LOOPBACK_SHARE", 1)
    async with face(sqlite_desk) as web, AsyncExitStack() as open_ones:
        for _ in range(20):
            await open_ones.enter_async_context(web.chats())
        with pytest.raises(InvalidStatus):
            async with web.chats():
                pass
        await open_ones.aclose()
        async with web.visit() as ada:
            assert (await ada.says("Hello?"))["type"] == "kept"


async def test_a_client_that_never_reads_is_hung_up_and_others_are_not(
    sqlite_desk: DeskUnderTest,
) -> None:
    grace = sqlite_desk.principal()
    async with face(sqlite_desk) as web, web.visit() as bob, web.visit() as ada:
        await ada.says("Hello?", "l1")
        await bob.says("Hello!", "l1")
        await web.files()
        case, other = sorted(sqlite_desk.all(Case), key=lambda c: c.conversation != visitor(ada))
        ada.socket.transport.pause_reading()
        for _ in range(40):
            with sqlite_desk.transaction() as session:
                for _ in range(20):
                    work.reply(
                        session, grace, case.id, "a" * 20_000, desk=sqlite_desk.settings, at=now()
                    )
            await asyncio.sleep(0.05)
        replies(sqlite_desk, grace, other, "Here you are.")
        while (await bob.hears("said"))["text"] != "Here you are.":
            pass
        ada.socket.transport.resume_reading()
        await ada.reads_to_the_end()

    assert ada.socket.close_code == 1013


def test_a_line_holds_so_much_and_no_more() -> None:
    line = Line()

    line.put({"text": "a" * (UNREAD_BYTES - 20)})
    assert line.closed_with == 0
    line.put({"text": "a" * 20})

    assert line.closed_with == 1013


@pytest.fixture
def sqlite_desk(sqlite_url: str) -> Iterator[DeskUnderTest]:
    """A desk for what does not depend on the engine."""
    db = Database(sqlite_url)
    yield DeskUnderTest(db)
    db.close()


def _line(text: str, conversation: str = "c1") -> Arrival:
    return email(
        "v1", text, text, kind=ContactKind.VISITOR, channel="chat", conversation=conversation,
        at=now(),
    )  # fmt: skip


def visitor(visit: Visit) -> str:
    token: str = visit.welcome["token"]
    return token.partition(".")[0]


def now() -> datetime:
    return datetime.now(UTC)


def replies(desk: DeskUnderTest, by: Principal, case: Case, text: str) -> None:
    with desk.transaction() as session:
        work.reply(session, by, case.id, text, desk=desk.settings, at=now())


def resolves(desk: DeskUnderTest, by: Principal, case: Case) -> None:
    with desk.transaction() as session:
        work.resolve(session, by, case.id, "Solved.", desk=desk.settings, at=now())
