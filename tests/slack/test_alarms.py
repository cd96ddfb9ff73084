"""Promises about time, told below the card."""

from __future__ import annotations

from datetime import timedelta

from intake import work
from tests.desk import DeskUnderTest, email
from tests.promised import has_sla, item
from tests.slack.at_work import GRACE, STRANGER, Told, now, tick
from tests.slack_stand_in import SlackStandIn


def test_a_promise_nearly_due_and_missed_is_told_below_the_card(
    desk: DeskUnderTest, slack: SlackStandIn, told: Told, door: None
) -> None:
    desk.has_sla(first_response=timedelta(hours=4))
    opened_at = now() - timedelta(hours=3, minutes=30)
    desk.accepts(email(at=opened_at))
    told()
    [card] = slack.cards

    tick(desk, now())
    told()

    [nearly] = slack.below(card)
    assert "First response nearly due" in nearly.shows
    assert "First response nearly due" in card.shows
    assert nearly.arguments["reply_broadcast"] is False

    tick(desk, now() + timedelta(hours=1))
    told(timedelta(hours=1))

    _, missed = slack.below(card)
    assert "First response missed, it was due" in missed.shows
    assert missed.arguments["reply_broadcast"] is True
    assert missed.buttons == ["take", "reply", "resolve", "hold", "open"]

    slack.press(missed, "take", user=GRACE)
    told()

    assert "*Worked on by*\nGrace" in card.shows


def test_a_case_is_put_off_from_its_alarm_and_brought_back(
    desk: DeskUnderTest, slack: SlackStandIn, told: Told, door: None
) -> None:
    desk.has_sla(first_response=timedelta(hours=4))
    desk.accepts(email(at=now() - timedelta(hours=3, minutes=30)))
    told()
    [card] = slack.cards
    tick(desk, now())
    told()
    [nearly] = slack.below(card)

    for act, least, most in (
        ("snooze-1h", timedelta(minutes=59), timedelta(hours=1)),
        ("snooze-morning", timedelta(), timedelta(days=1)),
    ):
        slack.press(nearly, act, user=GRACE)
        wakes_at = desk.case(1001).wakes_at
        assert wakes_at is not None
        assert least <= wakes_at - now() <= most
    told()
    put_off = card.shows
    slack.press(card, "wake", user=GRACE)
    slack.press(nearly, "snooze-answer", user=GRACE)
    told()

    assert "*Put off*\nuntil <!date" in put_off
    assert "*Put off*\nuntil they write" in card.shows
    assert "wake" in card.buttons
    assert desk.case(1001).snoozed_at is not None
    assert desk.case(1001).wakes_at is None
    slack.press(nearly, "snooze-4h", user=STRANGER)
    assert desk.case(1001).wakes_at is None


def test_nobody_is_alarmed_by_a_promise_that_was_kept_meanwhile(
    desk: DeskUnderTest, slack: SlackStandIn, told: Told
) -> None:
    desk.has_sla(first_response=timedelta(hours=4))
    grace = desk.principal("Ivan")
    [receipt] = desk.accepts(email(at=now() - timedelta(hours=3, minutes=30)))
    assert receipt.case is not None
    told()
    tick(desk, now())

    with desk.transaction() as session:
        work.reply(session, grace, receipt.case.id, "Hello", desk=desk.settings, at=now())
    told()

    assert ["answered" in message.shows for message in slack.below(slack.cards[0])] == [True]


def test_an_action_of_a_clock_posts_in_a_channel_of_its_own_once(
    desk: DeskUnderTest, slack: SlackStandIn, told: Told, door: None
) -> None:
    words = {"on": "failure", "do": "slack", "text": "{kpi} of {number}: {subject}"}
    elsewhere = {"on": "failure", "do": "slack", "channel": "#billing"}
    has_sla(desk, item(fail=60, actions=[words | elsewhere, elsewhere, words]))
    desk.accepts(email(subject="<!channel> *stop*", at=now() - timedelta(minutes=59)))
    told()
    [card] = slack.cards

    for minutes in (2, 3):
        tick(desk, now() + timedelta(minutes=minutes))
        told(timedelta(minutes=minutes))

    _card, mine, the_clocks = slack.cards
    alarm, at_home = slack.below(card)
    assert "resolve by of 1001: <!channel> *stop*" in mine.shows
    assert "Solution missed, it was due" in the_clocks.shows
    assert {mine.channel, the_clocks.channel} == {"C0BILLING"}
    assert "missed" in alarm.shows
    assert "resolve by of 1001" in at_home.shows

    slack.press(mine, "take", user=GRACE)
    told(timedelta(minutes=4))
    assert "*Worked on by*\nGrace" in card.shows
    assert "Grace" not in mine.shows
