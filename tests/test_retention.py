"""What is kept no longer than the desk says, and what a case shows, which stays for ever."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from intake import agents, clock, events, inbound, retention, webhooks, work
from intake.agents import Principal, Role, SignIn, SignInLink
from intake.cases import Activity, Attachment, Direction
from intake.desk import Desk
from intake.events import Delivery, DeliveryState, Event
from intake.inbound import Inbound, State
from tests.desk import NOON, SUPPORT, DeskUnderTest
from tests.plans import plan
from tests.promised import open_case

DAY = timedelta(days=1)


@pytest.fixture
def grace(desk: DeskUnderTest) -> Principal:
    return desk.principal("Grace")


def keeps(desk: DeskUnderTest, **days: int) -> Desk:
    return replace(desk.settings, **days)


def kept(desk: DeskUnderTest, state: State, case_id: UUID | None = None, files: int = 0) -> UUID:
    """The id of a message of ours in that state, with so many files in its case."""
    raw = f"{state} {case_id} {files}".encode()
    row = Inbound(
        id=events.new_id(), channel="email", mailbox=SUPPORT, content_key=inbound.mail_key(raw),
        raw=raw, size_bytes=len(raw), envelope={}, received_at=NOON, state=state, case_id=case_id,
    )  # fmt: skip
    with desk.transaction() as session:
        session.add(row)
        if files:
            incoming = Activity.direction == Direction.INCOMING
            [said] = session.scalars(select(Activity).where(Activity.case_id == case_id, incoming))
            said.inbound_id = row.id
            session.add(
                Attachment(
                    activity_id=said.id, part=1, name="a.png", content_type="image/png",
                    size_bytes=3, sha256="0" * 64,
                )
            )  # fmt: skip
    return row.id


def ticks(desk: DeskUnderTest, settings: Desk, at: datetime) -> dict[str, int]:
    """What retention moved, when it was asked for whether anything is due at all."""
    with desk.transaction() as session:
        if not clock.any_due(session, settings, at=at):
            return {}
        moved = clock.tick(session, settings, at=at).moved
    return {name: count for name, count in moved.items() if count}


def raws(desk: DeskUnderTest) -> dict[UUID, bytes]:
    with desk.db.reading() as session:
        return dict(session.execute(select(Inbound.id, Inbound.raw)).all())


def facts(desk: DeskUnderTest, kind: str) -> list[dict[str, Any]]:
    return [each.data for each in desk.all(Event) if each.kind == kind]


def test_all_is_kept_for_ever_unless_the_desk_says_otherwise(
    desk: DeskUnderTest, grace: Principal
) -> None:
    case_id = open_case(desk)
    with desk.transaction() as session:
        work.cancel(session, grace, case_id, "Spam", desk=desk.settings, at=NOON)
    for state in (State.FILTERED, State.QUARANTINED, State.FILED):
        kept(desk, state, case_id)

    assert ticks(desk, desk.settings, NOON + 9999 * DAY) == {}
    assert all(raws(desk).values())


def test_mail_that_was_set_aside_loses_its_bytes_and_the_fact_stays(
    desk: DeskUnderTest,
) -> None:
    spam = kept(desk, State.FILTERED)
    unread = kept(desk, State.QUARANTINED)
    settings = keeps(desk, keep_filtered_days=30)

    early = ticks(desk, settings, NOON + 29 * DAY)
    due = ticks(desk, settings, NOON + 30 * DAY)
    again = ticks(desk, settings, NOON + 31 * DAY)

    assert (early, due, again) == ({}, {"filtered mail": 1}, {})
    assert raws(desk)[spam] == b""
    assert raws(desk)[unread] != b""
    [fact] = facts(desk, "inbound.raw_dropped")
    assert (fact["inbound"], fact["because"]) == (str(spam), "set aside 30 days ago")


def test_mail_of_closed_cases_goes_but_for_what_a_case_shows(
    desk: DeskUnderTest, grace: Principal
) -> None:
    still_open, plain, with_file = (open_case(desk) for _ in range(3))
    for case_id in (plain, with_file):
        with desk.transaction() as session:
            work.resolve(session, grace, case_id, "Done.", desk=desk.settings, at=NOON + 10 * DAY)
    rows = {case_id: kept(desk, State.FILED, case_id) for case_id in (still_open, plain)}
    shown = kept(desk, State.FILED, with_file, files=1)
    settings = keeps(desk, keep_closed_mail_days=30)

    early = ticks(desk, settings, NOON + 39 * DAY)
    due = ticks(desk, settings, NOON + 40 * DAY)
    again = ticks(desk, settings, NOON + 41 * DAY)

    assert (early, due, again) == ({}, {"closed mail": 2}, {})
    left = raws(desk)
    assert (left[rows[plain]], left[rows[still_open]] != b"", left[shown] != b"") == (
        b"", True, True,
    )  # fmt: skip
    assert [fact["inbound"] for fact in facts(desk, "inbound.raw_dropped")] == [str(rows[plain])]


def test_letters_are_left_to_the_story_of_their_case(desk: DeskUnderTest, grace: Principal) -> None:
    case_id = open_case(desk)
    with desk.transaction() as session:
        said = work.reply(session, grace, case_id, "Try again.", desk=desk.settings, at=NOON)
    with desk.transaction() as session:
        for letter in session.scalars(select(Delivery)):
            letter.state, letter.sent_at = DeliveryState.SENT, NOON
        session.add(
            Delivery(
                channel="email", kind="reply", effect_key="failed", payload={"subject": "Hi"},
                state=DeliveryState.FAILED, promised_at=NOON, due_at=NOON,
            )
        )  # fmt: skip

    moved = ticks(desk, keeps(desk, keep_sent_days=90), NOON + 90 * DAY)

    assert moved.pop("sent mail") == desk.count(Delivery) - 1
    left = {letter.effect_key: letter.payload for letter in desk.all(Delivery)}
    assert left.pop("failed") == {"subject": "Hi"}
    assert set(map(str, left.values())) == {"{}"}
    assert next(a.text for a in desk.all(Activity) if a.id == said.id) == "Try again."
    assert len(facts(desk, "deliveries.forgotten")) == 1


def test_what_webhooks_said_goes_and_what_they_told_of_stays(desk: DeskUnderTest) -> None:
    root = desk.principal("Root", Role.ADMINISTRATOR)
    with desk.transaction() as session:
        endpoint = webhooks.register(
            session, root, url="https://x.example/", kinds=["case.*"], desk=desk.settings, at=NOON
        )
    open_case(desk)
    with desk.transaction() as session:
        said = webhooks.promise_call(
            session, endpoint.id, "sla.noncompliant", {"kpi": "Ada's"}, effect_key="x", at=NOON
        )
        assert said is not None
        calls = session.scalars(select(Delivery).where(Delivery.channel == "webhook")).all()
        for call in calls:
            ended = DeliveryState.SENT if call.event_sequence else DeliveryState.FAILED
            call.state, call.response, call.error = ended, "200 Ada", "Ada"
            session.add(webhooks.Try(delivery_id=call.id, at=NOON, took_ms=1, status=5, said="Ada"))
        waiting = webhooks.send_test(session, root, endpoint.id, at=NOON)
    settings = keeps(desk, keep_calls_days=30)

    early = ticks(desk, settings, NOON + 29 * DAY)
    moved = ticks(desk, settings, NOON + 30 * DAY)
    again = ticks(desk, settings, NOON + 31 * DAY)

    assert [each.get("webhook calls", 0) for each in (early, moved, again)] == [0, len(calls), 0]
    after = {d.id: d for d in desk.all(Delivery) if d.channel == "webhook"}
    assert after.pop(waiting.id).payload["body"]["data"] == {"asked_by": "Root"}
    assert "Ada" not in str([(d.payload, d.response, d.error) for d in after.values()])
    assert {each.said for each in desk.all(webhooks.Try)} == {""}
    with desk.transaction() as session:
        told = next(id for id, row in after.items() if row.event_sequence)
        body = webhooks.body_of(session.get_one(Delivery, told), "")
        assert body["kind"].startswith("case.")
        assert body["data"]
        assert (
            webhooks.body_of(session.get_one(Delivery, said.id), "")["kind"] == "sla.noncompliant"
        )
        assert webhooks.send_again(session, root, told, at=NOON).forgotten_at is None
        with pytest.raises(webhooks.Forgotten):
            webhooks.send_again(session, root, said.id, at=NOON)


def test_sessions_and_links_go_when_they_have_ended(desk: DeskUnderTest) -> None:
    agent = desk.has_agent()
    with desk.transaction() as session:
        found = session.merge(agent)
        for number, at in enumerate((NOON, NOON + DAY)):
            agents.sign_in_link(session, found, at=at, lasts=timedelta(minutes=15))
            session.add(SignIn(digest=f"{number}", agent_id=found.id, created_at=at, used_at=at))

    moved = ticks(desk, desk.settings, NOON + DAY)

    assert moved == {"sign-in links": 1, "sign-ins": 1}
    assert [each.digest for each in desk.all(SignIn)] == ["1"]
    assert desk.count(SignInLink) == 1
    assert [facts(desk, f"{kind}.forgotten") for kind in ("sign_in_links", "sign_ins")] == [
        [{"count": 1}], [{"count": 1}],
    ]  # fmt: skip


def test_what_may_go_is_found_by_index(desk: DeskUnderTest) -> None:
    settings = keeps(
        desk, keep_filtered_days=1, keep_closed_mail_days=1, keep_sent_days=1, keep_calls_days=1
    )

    for due, order, index in (
        (retention.filtered_due, Inbound.received_at, "ix_inbound_droppable"),
        (retention.closed_due, Inbound.received_at, "ix_inbound_droppable"),
        (retention.letters_due, Delivery.sent_at, "ix_deliveries_kept"),
        (webhooks.forgetting.due, Delivery.promised_at, "ix_deliveries_called"),
        (retention.links_due, SignInLink.expires_at, "ix_sign_in_links_expires_at"),
    ):
        found = plan(desk, due(settings, NOON).order_by(order).limit(200))
        assert index in found, found
        assert "TEMP B-TREE" not in found
