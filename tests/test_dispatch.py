"""The way out: each promise is kept at least once, with the same id, or a person is told."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import Message as Mail
from pathlib import Path
from uuid import UUID

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session
from sqlalchemy import update
from structlog.testing import capture_logs

from channels import dispatch
from channels.dispatch import Dispatch
from intake import work
from intake.agents import SYSTEM
from intake.cases import Case
from intake.events import Delivery, DeliveryState, Event
from intake.settings import Settings
from tests.desk import DeskUnderTest, email


class Peer:
    """A mail server that answers as the test says, and remembers what it took."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.took: list[Mail] = []

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        self.took.append(message_from_bytes(envelope.content or b""))
        return self.answers.pop(0) if self.answers else "250 taken"


@contextmanager
def listening(peer: Peer) -> Iterator[str]:
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(loop.create_server(lambda: SMTP(peer), "127.0.0.1", 0))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield f"smtp+plain://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.fixture
def promised(desk: DeskUnderTest) -> UUID:
    """A reply that waits to be sent; the delivery's id."""
    desk.queue.acknowledge = False
    with desk.transaction() as session:
        session.merge(desk.queue)
    grace = desk.principal()
    [receipt] = desk.accepts(email("ada@example.com"))
    assert receipt.case is not None
    with desk.transaction() as session:
        work.reply(
            session, grace, receipt.case.id, "Hello", desk=desk.settings, at=datetime.now(UTC)
        )
    [delivery] = desk.all(Delivery)
    return UUID(str(delivery.id))


def settings(url: str, tmp_path: Path) -> Settings:
    return Settings(outgoing_smtp=url, data_dir=tmp_path)


def delivery_of(desk: DeskUnderTest, id: UUID) -> Delivery:
    with desk.db.reading() as session:
        return session.get_one(Delivery, id)


def send(desk: DeskUnderTest, url: str, tmp_path: Path, *, later: timedelta = timedelta()) -> int:
    sender = Dispatch(desk.db, settings(url, tmp_path), desk.settings)
    try:
        return sender.send_due(at=datetime.now(UTC) + later)
    finally:
        sender.close()


def test_a_promise_is_kept_once(desk: DeskUnderTest, promised: UUID, tmp_path: Path) -> None:
    peer = Peer()

    with listening(peer) as url:
        tried = [send(desk, url, tmp_path), send(desk, url, tmp_path, later=timedelta(days=1))]

    delivery = delivery_of(desk, promised)
    assert tried == [1, 0]
    assert delivery.state is DeliveryState.SENT
    assert [mail["Message-ID"] for mail in peer.took] == [f"<{delivery.payload['message_id']}>"]


def test_a_peer_that_says_later_is_asked_later(
    desk: DeskUnderTest, promised: UUID, tmp_path: Path
) -> None:
    peer = Peer("451 come back", "250 taken")

    with listening(peer) as url:
        send(desk, url, tmp_path)
        waiting = delivery_of(desk, promised)
        at_once = send(desk, url, tmp_path)
        after_a_while = send(desk, url, tmp_path, later=timedelta(minutes=2))

    assert waiting.state is DeliveryState.DUE
    assert "451" in waiting.error
    assert (at_once, after_a_while) == (0, 1)
    assert delivery_of(desk, promised).state is DeliveryState.SENT
    assert len({mail["Message-ID"] for mail in peer.took}) == 1


def test_a_refusal_is_told_on_the_case(desk: DeskUnderTest, promised: UUID, tmp_path: Path) -> None:
    peer = Peer("550 no such user")

    with listening(peer) as url:
        send(desk, url, tmp_path)

    delivery = delivery_of(desk, promised)
    assert delivery.state is DeliveryState.FAILED
    assert "550" in delivery.error
    [event] = [e for e in desk.all(Event) if e.kind == "delivery.failed"]
    assert event.case_id == delivery.case_id
    [case] = desk.all(Case)
    assert case.first_response_at is None


def test_nobody_there_means_later_and_after_five_days_a_person_is_told(
    desk: DeskUnderTest, promised: UUID, tmp_path: Path
) -> None:
    nobody = "smtp+plain://127.0.0.1:9"

    send(desk, nobody, tmp_path)
    soon = delivery_of(desk, promised)
    with desk.transaction() as session:
        long_ago = datetime.now(UTC) - timedelta(days=6)
        session.execute(update(Delivery).values(promised_at=long_ago, due_at=long_ago))
    send(desk, nobody, tmp_path)

    assert soon.state is DeliveryState.DUE
    late = delivery_of(desk, promised)
    assert late.state is DeliveryState.FAILED
    assert late.error.startswith("given up: ")


