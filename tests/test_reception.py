"""The way in: what was kept is filed once, or set aside where a person sees it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import OperationalError

from channels import reception
from channels.journal import Arrived, Journal, StorageFull, keep
from channels.reception import Reception
from channels.sandbox import Sandbox, Unreadable
from intake import inbound
from intake.cases import Activity, Case
from intake.db import Database
from intake.inbound import Inbound, State
from intake.messages import Message
from kb.suggestions import Library
from tests.conftest import fresh_postgres
from tests.desk import NOON, SUPPORT, DeskUnderTest


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as one:
        yield one


@pytest.fixture
def way_in(desk: DeskUnderTest, sandbox: Sandbox) -> Reception:
    return Reception(desk.db, sandbox, desk.settings, Library())


def mail(
    number: int = 1, *, sender: str = "ada@example.com", text: str = "Hello", mailbox: str = SUPPORT
) -> Arrived:
    raw = (
        f"From: {sender}\r\nTo: {mailbox}\r\nSubject: Case {number}\r\n"
        f"Message-ID: <{number}@example.com>\r\n\r\n{text}\r\n"
    ).encode()
    return Arrived("email", mailbox, raw, {"mail_from": sender, "rcpt_to": [mailbox]}, NOON)


def states(desk: DeskUnderTest) -> dict[State, int]:
    with desk.db.reading() as session:
        return {state: n for state, n in inbound.account_of(session).items() if n}


def test_what_is_kept_is_filed_with_its_case(desk: DeskUnderTest, way_in: Reception) -> None:
    keep(desk.db, [mail()])

    account = way_in.file(at=NOON)

    assert (account.filed, account.cases_opened) == (1, 1)
    [row] = desk.all(Inbound)
    [case] = desk.all(Case)
    assert (row.state, row.case_id, case.subject) == (State.FILED, case.id, "Case 1")


def test_the_same_mail_again_is_the_same_case(desk: DeskUnderTest, way_in: Reception) -> None:
    again = mail()
    relayed = Arrived(
        "email",
        SUPPORT,
        b"Received: from another\r\n\tby us; later\r\nReturn-Path: <ada@example.com>\r\n"
        + again.raw,
        again.envelope,
        NOON,
    )

    ids = [keep(desk.db, [one])[0] for one in (mail(), again, relayed)]
    way_in.file(at=NOON)

    assert ids[0] is not None
    assert ids[1:] == [None, None]
    assert desk.count(Activity) == 1
    [row] = desk.all(Inbound)
    assert row.copies == 2


def test_the_same_mail_fifty_times_at_once_is_one_message(
    desk: DeskUnderTest, way_in: Reception
) -> None:
    def deliver() -> None:
        for _ in range(5):
            keep(desk.db, [mail()])

    threads = [threading.Thread(target=deliver) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    way_in.file(at=NOON)

    [row] = desk.all(Inbound)
    assert row.copies == 49
    assert desk.count(Activity) == 1


def test_two_mailboxes_each_have_their_copy(desk: DeskUnderTest, way_in: Reception) -> None:
    desk.has_queue("Billing", address="billing@desk.example")
    one = mail()
    other = Arrived("email", "billing@desk.example", one.raw, one.envelope, NOON)

    keep(desk.db, [one, other])
    way_in.file(at=NOON)

    assert desk.count(Inbound) == 2
    assert desk.count(Activity) == 2


def test_two_different_mails_with_one_message_id_are_both_kept(
    desk: DeskUnderTest, way_in: Reception
) -> None:
    keep(
        desk.db, [mail(1, text="the real one"), mail(1, text="another", sender="eve@evil.example")]
    )

    way_in.file(at=NOON)

    assert {activity.text.strip() for activity in desk.all(Activity)} == {"the real one", "another"}


def test_a_mail_that_kills_its_reader_is_quarantined_after_three_tries_and_alone(
    desk: DeskUnderTest,
) -> None:
    with Sandbox(faults=True) as fragile:
        way_in = Reception(desk.db, fragile, desk.settings, Library())
        poison = mail(13)
        poison.envelope["fault"] = "segfault"
        keep(desk.db, [mail(1), poison, mail(2)])

        for minute in range(5):
            way_in.file(at=NOON + timedelta(minutes=minute))

    assert states(desk) == {State.FILED: 2, State.QUARANTINED: 1}
    [row] = [row for row in desk.all(Inbound) if row.state is State.QUARANTINED]
    assert row.attempts == inbound.ATTEMPTS
    assert row.reason.startswith("unreadable: ")


def test_a_quarantined_mail_can_be_tried_again(desk: DeskUnderTest, way_in: Reception) -> None:
    keep(desk.db, [mail()])
    with desk.transaction() as session:
        session.execute(update(Inbound).values(state=State.QUARANTINED, attempts=3))

    with desk.transaction() as session:
        assert inbound.retry_all(session) == 1
    way_in.file(at=NOON)

    assert states(desk) == {State.FILED: 1}


def test_one_mail_that_cannot_be_filed_does_not_hold_up_its_neighbours(
    desk: DeskUnderTest, way_in: Reception, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = reception.accept

    def stumble(session: Any, arrivals: Any, settings: Any) -> Any:
        if any(a.message.subject == "Case 2" for a in arrivals):
            raise ValueError("a rule of ours is broken")
        return real(session, arrivals, settings)

    monkeypatch.setattr(reception, "accept", stumble)
    keep(desk.db, [mail(1), mail(2), mail(3)])

    for minute in range(5):
        way_in.file(at=NOON + timedelta(minutes=minute))

    assert states(desk) == {State.FILED: 2, State.QUARANTINED: 1}
    assert desk.count(Case) == 2


def test_a_worker_that_lost_its_claim_writes_nothing(
    desk: DeskUnderTest, way_in: Reception
) -> None:
    keep(desk.db, [mail()])

    class Slow(Sandbox):
        """While it reads, the lease ends and another worker files the message."""

        def parse_all(self, items: Any) -> list[Message | Unreadable]:
            later = NOON + inbound.LEASE + timedelta(seconds=1)
            way_in.file(at=later)
            return super().parse_all(items)

    with Slow() as slow:
        Reception(desk.db, slow, desk.settings, Library()).file(at=NOON)

    assert states(desk) == {State.FILED: 1}
    assert desk.count(Case) == 1


def test_a_claim_left_by_a_crash_is_taken_up_when_its_lease_ends(
    desk: DeskUnderTest, way_in: Reception
) -> None:
    keep(desk.db, [mail()])
    with desk.transaction() as session:
        inbound.claim(session, at=NOON, limit=10)

    too_early = way_in.file(at=NOON + timedelta(seconds=30))
    later = way_in.file(at=NOON + inbound.LEASE)

    assert (too_early.taken, later.filed) == (0, 1)


def test_four_workers_file_two_hundred_mails_once_each(desk: DeskUnderTest) -> None:
    keep(desk.db, [mail(number, sender=f"user{number}@example.com") for number in range(200)])

    def work() -> None:
        with Sandbox() as sandbox:
            way_in = Reception(desk.db, sandbox, desk.settings, Library())
            while way_in.file(at=NOON).taken:
                pass

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert states(desk) == {State.FILED: 200}
    assert desk.count(Activity) == 200
    assert desk.count(Case) == 200


def test_mail_that_meets_a_held_lock_waits_and_is_never_quarantined(
    postgres_url: str, sandbox: Sandbox
) -> None:
    db = Database(fresh_postgres(postgres_url))
    desk = DeskUnderTest(db)
    way_in = Reception(db, sandbox, desk.settings, Library())
    keep(db, [mail()])

    with db.engine.connect() as other, other.begin():
        other.execute(text("SELECT * FROM counters FOR UPDATE"))
        tried = [way_in.file(at=NOON + timedelta(minutes=minute)) for minute in range(3)]
    filed = way_in.file(at=NOON + timedelta(minutes=9))

    assert [account.postponed for account in tried] == [1, 1, 1]
    assert filed.filed == 1
    [row] = desk.all(Inbound)
    assert row.attempts == 1
    db.close()


def test_an_outage_costs_a_message_no_attempt(
    desk: DeskUnderTest, way_in: Reception, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(desk.db, [mail()])

    def gone(*_args: Any, **_kwargs: Any) -> None:
        raise OperationalError("insert", {}, Exception("server closed the connection"))

    for minute in range(5):
        with monkeypatch.context() as outage:
            outage.setattr(reception, "accept", gone)
            with pytest.raises(OperationalError):
                way_in.file(at=NOON + timedelta(minutes=3 * minute))
    account = way_in.file(at=NOON + timedelta(minutes=30))

    assert account.filed == 1


async def test_known_mailboxes_are_told_from_memory_while_the_database_is_away(
    desk: DeskUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(desk.db)
    assert journal.mailbox_for(SUPPORT) == SUPPORT

    def away(*_args: Any) -> None:
        raise OperationalError("select", {}, Exception("no answer"))

    monkeypatch.setattr("channels.journal.queues.every", away)
    monkeypatch.setattr("channels.journal.MAILBOXES_FRESH_SECONDS", 0.0)

    assert journal.mailbox_for(SUPPORT) == SUPPORT
    with pytest.raises(OperationalError):
        journal.mailbox_for("other@desk.example")
    await journal.close()


def test_replaying_every_raw_message_gives_the_same_cases(
    desk: DeskUnderTest, way_in: Reception
) -> None:
    desk.has_customer("ada@example.com", allotment=3)
    keep(
        desk.db, [mail(n, sender=f"{who}@example.com") for n, who in enumerate(["ada", "bob"] * 6)]
    )
    way_in.file(at=NOON)
    before = picture(desk)

    forget(desk)
    way_in.file(at=NOON)

    assert picture(desk) == before


def picture(desk: DeskUnderTest) -> list[tuple[Any, ...]]:
    """What the customers' messages made, without our own ids."""
    return sorted(
        (case.subject, case.decision["refusal"] or "", case.billable, case.opened_at)
        for case in desk.all(Case)
    )


