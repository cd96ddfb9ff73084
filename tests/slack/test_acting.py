"""What agents do on a card: taken, answered, resolved, merged, given back."""

from __future__ import annotations

from datetime import timedelta

from channels.slack.acts import Acts
from intake import wording, work
from intake.agents import Role
from intake.automation import macros
from intake.availability import Availability, Presence
from intake.cases import ActivityKind, Reason, Resolution, State
from intake.events import Event
from intake.settings import Settings
from tests import slack_stand_in
from tests.desk import NOON, DeskUnderTest, email
from tests.slack.at_work import GRACE, HEIDI, STRANGER, Told, a_case, events, mails, now
from tests.slack_stand_in import Answered, SlackStandIn


def test_a_case_is_taken_answered_and_resolved_from_slack(
    desk: DeskUnderTest, slack: SlackStandIn, told: Told, door: None
) -> None:
    desk.has_sla(first_response=timedelta(hours=4), resolve_by=timedelta(days=2))
    case = a_case(desk, told, text="It does not print.")
    [card] = slack.cards

    slack.press(card, "take", user=GRACE)
    told()

    assert "*Worked on by*\nGrace" in card.shows
    assert card.buttons == ["release", "reply", "resolve", "hold", "open"]

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


def test_whoever_has_a_sheet_open_is_named_on_the_card_until_they_leave_it(
    desk: DeskUnderTest, slack: SlackStandIn, told: Told, door: None
) -> None:
    a_case(desk, told)
    [card] = slack.cards

    slack.press(card, "why", user=GRACE)
    slack.press(card, "reply", user=HEIDI)
    told()
    both = card.shows
    slack.close(slack.sheets[1], user=STRANGER)
    slack.close(slack.sheets[1] | {"private_metadata": "{}"}, user=HEIDI)
    told()
    still = card.shows
    for sheet, user in zip(slack.sheets, (GRACE, HEIDI), strict=True):
        assert slack.close(sheet, user=user) == Answered(200)
    told()

    assert "Grace looks at it; Heidi is writing" in both
    assert still == both
    assert "looks at it" not in card.shows
    assert "writing" not in card.shows
