"""What the card of a case shows, and where it stands."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from sqlalchemy import select

from intake import work
from intake.agents import Agent, Role
from intake.db import new_id
from kb.articles import Article
from kb.suggestions import Library, Question, suggest
from tests import slack_stand_in
from tests.desk import DeskUnderTest, email
from tests.slack.at_work import Told, a_case, now
from tests.slack_stand_in import SlackStandIn

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
    assert card.buttons == ["take", "reply", "resolve", "hold", "open"]
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