def forget(desk: DeskUnderTest) -> None:
    """Undo everything but the raw messages and what was there before them."""
    from intake.db import Base
    from intake.entitlements import Entitlement, EntryKind, LedgerEntry

    kept = {"inbound", "queues", "counters", "accounts", "account_domains", "contacts"}
    kept |= {"contact_points", "entitlements", "channel_allotments", "ledger_entries"}
    with desk.transaction() as session:
        session.execute(
            update(Inbound).values(state=State.PENDING, attempts=0, case_id=None, claim=None)
        )
        session.execute(LedgerEntry.__table__.delete().where(LedgerEntry.kind != EntryKind.GRANT))
        session.execute(update(Entitlement).values(remaining=Entitlement.total))
        for table in reversed(Base.metadata.sorted_tables):
            if table.name not in kept:
                session.execute(table.delete())


async def test_the_journal_keeps_what_arrives_together_in_one_commit(
    desk: DeskUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    commits = 0
    real = keep

    def counted(*args: Any, **kwargs: Any) -> Any:
        nonlocal commits
        commits += 1
        return real(*args, **kwargs)

    monkeypatch.setattr("channels.journal.keep", counted)
    journal = Journal(desk.db)

    await asyncio.gather(*(journal.keep(mail(n)) for n in range(40)))
    await journal.close()

    assert desk.count(Inbound) == 40
    assert commits <= 3


async def test_one_arrival_that_cannot_be_written_fails_alone(desk: DeskUnderTest) -> None:
    journal = Journal(desk.db)
    bad = Arrived("email", SUPPORT, b"x", {"unspeakable": object()}, datetime(2026, 1, 1))  # noqa: DTZ001

    results = await asyncio.gather(
        journal.keep(mail(1)), journal.keep(bad), journal.keep(mail(2)), return_exceptions=True
    )
    await journal.close()

    assert [type(r) is type(None) for r in results] == [True, False, True]
    assert desk.count(Inbound) == 2


async def test_a_database_that_is_away_is_a_failure_the_sender_hears_of(
    desk: DeskUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_args: Any, **_kwargs: Any) -> None:
        raise OperationalError("insert", {}, Exception("server closed the connection"))

    monkeypatch.setattr(inbound, "keep", away)
    journal = Journal(desk.db)

    with pytest.raises(OperationalError):
        await journal.keep(mail())
    await journal.close()


def test_a_nearly_full_disk_takes_nothing(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    db = Database(sqlite_url)
    with pytest.raises(StorageFull):
        _with_free_space(db, monkeypatch, free_bytes=100_000, reserve_bytes=500_000)
    assert _with_free_space(db, monkeypatch, free_bytes=900_000, reserve_bytes=500_000)
    db.close()


def _with_free_space(
    db: Database, monkeypatch: pytest.MonkeyPatch, *, free_bytes: int, reserve_bytes: int
) -> list[UUID | None]:
    class Space:
        f_blocks, f_frsize, f_bavail = 1_000_000_000, 1, free_bytes

    monkeypatch.setattr("channels.journal.os.statvfs", lambda _path: Space)
    return keep(db, [mail(free_bytes)], reserve_bytes=reserve_bytes)


def test_what_json_cannot_hold_in_an_envelope_is_cleaned(desk: DeskUnderTest) -> None:
    odd = mail()
    odd.envelope["mail_from"] = "a\0b\udce9@example.com"

    keep(desk.db, [odd])

    with desk.db.reading() as session:
        [envelope] = session.scalars(select(Inbound.envelope))
    assert envelope["mail_from"] == "a�b?@example.com"
