"""Agents work from Slack, end to end: over HTTP and through the socket, on both databases."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import select
from starlette.applications import Starlette
from starlette.responses import Response

from channels.dispatch import Dispatch
from channels.slack import http, socket_mode
from channels.slack.acts import Acts
from intake import clock, threads, wording, work
from intake.agents import Agent, Role
from intake.automation import macros
from intake.availability import Availability, Presence
from intake.cases import ActivityKind, Case, Direction, Reason, Resolution, State
from intake.db import Busy, Database, new_id
from intake.events import Delivery, DeliveryState, Event
from intake.messages import ContactKind
from intake.queues import Queue
from intake.settings import Settings, WrongSettings
from kb.articles import Article
from kb.suggestions import Library, Question, suggest
from tests import slack_stand_in
from tests.desk import NOON, DeskUnderTest, email
from tests.slack_stand_in import APP_TOKEN, BOT_TOKEN, SECRET, TEAM, Answered, SlackStandIn

GRACE, HEIDI, STRANGER = "U0GRACE", "U0HEIDI", "U0STRANGER"


@pytest.fixture
def slack() -> Iterator[SlackStandIn]:
    with slack_stand_in.slack_stand_in() as workspace:
        yield workspace


@pytest.fixture
def settings(slack: SlackStandIn) -> Settings:
    return Settings(
        slack_bot_token=SecretStr(BOT_TOKEN),
        slack_signing_secret=SecretStr(SECRET),
        slack_app_token=SecretStr(APP_TOKEN),
        slack_team=TEAM,
        slack_api_url=f"{slack.url}/api/",
        base_url="https://desk.example",
    )


@pytest.fixture
def desk(db: Database) -> DeskUnderTest:
    """A desk whose queue is announced in #support, with Grace and Heidi at work."""
    desk = DeskUnderTest(db, slack=True)
    with desk.transaction() as session:
        session.get_one(Queue, desk.queue.id).slack_channel = "#support"
    desk.has_agent("Grace", slack_user=GRACE)
    desk.has_agent("Heidi", slack_user=HEIDI)
    return desk


@pytest.fixture
def door(desk: DeskUnderTest, settings: Settings, slack: SlackStandIn) -> Iterator[None]:
    """The desk's ear for Slack: by HTTP on the one engine, through the socket on the other.

    The way in and the engine know nothing of each other, so each is tried once and not crosswise.
    """
    if desk.db.lock_path is not None:
        app = Starlette(routes=http.routes(desk.db, desk.settings, settings))
        with slack_stand_in.serving(app) as url:
            slack.events_url = url + http.PATH
            yield
    else:
        with listening(desk, settings):
            yield


@contextmanager
def listening(desk: DeskUnderTest, settings: Settings) -> Iterator[None]:
    """The duty that holds the socket open."""
    stop = threading.Event()
    duty = threading.Thread(
        target=socket_mode.run, args=(desk.db, desk.settings, settings, stop), name="slack"
    )
    duty.start()
    try:
        yield
    finally:
        stop.set()
        duty.join()


Told = Callable[..., None]


@pytest.fixture
def told(desk: DeskUnderTest, settings: Settings) -> Iterator[Told]:
    """A function that tells Slack all that was promised, as the worker does."""
    dispatch = Dispatch(desk.db, settings, desk.settings)

    def tell(after: timedelta = timedelta()) -> None:
        # Each round is a few seconds later: what waits for something earlier has its turn.
        for later in range(0, 60, 3):
            if not dispatch.send_due(at=now() + after + timedelta(seconds=later)):
                return
        raise AssertionError("there is no end to what Slack is told")

    yield tell
    dispatch.close()


def now() -> datetime:
    return datetime.now(UTC)


def a_case(desk: DeskUnderTest, told: Told, **message: Any) -> Case:
    """A new case whose card was posted."""
    message.setdefault("message_id", "one@example.com")
    [receipt] = desk.accepts(email(at=now(), **message))
    told()
    assert receipt.case is not None
    return receipt.case


def events(desk: DeskUnderTest, kind: str) -> list[Event]:
    return [event for event in desk.all(Event) if event.kind == kind]


def mails(desk: DeskUnderTest) -> list[Delivery]:
    return [d for d in desk.all(Delivery) if d.channel == "email" and d.kind == "reply"]


# The card


