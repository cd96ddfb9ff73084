"""A request has one effect however often it comes, and what people say among themselves none."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from starlette.applications import Starlette

from channels.slack import http
from channels.slack.acts import Acts
from intake.cases import Direction
from intake.db import Busy
from intake.events import Delivery, Event
from intake.settings import Settings
from tests import slack_stand_in
from tests.desk import DeskUnderTest
from tests.slack.at_work import GRACE, Told, a_case, events, mails
from tests.slack_stand_in import Answered, SlackStandIn

# Once


def test_a_repeated_request_has_one_effect(
    desk: DeskUnderTest, slack: SlackStandIn, told: Told, door: None
) -> None:
    a_case(desk, told)
    [card] = slack.cards
    take = slack.pressed(card, "take", user=GRACE)
    release = slack.pressed(card, "take", user=GRACE) | {"actions": [
        {"action_id": "release", "value": card.button("take")["value"], "action_ts": "1.1"}
    ]}  # fmt: skip
    reply = slack.pressed(card, "reply", user=GRACE)

    for request in (take, release, take, take, reply, reply):
        slack.send(request)
    [sheet] = slack.sheets
    submitted = slack.submitted(sheet, user=GRACE, text="Try again.")
    answers = [slack.send(submitted) for _ in range(10)]

    assert len(events(desk, "case.picked")) == 1
    assert len(mails(desk)) == 1
    assert answers == [Answered(200)] * 10
    assert slack.whispers == []


def test_two_presses_are_two(
    desk: DeskUnderTest, slack: SlackStandIn, told: Told, door: None
) -> None:
    a_case(desk, told)

    for act in ("take", "release", "take"):
        slack.press(slack.cards[0], act, user=GRACE)
        told()

    assert len(events(desk, "case.picked")) == 2


def test_the_same_press_at_the_same_instant_has_one_effect(
    desk: DeskUnderTest, slack: SlackStandIn, told: Told, settings: Settings
) -> None:
    a_case(desk, told)
    take = slack.pressed(slack.cards[0], "take", user=GRACE)

    with ThreadPoolExecutor(8) as hands:
        list(hands.map(Acts(desk.db, desk.settings, settings).pressed, [take] * 16))

    assert len(events(desk, "case.picked")) == 1


# What people say among themselves


@pytest.mark.parametrize(
    "fields",
    [
        {"text": "What an idiot."},
        {"text": "x", "subtype": "bot_message", "bot_id": "B0BOT"},
        {"subtype": "message_changed", "message": {"text": "y"}},
        {"subtype": "message_deleted", "deleted_ts": "1.1"},
        {"text": "a file", "subtype": "file_share", "files": [{"id": "F1"}]},
    ],
    ids=lambda fields: fields.get("subtype", "plain"),
)
def test_thread_chatter_stays_where_it_is(
    desk: DeskUnderTest, slack: SlackStandIn, told: Told, settings: Settings, fields: Any
) -> None:
    case = a_case(desk, told)
    [card] = slack.cards
    before = len(desk.all(Delivery)), len(desk.all(Event))
    app = Starlette(routes=http.routes(desk.db, desk.settings, settings))

    with slack_stand_in.serving(app) as url:
        slack.events_url = url + http.PATH
        answer = slack.send(
            slack.event("message", channel=card.channel, user=GRACE, thread_ts=card.ts, **fields)
        )
    told()

    assert answer.status == 200
    assert (len(desk.all(Delivery)), len(desk.all(Event))) == before
    outgoing = [a for a in desk.activities(case) if a.direction is not Direction.INCOMING]
    assert outgoing == []


# The database is away


def test_an_act_that_cannot_be_kept_is_not_said_yes_to(
    desk: DeskUnderTest, slack: SlackStandIn, told: Told, settings: Settings
) -> None:
    a_case(desk, told)
    app = Starlette(routes=http.routes(desk.db, desk.settings, settings))
    with slack_stand_in.serving(app) as url, pytest.MonkeyPatch.context() as patch:
        slack.events_url = url + http.PATH
        patch.setattr(desk.db, "transaction", _away)

        answer = slack.press(slack.cards[0], "take", user=GRACE)

    assert answer.status == 503
    assert events(desk, "case.picked") == []


def _away() -> None:
    raise Busy("the database is busy")
