"""What stands against an act is said in words, to whoever tried it, and nothing is done."""

from __future__ import annotations

import json
from typing import Any

import pytest

from channels.slack.acts import Acts
from intake import threads
from intake.agents import Role
from intake.messages import ContactKind
from intake.settings import Settings
from tests.desk import DeskUnderTest, email
from tests.slack.at_work import GRACE, STRANGER, Told, a_case, events, mails, now
from tests.slack_stand_in import TEAM, Answered, SlackStandIn

# Rules, in words


def test_an_answer_without_words_stays_on_its_sheet(
    desk: DeskUnderTest, slack: SlackStandIn, told: Told, door: None
) -> None:
    a_case(desk, told)
    slack.press(slack.cards[0], "reply", user=GRACE)
    [sheet] = slack.sheets

    refused = slack.submit(sheet, user=GRACE, text="  ")
    taken = slack.submit(sheet, user=GRACE, text="Try again.")

    assert refused.body == {
        "response_action": "errors",
        "errors": {"text": "there is no text; write something first"},
    }
    assert taken == Answered(200)
    assert [mail.payload["text"] for mail in mails(desk)] == ["Try again."]


@pytest.mark.parametrize("minutes", ["-1", "1.5", "many", "9" * 40, "\u0663"])
def test_minutes_that_are_none_stay_on_their_sheet(
    desk: DeskUnderTest, slack: SlackStandIn, told: Told, settings: Settings, minutes: str
) -> None:
    case = a_case(desk, told)
    acts = Acts(desk.db, desk.settings, settings)
    acts.pressed(slack.pressed(slack.cards[0], "resolve", user=GRACE))

    problem = acts.submitted(slack.submitted(slack.sheets[0], user=GRACE, minutes=minutes))

    assert problem == "minutes: write a whole number, such as 15"
    assert desk.case(case.number).open


def test_an_answer_never_goes_to_somebody_the_sheet_did_not_show(
    desk: DeskUnderTest, slack: SlackStandIn, told: Told, door: None
) -> None:
    case = a_case(desk, told)
    slack.press(slack.cards[0], "reply", user=GRACE)
    with desk.transaction() as session:
        threads.take_part(session, case, ["bob@example.com"])
    desk.accepts(email("bob@example.com", in_reply_to="one@example.com", at=now()))

    answer = slack.submit(slack.sheets[0], user=GRACE, text="Your password is 12345")

    assert "this would now go to bob@example.com" in answer.body["errors"]["text"]
    assert mails(desk) == []


def test_a_case_that_nobody_can_be_answered_in_says_so(
    desk: DeskUnderTest, slack: SlackStandIn, told: Told, door: None
) -> None:
    a_case(desk, told, sender="+49301234567", kind=ContactKind.PHONE, channel="phone")

    slack.press(slack.cards[0], "reply", user=GRACE)

    assert slack.sheets == []
    assert "without a mail address; phone them" in slack.said_aside[0]


def test_a_reader_may_not_work(
    desk: DeskUnderTest, slack: SlackStandIn, told: Told, door: None
) -> None:
    a_case(desk, told)
    desk.has_agent("Judy", Role.READ_ONLY, slack_user="U0JUDY")

    for act in ("take", "reply", "resolve"):
        slack.press(slack.cards[0], act, user="U0JUDY")

    assert len(slack.said_aside) == 3
    assert all("Judy may not work here" in text for text in slack.said_aside)
    assert slack.sheets == []
    assert events(desk, "case.picked") == []


# Who may act


@pytest.mark.parametrize("act", ["take", "reply", "resolve"])
@pytest.mark.parametrize(
    ("user", "team"),
    [(STRANGER, TEAM), (GRACE, "T0OTHER"), ("", TEAM), ("U0GONE", TEAM)],
    ids=["not an agent", "of another team", "nobody", "left"],
)
def test_only_agents_of_this_workspace_act(
    desk: DeskUnderTest,
    slack: SlackStandIn,
    settings: Settings,
    told: Told,
    act: str,
    user: str,
    team: str,
) -> None:
    case = a_case(desk, told)
    desk.has_agent("Gone", slack_user="U0GONE", active=False)
    acts = Acts(desk.db, desk.settings, settings)

    acts.pressed(slack.pressed(slack.cards[0], act, user=user, team=team))

    [refused] = events(desk, "slack.refused")
    assert (refused.data["user"], refused.data["team"], refused.case_id) == (user, team, case.id)
    assert "Nothing was changed" in slack.said_aside[0]
    assert slack.sheets == []
    assert events(desk, "case.picked") == []


def test_a_sheet_of_another_is_not_submitted_for_them(
    desk: DeskUnderTest, slack: SlackStandIn, told: Told, door: None
) -> None:
    a_case(desk, told)
    slack.press(slack.cards[0], "reply", user=GRACE)

    answer = slack.submit(slack.sheets[0], user=STRANGER, text="Hello")

    assert "Nothing was changed" in answer.body["errors"]["text"]
    assert len(events(desk, "slack.refused")) == 1
    assert mails(desk) == []

    slack.submit(slack.sheets[0], user=GRACE, text="Hello")

    assert len(mails(desk)) == 1


def test_a_changed_request_reaches_no_case_the_agent_may_not_see(
    desk: DeskUnderTest, slack: SlackStandIn, told: Told, door: None
) -> None:
    a_case(desk, told)
    secret = desk.has_queue("Board", address="board@desk.example", members=(desk.has_agent("Eve"),))
    [receipt] = desk.accepts(email(mailbox="board@desk.example", at=now()))
    assert receipt.case is not None
    assert receipt.case.queue_id == secret.id
    slack.press(slack.cards[0], "reply", user=GRACE)
    slack.press(slack.cards[0], "resolve", user=GRACE)
    reply, resolve = slack.sheets
    there = str(receipt.case.id)

    for act in ("take", "reply", "resolve"):
        slack.press(slack.cards[0], act, user=GRACE, value=there)
    slack.press(slack.cards[0], "take", user=GRACE, value="1; drop table cases")
    answers = [
        slack.submit(
            sheet | {"private_metadata": json.dumps({"case": there, "to": "ada@example.com"})},
            user=GRACE, text="Hello",
        )
        for sheet in (reply, resolve)
    ]  # fmt: skip

    assert slack.said_aside == ["there is no such case"] * 4
    assert [answer.body["errors"]["text"] for answer in answers] == ["there is no such case"] * 2
    assert len(slack.sheets) == 2
    assert desk.case(receipt.case.number).open
    assert mails(desk) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"private_metadata": "{"},
        {"private_metadata": "[]"},
        {"private_metadata": '{"case": 7}'},
        {"private_metadata": ""},
        {"callback_id": "delete"},
        {"state": {}},
        {"state": {"values": {"text": {"text": []}}}},
        {"state": {"values": {"kind": {"kind": {"selected_option": {"value": "merged?"}}}}}},
    ],
)
def test_a_sheet_that_is_none_of_ours_does_nothing(
    desk: DeskUnderTest, slack: SlackStandIn, told: Told, settings: Settings, changes: Any
) -> None:
    case = a_case(desk, told)
    acts = Acts(desk.db, desk.settings, settings)
    acts.pressed(slack.pressed(slack.cards[0], "resolve", user=GRACE))
    request = slack.submitted(slack.sheets[0], user=GRACE)
    request["view"] |= changes

    assert acts.submitted(request) in (
        "this sheet cannot be read; open it again from the card",
        "this sheet is not known here; open it again from the card",
        "choose a status reason first",
    )
    assert desk.case(case.number).open