def test_a_new_case_is_announced_with_what_an_agent_needs(
    desk: DeskUnderTest, slack: SlackStandIn, told: Told
) -> None:
    desk.has_sla(first_response=timedelta(hours=4))
    desk.has_customer("ada@example.com", allotment=200, channels={"email": 50})
    with desk.transaction() as session:
        session.add(
            Article(
                id=new_id(), number="KB-1001", title="Printer offline", body="Restart it.",
                updated_at=now(),
            )
        )  # fmt: skip

    [receipt] = desk.accepts(email(subject="Printer offline", text="It does not print.", at=now()))
    assert receipt.case is not None
    with desk.transaction() as session:
        question = Question(receipt.case.id, receipt.case.subject, "It does not print.")
        suggest(session, [question], Library(), at=now())
    told()

    [card] = slack.cards
    due = int(desk.case(receipt.case.number).deadline_at.timestamp())  # type: ignore[union-attr]
    assert card.channel == "C0SUPPORT"
    assert f"Case {receipt.case.number}: Printer offline" in card.shows
    assert "Ada (example.com), by email" in card.shows
    assert "Support plan: 199 of 200 cases left, 49 of 50 by email" in card.shows
    assert f"First response by <!date^{due}^{{date_short_pretty}} at {{time}}|" in card.shows
    assert "*Queue*\nSupport" in card.shows
    assert "nobody yet" in card.shows
    assert "It does not print." in card.shows
    assert "KB-1001 Printer offline: " in card.shows
    assert card.buttons == ["take", "reply", "resolve", "open"]
    assert card.button("open")["url"] == f"https://desk.example/cases/{receipt.case.number}"
    assert card.arguments["unfurl_links"] is False


def test_a_case_that_nothing_covers_says_why(
    desk: DeskUnderTest, slack: SlackStandIn, told: Told
) -> None:
    a_case(desk, told, sender="eve@nowhere.example")

    assert "Not covered. This customer has bought no entitlement." in slack.cards[0].shows


def test_words_of_a_customer_are_never_markup(
    desk: DeskUnderTest, slack: SlackStandIn, told: Told
) -> None:
    evil = "<!channel> <https://evil.example|desk.example> <@U0GRACE> & *bold*"
    desk.has_agent(evil, slack_user="U0EVIL")
    case = a_case(desk, told, subject=evil, text=evil)
    desk.accepts(email(subject=evil, text=evil, in_reply_to="one@example.com", at=now()))
    with desk.transaction() as session:
        agent = session.scalars(select(Agent).where(Agent.slack_user == "U0EVIL")).one()
        work.pick(session, agent.principal("test"), case.id, at=now())
    told()

    [card] = slack.cards
    [answer] = slack.below(card)
    for message in (card, answer):
        marked = [t["text"] for t in slack_stand_in.texts(message.blocks) if t["type"] == "mrkdwn"]
        for text in [*marked, message.arguments["text"]]:
            assert "<!channel>" not in text
            assert "<@" not in text
            assert "<http" not in text
    assert evil in answer.shows
    assert card.arguments["parse"] == "none"
    assert card.arguments["link_names"] is False


def test_the_longest_words_stay_within_what_slack_takes(
    desk: DeskUnderTest, slack: SlackStandIn, told: Told
) -> None:
    long = "\U0001f600 \u202e\u05e9\u05dc\u05d5\u05dd & <b> " * 5000
    a_case(desk, told, subject=long, text=long)

    desk.accepts(email(subject=long, text=long, in_reply_to="one@example.com", at=now()))
    told()

    [card] = slack.cards
    [answer] = slack.below(card)
    assert "\u202e" not in card.shows + answer.shows
    assert "read all of it in the console" in answer.shows


def test_a_case_from_before_slack_was_connected_gets_its_card_with_the_next_message(
    desk: DeskUnderTest, slack: SlackStandIn, told: Told
) -> None:
    connected, desk.settings = desk.settings, replace(desk.settings, slack=False)
    a_case(desk, told)
    desk.settings = connected

    desk.accepts(email(text="Is anybody there?", in_reply_to="one@example.com", at=now()))
    desk.accepts(email(text="Hello?", in_reply_to="one@example.com", at=now()))
    told()

    [card] = slack.cards
    assert "Hello?" in card.shows
    assert [message.shows for message in slack.below(card)] == ["Ada wrote by email\nHello?"]


# What agents do