def test_a_crash_after_sending_sends_the_same_mail_again(
    desk: DeskUnderTest, promised: UUID, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    peer = Peer()

    with listening(peer) as url:
        with monkeypatch.context() as crash:
            crash.setattr(Dispatch, "_sent", lambda *_args: None)
            send(desk, url, tmp_path)
        too_early = send(desk, url, tmp_path)
        send(desk, url, tmp_path, later=timedelta(minutes=6))

    assert too_early == 0
    assert len(peer.took) == 2
    assert len({mail["Message-ID"] for mail in peer.took}) == 1
    assert delivery_of(desk, promised).state is DeliveryState.SENT


def test_only_what_was_given_up_is_tried_again(
    desk: DeskUnderTest, promised: UUID, tmp_path: Path
) -> None:
    grace = desk.principal("Luis")
    peer = Peer("550 no such user")

    with listening(peer) as url:
        with pytest.raises(work.NotGivenUp, match="due"), desk.transaction() as session:
            work.retry_delivery(session, grace, promised, at=datetime.now(UTC))
        send(desk, url, tmp_path)
        with desk.transaction() as session:
            work.retry_delivery(session, grace, promised, at=datetime.now(UTC))
        send(desk, url, tmp_path)
        with pytest.raises(work.NotGivenUp, match="sent"), desk.transaction() as session:
            work.retry_delivery(session, grace, promised, at=datetime.now(UTC))
        send(desk, url, tmp_path)

    answers = [mail for mail in peer.took if not mail["Auto-Submitted"]]
    assert len(answers) == 2  # refused once, taken once; who wrote it was told


def test_two_dispatchers_send_each_promise_once(
    desk: DeskUnderTest, promised: UUID, tmp_path: Path
) -> None:
    grace = desk.principal("Luis")
    [case] = desk.all(Case)
    for number in range(30):
        with desk.transaction() as session:
            work.reply(
                session,
                grace,
                case.id,
                f"Reply {number}",
                desk=desk.settings,
                at=datetime.now(UTC),
            )
    peer = Peer()

    with listening(peer) as url:
        at_once = [
            threading.Thread(target=lambda: [send(desk, url, tmp_path) for _ in range(4)])
            for _ in range(2)
        ]
        for thread in at_once:
            thread.start()
        for thread in at_once:
            thread.join()

    assert len(peer.took) == 31
    assert len({mail["Message-ID"] for mail in peer.took}) == 31


def test_what_waited_until_another_took_it_over_is_left_to_them(
    desk: DeskUnderTest, promised: UUID, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    [case] = desk.all(Case)
    with desk.transaction() as session:
        work.reply(session, SYSTEM, case.id, "Again", desk=desk.settings, at=datetime.now(UTC))
    monkeypatch.setattr(dispatch, "AT_ONCE", 1)
    monkeypatch.setattr(dispatch, "RENEWED_AFTER_SECONDS", 0.0)

    class SlowOnce(Peer):
        """Answers the first mail only when somebody else has sent whatever was due by then."""

        async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
            answer = await super().handle_DATA(server, session, envelope)
            if len(self.took) == 1:
                await asyncio.to_thread(send, desk, url, tmp_path, later=timedelta(minutes=6))
            return answer

    peer = SlowOnce()
    with listening(peer) as url:
        send(desk, url, tmp_path)

    texts = [str(mail.get_payload()).strip() for mail in peer.took]
    assert sorted(texts) == ["Again", "Hello", "Hello"]  # the slow one may come twice


def test_what_a_mail_server_says_is_logged_without_addresses(
    desk: DeskUnderTest, promised: UUID, tmp_path: Path
) -> None:
    peer = Peer("550 5.1.1 <ada@example.com>: no such user")

    with capture_logs() as lines, listening(peer) as url:
        send(desk, url, tmp_path)

    [refused] = [line for line in lines if line["event"] == "delivery refused"]
    assert refused["why"] == "550 5.1.1 <…@…>: no such user"
    assert "ada@example.com" in delivery_of(desk, promised).error


def test_without_a_mail_server_mails_are_files(
    desk: DeskUnderTest, promised: UUID, tmp_path: Path
) -> None:
    send(desk, f"file://{tmp_path / 'outbox'}", tmp_path)

    [file] = (tmp_path / "outbox").glob("*.eml")
    assert b"Subject: Re: Printer offline" in file.read_bytes()
