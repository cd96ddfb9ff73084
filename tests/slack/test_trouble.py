"""Slack that is slow, away or refuses, and a socket that is closed."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from pydantic import SecretStr
from sqlalchemy import select
from starlette.responses import Response

from channels.dispatch import Dispatch
from channels.slack import socket_mode
from intake import work
from intake.events import Delivery, DeliveryState
from intake.settings import Settings, WrongSettings
from tests import slack_stand_in
from tests.desk import DeskUnderTest, email
from tests.slack.at_work import GRACE, Told, a_case, events, listening, now
from tests.slack_stand_in import SlackStandIn

# Slack in trouble


def test_slack_that_is_too_busy_is_asked_again_when_it_says(
    desk: DeskUnderTest, slack: SlackStandIn, settings: Settings
) -> None:
    desk.accepts(email(at=now()))
    slack.troubles.append(slack_stand_in.rate_limited(1800))
    dispatch = Dispatch(desk.db, settings, desk.settings)

    dispatch.send_due(at=now())
    dispatch.send_due(at=now() + timedelta(seconds=1700))
    [card] = [d for d in desk.all(Delivery) if d.kind == "card"]
    waits_seconds = (card.due_at - now()).total_seconds()
    dispatch.send_due(at=now() + timedelta(seconds=1900))
    dispatch.close()

    assert 1790 < waits_seconds <= 1800
    assert slack.calls == ["chat.postMessage", "chat.postMessage"]
    assert len(slack.cards) == 1


def test_what_is_said_waits_for_what_was_said_before(
    desk: DeskUnderTest, slack: SlackStandIn, settings: Settings, told: Told
) -> None:
    desk.accepts(email(message_id="one@example.com", at=now()))
    slack.troubles.append(Response(status_code=500))
    for number in (1, 2, 3):
        desk.accepts(email(text=f"Line {number}", in_reply_to="one@example.com", at=now()))

    told()
    assert slack.messages == []
    for minutes in range(2, 6):
        told(timedelta(minutes=minutes))

    [card] = slack.cards
    assert [message.shows.splitlines()[-1] for message in slack.below(card)] == [
        "Line 1", "Line 2", "Line 3",
    ]  # fmt: skip


def test_a_case_without_a_card_in_sight_does_not_hold_up_the_next(
    desk: DeskUnderTest, slack: SlackStandIn, told: Told
) -> None:
    del slack.channels["#support"]
    [receipt] = desk.accepts(email(message_id="one@example.com", at=now()))
    told()
    slack.channels["#support"] = "C0SUPPORT"

    desk.accepts(email(text="Hello?", in_reply_to="one@example.com", at=now()))
    told()

    [failed] = events(desk, "delivery.failed")
    assert receipt.case is not None
    assert failed.case_id == receipt.case.id
    assert "was the app invited?" in failed.data["reason"]
    assert "Hello?" in slack.cards[0].shows


def test_a_card_that_was_posted_is_never_posted_again(
    desk: DeskUnderTest, slack: SlackStandIn, told: Told
) -> None:
    case = a_case(desk, told)
    with desk.transaction() as session:
        [card] = session.scalars(select(Delivery).where(Delivery.kind == "card"))
        # As if the process had died before it could note that the card was posted.
        card.state, card.due_at = DeliveryState.DUE, now()
        assert card.case_id == case.id

    told()

    assert len(slack.messages) == 1
    assert slack.messages[0].edits == 1


def test_many_acts_at_once_are_shown_by_one_change_of_the_card(
    desk: DeskUnderTest, slack: SlackStandIn, told: Told
) -> None:
    case = a_case(desk, told)
    ivan = desk.principal("Ivan")

    with desk.transaction() as session:
        for _ in range(5):
            work.note(session, ivan, case.id, "Hm.", at=now())
            work.pick(session, ivan, case.id, at=now())
    told()

    assert slack.cards[0].edits == 1
    assert "*Worked on by*\nIvan" in slack.cards[0].shows


def test_a_card_that_somebody_deleted_is_no_failure(
    desk: DeskUnderTest, slack: SlackStandIn, told: Told
) -> None:
    case = a_case(desk, told)
    slack.messages.clear()
    ivan = desk.principal("Ivan")

    with desk.transaction() as session:
        work.pick(session, ivan, case.id, at=now())
    told()

    assert events(desk, "delivery.failed") == []


# The socket


def test_a_socket_that_is_closed_is_opened_again(
    desk: DeskUnderTest,
    slack: SlackStandIn,
    told: Told,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(socket_mode, "LOOK_SECONDS", 0.5)
    a_case(desk, told)
    with listening(desk, settings):
        slack.wait_for_socket()
        slack.drop_socket()

        slack.press(slack.cards[0], "take", user=GRACE)

    assert slack.sockets_opened == 2
    assert len(events(desk, "case.picked")) == 1


def test_a_socket_that_slack_refuses_is_asked_for_again(
    desk: DeskUnderTest,
    slack: SlackStandIn,
    told: Told,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(socket_mode, "TRY_AGAIN_SECONDS", 0.05)
    a_case(desk, told)
    slack.troubles += ["invalid_auth", slack_stand_in.rate_limited(1)]

    with listening(desk, settings):
        slack.press(slack.cards[0], "take", user=GRACE)

    assert len(events(desk, "case.picked")) == 1


def test_socket_mode_needs_a_token(desk: DeskUnderTest, settings: Settings) -> None:
    none = settings.model_copy(update={"slack_app_token": SecretStr(" ")})

    with pytest.raises(WrongSettings, match="slack_app_token"):
        socket_mode.run(desk.db, desk.settings, none, threading.Event())