def test_a_case_is_taken_answered_and_resolved_from_slack(
    desk: DeskUnderTest, slack: SlackStandIn, told: Told, door: None
) -> None:
    desk.has_sla(first_response=timedelta(hours=4), resolve_by=timedelta(days=2))
    case = a_case(desk, told, text="It does not print.")
    [card] = slack.cards

    slack.press(card, "take", user=GRACE)
    told()

    assert "*Worked on by*\nGrace" in card.shows
    assert card.buttons == ["release", "reply", "resolve", "open"]

    slack.press(card, "reply", user=GRACE)
    [sheet] = slack.sheets
    shown = "\n".join(text["text"] for text in slack_stand_in.texts(sheet["blocks"]))
    assert "This goes to ada@example.com, by email from support@desk.example." in shown
    assert "It does not print." in shown

    answer = slack.submit(sheet, user=GRACE, text="Please <restart> it & try again.")
    told()

    assert answer == Answered(200)
    [mail] = mails(desk)
    assert mail.target == "ada@example.com"
    assert mail.payload["text"] == "Please <restart> it & try again."
    [answered] = slack.below(card)
    assert answered.shows == (
        "Grace answered ada@example.com by email\nPlease <restart> it & try again."
    )
    assert "First response in time" in card.shows

    slack.press(card, "resolve", user=GRACE)
    slack.submit(
        slack.sheets[-1], user=GRACE, text="Restarted.", kind="information provided", minutes="15"
    )
    told()

    resolved = desk.case(case.number)
    assert (resolved.state, resolved.reason) == (State.RESOLVED, Reason.INFORMATION_PROVIDED)
    [resolution] = desk.all(Resolution)
    assert (resolution.text, resolution.billable_minutes) == ("Restarted.", 15)
    assert "Resolved: information provided" in card.shows
    assert card.buttons == ["reopen", "open"]

    slack.press(card, "reopen", user=HEIDI)
    told()

    assert desk.case(case.number).open
    assert card.buttons[0] in ("take", "release")
    assert len(slack.cards) == 1


def test_a_case_is_resolved_over_what_is_to_be_done_only_when_that_is_said(
    desk: DeskUnderTest, slack: SlackStandIn, told: Told, door: None
) -> None:
    case = a_case(desk, told)
    [card] = slack.cards
    ivan, about = desk.principal("Ivan"), work.Regarding(case_id=case.id)
    plan = work.Plan(ActivityKind.TASK, "Order a part <now>")
    with desk.transaction() as session:
        work.add_activity(session, ivan, about, plan, at=now())
    slack.press(card, "resolve", user=GRACE)
    [sheet] = slack.sheets
    shown = "\n".join(text["text"] for text in slack_stand_in.texts(sheet["blocks"]))
    assert "1 open activity: Order a part <now>" in shown

    refused = slack.submit(sheet, user=GRACE, text="Done.")
    assert "1 open activity: 'Order a part <now>'" in str(refused.body)
    assert desk.case(case.number).open

    assert slack.submit(sheet, user=GRACE, text="Done.", cancel_open="yes") == Answered(200)
    assert desk.case(case.number).state is State.RESOLVED


def test_every_answer_about_what_covers_a_case_is_shown(
    desk: DeskUnderTest, slack: SlackStandIn, told: Told, door: None
) -> None:
    desk.has_customer("ada@example.com", allotment=1)
    case = a_case(desk, told, sender="ada@example.com")

    slack.press(slack.cards[0], "why", user=GRACE)

    [sheet] = slack.sheets
    [candidate] = desk.case(case.number).decision["candidates"]
    shown = "\n".join(text["text"] for text in slack_stand_in.texts(sheet["blocks"]))
    assert slack_stand_in.faults(sheet["blocks"]) == ""
    assert "submit" not in sheet
    assert len(candidate["tests"]) > 2
    for test in candidate["tests"]:
        assert f"{'yes' if test['passed'] else 'NO'}: {test['words']}" in shown


def test_a_case_is_merged_into_another_once_it_was_seen_what_moves(
    desk: DeskUnderTest, slack: SlackStandIn, told: Told, door: None
) -> None:
    first = a_case(desk, told, subject="Printer")
    second = a_case(desk, told, sender="bob@example.com", message_id="b@x", subject="Same one")
    card = slack.cards[-1]

    slack.press(card, "merge", user=GRACE)
    [asks] = slack.sheets
    unknown = slack.submit(asks, user=GRACE, text="4711")
    shown = slack.submit(asks, user=GRACE, text=f"#{first.number}")

    assert unknown.body == {
        "response_action": "errors",
        "errors": {"text": "there is no case 4711"},
    }
    view = shown.body["view"] | {"id": asks["id"]}
    words = "\n".join(text["text"] for text in slack_stand_in.texts(view["blocks"]))
    assert slack_stand_in.faults(view["blocks"]) == ""
    assert f"Case {second.number} goes on in {first.number}: Printer" in words
    assert "bob@example.com" in words
    assert desk.case(second.number).open, "it was only looked at"

    done, again = (slack.submit(view, user=GRACE) for _ in range(2))
    told()

    assert (done.body, again.body) == ({}, {})
    assert desk.case(second.number).merged_into_id == first.id
    assert card.buttons == ["open"]


def test_a_merge_that_became_impossible_says_why_in_the_sheet(
    desk: DeskUnderTest, slack: SlackStandIn, told: Told, settings: Settings
) -> None:
    acts = Acts(desk.db, desk.settings, settings)
    first = a_case(desk, told)
    second = a_case(desk, told, sender="bob@example.com", message_id="b@x")
    acts.pressed(slack.pressed(slack.cards[-1], "merge", user=GRACE))
    shown = acts.submitted(slack.submitted(slack.sheets[0], user=GRACE, text=str(first.number)))
    assert isinstance(shown, dict)
    max_ = desk.principal("Max")
    with desk.transaction() as session:
        work.resolve(session, max_, second.id, "done", desk=desk.settings, at=now())

    refused = acts.submitted(slack.submitted(shown | {"id": "V1"}, user=GRACE))

    assert isinstance(refused, dict)
    assert (
        refused["blocks"][0]["text"]["text"] == f"case {second.number} is resolved; reopen it first"
    )
    assert desk.case(second.number).merged_into_id is None


def test_a_macro_is_applied_and_an_answer_begins_with_a_template_from_slack(
    desk: DeskUnderTest, slack: SlackStandIn, told: Told, door: None
) -> None:
    case = a_case(desk, told, subject="Printer")
    card, marta = slack.cards[-1], desk.principal("Marta", Role.MANAGER)

    slack.press(card, "macro", user=GRACE)
    assert slack.sheets == [], "there is no macro yet"
    with desk.transaction() as session:
        hello = wording.write(session, marta, "Hello", {"en": "Hello, {agent} here."}, at=NOON)
        take = [{"do": "assign", "agent": "me"}, {"do": "tag", "tags": ["seen"]}]
        mine = macros.write(session, marta, "Mine", take, at=NOON)
        gone = macros.write(session, marta, "Gone", take, at=NOON)
    slack.press(card, "macro", user=GRACE)
    slack.press(card, "template", user=GRACE)
    [asks, begins] = slack.sheets
    with desk.transaction() as session:
        macros.archive(session, marta, gone.id, at=NOON)
    refused = slack.submit(asks, user=GRACE, chosen=str(gone.id))
    applied = slack.submit(asks, user=GRACE, chosen=str(mine.id))
    shown = slack.submit(begins, user=GRACE, chosen=str(hello.id))
    view = shown.body["view"] | {"id": begins["id"]}
    [box] = [block["element"] for block in view["blocks"] if block["type"] == "input"]
    sent = slack.submit(view, user=GRACE, text=box["initial_value"])

    assert "is not offered any more" in str(refused.body)
    assert (applied.body, sent.body) == ({}, {})
    assert slack_stand_in.faults(view["blocks"]) == ""
    assert desk.case(case.number).owner_id is not None
    assert desk.activities(case)[-1].text == "Hello, Grace here."


def test_what_customers_write_appears_below_the_card_in_order(
    desk: DeskUnderTest, slack: SlackStandIn, told: Told
) -> None:
    a_case(desk, told)

    for number in range(1, 6):
        desk.accepts(email(text=f"Line {number}", in_reply_to="one@example.com", at=now()))
    told()

    [card] = slack.cards
    said = [message.shows for message in slack.below(card)]
    assert said == [f"Ada wrote by email\nLine {number}" for number in range(1, 6)]


def test_a_reply_from_elsewhere_appears_below_the_card(
    desk: DeskUnderTest, slack: SlackStandIn, told: Told
) -> None:
    case = a_case(desk, told)
    ivan = desk.principal("Ivan")

    with desk.transaction() as session:
        work.reply(session, ivan, case.id, "Try again.", desk=desk.settings, at=now())
    told()

    [answered] = slack.below(slack.cards[0])
    assert answered.shows == "Ivan answered ada@example.com by email\nTry again."


def test_an_agent_says_by_command_whether_they_can_take_work(
    desk: DeskUnderTest, slack: SlackStandIn, told: Told, door: None
) -> None:
    a_case(desk, told)

    now = slack.command("Available ", user=GRACE)
    asked = slack.command("", user=GRACE)
    stranger = slack.command("busy", user="U0STRANGER")

    [known] = desk.all(Availability)
    assert known.presence is Presence.AVAILABLE
    assert now.body["text"] == "You are available now."
    assert asked.body["text"].startswith("You are available. Say one of available, busy,")
    assert "not linked to an active agent" in stranger.body["text"]
    assert [event.kind for event in events(desk, "slack.refused")] == ["slack.refused"]


def test_whoever_comes_second_is_told_who_was_first(
    desk: DeskUnderTest, slack: SlackStandIn, told: Told, door: None
) -> None:
    case = a_case(desk, told)
    [card] = slack.cards
    late = slack.pressed(card, "take", user=HEIDI)
    slack.press(card, "take", user=GRACE)

    slack.send(late)

    assert slack.said_aside == [f"Grace already works on case {case.number}"]
    assert slack.whispers[0]["user"] == HEIDI
    assert slack.whispers[0]["channel"] == card.channel
    assert [event.actor_name for event in events(desk, "case.picked")] == ["Grace"]


def test_a_released_case_can_be_taken_again(
    desk: DeskUnderTest, slack: SlackStandIn, told: Told, door: None
) -> None:
    case = a_case(desk, told)
    [card] = slack.cards
    slack.press(card, "take", user=GRACE)
    told()

    slack.press(card, "release", user=GRACE)
    told()
    slack.press(card, "take", user=HEIDI)

    names = [(event.kind, event.actor_name) for event in desk.all(Event) if event.via == "slack"]
    assert names == [
        ("case.picked", "Grace"), ("case.released", "Grace"), ("case.picked", "Heidi"),
    ]  # fmt: skip
    assert case.id == events(desk, "case.picked")[-1].case_id


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

    assert problem == "billable minutes are a whole number, such as 15"
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

    assert "open it again from the card" in acts.submitted(request)
    assert desk.case(case.number).open


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

    slack.press(slack.cards[0], "take", user=GRACE)
    slack.press(slack.cards[0], "take", user=GRACE)

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


# Time


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
    assert missed.buttons == ["take", "reply", "resolve", "open"]

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


def tick(desk: DeskUnderTest, at: datetime) -> None:
    with desk.transaction() as session:
        clock.tick(session, desk.settings, at=at)


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


# Queues


def test_a_case_that_moves_is_shown_in_the_channel_of_its_queue_alone(
    desk: DeskUnderTest, slack: SlackStandIn, told: Told
) -> None:
    billing = desk.has_queue("Billing", slack_channel="#billing")
    case = a_case(desk, told, subject="My invoice", text="It is too high.")
    manager = desk.principal("Mia", Role.MANAGER)

    with desk.transaction() as session:
        work.route_to(session, manager, case.id, billing.id, at=now())
    told()
    desk.accepts(email(text="And late.", in_reply_to="one@example.com", at=now()))
    told()

    left, card = slack.cards
    assert left.shows == f"Case {case.number} moved to another queue."
    assert "invoice" not in left.arguments["text"]
    assert card.channel == "C0BILLING"
    assert "And late." in card.shows
    assert slack.below(left) == []
    assert [message.shows for message in slack.below(card)] == ["Ada wrote by email\nAnd late."]


def test_a_case_that_moves_to_a_queue_without_a_channel_is_told_nowhere(
    desk: DeskUnderTest, slack: SlackStandIn, told: Told
) -> None:
    board = desk.has_queue("Board", members=(desk.has_agent("Eve"),))
    case = a_case(desk, told, subject="Secret")
    manager = desk.principal("Mia", Role.MANAGER)

    with desk.transaction() as session:
        work.route_to(session, manager, case.id, board.id, at=now())
        work.reply(session, manager, case.id, "A secret", desk=desk.settings, at=now())
    told()

    [left] = slack.cards
    assert left.shows == f"Case {case.number} moved to another queue."
    assert slack.below(left) == []


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
