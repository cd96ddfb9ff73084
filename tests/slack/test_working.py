"""What agents do all day besides answering: plan and complete, hold and resume, note words and
time, and say whether a case goes on with another."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from channels.slack.acts import BUTTONS, LAST, LEADING, Acts
from intake import work
from intake.agents import Role
from intake.billing import TimeEntry
from intake.cases import Activity, ActivityKind, ActivityState, Case, Reason
from intake.events import Event
from intake.queues import Continuity, Queue
from intake.reasons.moves import BarredMove
from intake.settings import Settings
from tests.desk import DeskUnderTest, email
from tests.slack.at_work import GRACE, HEIDI, STRANGER, Told, a_case, events, now
from tests.slack_stand_in import Answered, Posted, SlackStandIn, faults, faults_of_sheet


def offered(card: Posted) -> set[str]:
    """The acts that its lists offer."""
    return {option["value"].split()[0] for option in card.seldom}


def refused(answer: Answered) -> dict[str, str]:
    """What stands against a sheet, by the question it stands beside."""
    assert answer.body["response_action"] == "errors"
    said: dict[str, str] = answer.body["errors"]
    return said


def open_ones(desk: DeskUnderTest) -> list[Activity]:
    return [a for a in desk.all(Activity) if a.state is ActivityState.OPEN]


def test_what_is_to_be_done_is_planned_for_somebody_and_completed(
    desk: DeskUnderTest, slack: SlackStandIn, told: Told, door: None
) -> None:
    case = a_case(desk, told)
    [card] = slack.cards
    assert "complete" not in offered(card)
    due_at = now().replace(microsecond=0) + timedelta(days=1)
    due = str(int(due_at.timestamp()))

    slack.press(card, "plan", user=GRACE)
    [sheet] = slack.sheets
    nameless = slack.submit(sheet, user=GRACE, subject="  ")
    strange = slack.submit(sheet, user=GRACE, subject="Order a part", owner=STRANGER)
    endless = slack.submit(sheet, user=GRACE, subject="Order a part", minutes="9999")
    assert open_ones(desk) == []
    planned = slack.submit(
        sheet, user=GRACE, kind="phone call", subject="Order <!channel>", due_at=due,
        owner=HEIDI, minutes="30",
    )  # fmt: skip
    told()

    assert "say what is to be done" in refused(nameless)["subject"]
    assert "not linked to an active agent" in refused(strange)["owner"]
    assert "9999 is not between 0 and 1440" in refused(endless)["minutes"]
    assert planned == Answered(200)
    [activity] = open_ones(desk)
    assert (activity.kind, activity.due_at) == (ActivityKind.PHONE_CALL, due_at)
    assert f"*To do*\n• Order &lt;!channel&gt;, Heidi, by <!date^{due}^" in card.shows
    assert "complete" in offered(card)

    slack.press(card, "complete", user=HEIDI)
    sheet = slack.sheets[-1]
    unclear = slack.submit(sheet, user=HEIDI, minutes="a while")
    done = slack.submit(sheet, user=HEIDI, minutes="20", text="They send it.", billable="no")
    slack.press(card, "complete", user=HEIDI)
    told()

    assert refused(unclear) == {"minutes": "write a whole number, such as 15"}
    assert done == Answered(200)
    assert open_ones(desk) == []
    [entry] = desk.all(TimeEntry)
    assert (entry.activity.duration_minutes, entry.billable) == (20, False)
    assert [e.actor_name for e in events(desk, "activity.completed")] == ["Heidi"]
    assert slack.said_aside == [f"nothing is planned for case {case.number} any more"]
    assert "To do" not in card.shows


def test_a_case_is_held_for_a_reason_and_gone_on_with(
    desk: DeskUnderTest, slack: SlackStandIn, told: Told, door: None
) -> None:
    desk.has_sla(first_response=timedelta(hours=4))
    case = a_case(desk, told)
    [card] = slack.cards

    slack.press(card, "hold", user=GRACE)
    [sheet] = slack.sheets
    assert desk.case(case.number).reason is Reason.IN_PROGRESS, "nothing is done yet"
    slack.submit(sheet, user=GRACE, chosen="waiting for details")
    told()

    assert desk.case(case.number).reason is Reason.WAITING_FOR_DETAILS
    assert "*Status*\nwaiting for details" in card.shows
    assert "First response paused, 4 h left" in card.shows
    assert "hold" not in card.buttons

    slack.press(card, "resume", user=HEIDI)
    told()

    assert desk.case(case.number).reason is Reason.IN_PROGRESS
    assert "*Status*" not in card.shows
    assert "hold" in card.buttons


def test_a_desk_that_bars_every_hold_says_so(
    desk: DeskUnderTest, slack: SlackStandIn, told: Told, door: None
) -> None:
    a_case(desk, told)
    with desk.transaction() as session:
        for reason in (Reason.ON_HOLD, Reason.WAITING_FOR_DETAILS):
            session.add(BarredMove(was=Reason.IN_PROGRESS.key, becomes=reason.key))

    slack.press(slack.cards[0], "hold", user=GRACE)

    assert slack.sheets == []
    assert slack.said_aside == ["a case that is in progress is not put on hold on this desk"]


def test_words_and_time_are_written_down_for_ourselves(
    desk: DeskUnderTest, slack: SlackStandIn, told: Told, door: None
) -> None:
    case = a_case(desk, told)
    [card] = slack.cards
    slack.press(card, "note", user=GRACE)
    slack.press(card, "time", user=GRACE)
    note, time = slack.sheets

    empty = slack.submit(note, user=GRACE, text=" ")
    none = [slack.submit(time, user=GRACE, minutes=said) for said in ("", "0", "1.5")]
    assert desk.all(TimeEntry) == []
    slack.submit(note, user=GRACE, text="Ask @Heidi.")
    slack.submit(time, user=GRACE, minutes="15", text="Reading the log")
    told()

    assert refused(empty) == {"text": "there is no text; write something first"}
    assert [refused(answer)["minutes"] for answer in none] == [
        "say how many", "0 is not between 1 and 1440", "write a whole number, such as 15",
    ]  # fmt: skip
    [entry] = desk.all(TimeEntry)
    assert (entry.activity.duration_minutes, entry.billable) == (15, True)
    assert {"Ask @Heidi.", "Reading the log"} <= {a.text for a in desk.activities(case)}
    assert slack.below(card) == [], "none of it is said to the customer, or below the card"


def test_a_case_is_given_to_a_colleague_who_works_here(
    desk: DeskUnderTest, slack: SlackStandIn, told: Told, door: None
) -> None:
    a_case(desk, told)
    [card] = slack.cards

    slack.press(card, "assign", user=GRACE)
    [sheet] = slack.sheets
    nobody = slack.submit(sheet, user=GRACE)
    stranger = slack.submit(sheet, user=GRACE, agent=STRANGER)
    assert events(desk, "case.assigned") == []
    given = slack.submit(sheet, user=GRACE, agent=HEIDI)
    told()

    assert refused(nobody) == {"agent": "choose somebody first"}
    assert refused(stranger) == {"agent": "they are not linked to an active agent of this desk"}
    assert given == Answered(200)
    assert "*Worked on by*\nHeidi" in card.shows


def test_how_pressing_a_case_is_and_what_was_agreed_stands_on_its_card(
    desk: DeskUnderTest, slack: SlackStandIn, told: Told, door: None
) -> None:
    case = a_case(desk, told)
    [card] = slack.cards
    for act in ("priority", "escalate", "follow-up"):
        slack.press(card, act, user=GRACE)
    priority, escalate, follow_up = slack.sheets
    ahead, over = (str(int((now() + timedelta(hours=h)).timestamp())) for h in (1, -1))

    unsaid = slack.submit(escalate, user=GRACE, text=" ")
    past = slack.submit(follow_up, user=GRACE, follow_up_at=over)
    told()
    assert "*Priority*" not in card.shows
    assert "*Follow-up*" not in card.shows
    slack.submit(priority, user=GRACE, chosen="high")
    slack.submit(escalate, user=GRACE, text="The bank waits.")
    slack.submit(follow_up, user=GRACE, follow_up_at=ahead)
    told()

    assert refused(unsaid) == {"text": "there is no text; write something first"}
    assert list(refused(past)) == ["follow_up_at"]
    assert "*Priority*\nhigh, escalated" in card.shows
    assert f"*Follow-up*\nby <!date^{ahead}^" in card.shows
    assert desk.case(case.number).remind_at is not None

    slack.press(card, "follow-up", user=GRACE)
    box = slack.sheets[-1]["blocks"][0]["element"]
    slack.submit(slack.sheets[-1], user=GRACE)
    told()

    assert str(box["initial_date_time"]) == ahead
    assert "*Follow-up*" not in card.shows


def wrote_again(
    desk: DeskUnderTest, told: Told, continuity: Continuity = Continuity.PROPOSE, **first: Any
) -> tuple[Case, Case]:
    """The cases of two messages of one customer, who wrote the second anew."""
    with desk.transaction() as session:
        session.execute(update(Queue).values(continuity=continuity))
    desk.has_customer("ada@example.com")
    before = a_case(desk, told, subject="Printer & <toner>", **first)
    return before, a_case(desk, told, subject="Still broken", message_id="two@example.com")


def test_what_seems_to_go_on_with_a_young_case_is_moved_there(
    desk: DeskUnderTest, slack: SlackStandIn, told: Told, door: None
) -> None:
    before, case = wrote_again(desk, told)
    first, card = slack.cards
    assert f"seems to go on with case {before.number}, Printer &amp; &lt;toner&gt;," in card.shows
    assert "go-on" not in first.buttons

    slack.press(card, "go-on", user=GRACE)
    told()

    assert desk.case(case.number).merged_into_id == before.id
    assert "seems to go on" not in card.shows
    assert "Still broken" in {a.subject for a in desk.activities(before)}


def test_what_is_another_matter_is_kept_apart(
    desk: DeskUnderTest, slack: SlackStandIn, told: Told, door: None
) -> None:
    before, case = wrote_again(desk, told)
    card = slack.cards[1]

    slack.press(card, "apart", user=GRACE)
    slack.press(card, "go-on", user=GRACE)
    told()

    apart = desk.case(case.number)
    assert (apart.merged_into_id, apart.related_case_id) == (None, before.id)
    assert "seems to go on" not in card.shows
    assert "does not seem to go on with another" in slack.said_aside[0]


def test_what_became_part_of_a_young_case_by_itself_is_split_off(
    desk: DeskUnderTest, slack: SlackStandIn, told: Told, door: None
) -> None:
    before, same = wrote_again(desk, told, continuity=Continuity.APPEND)
    desk.accepts(email(text="Thanks", in_reply_to="one@example.com", at=now()))
    told()
    appended, answer = slack.below(slack.cards[0])
    assert same.id == before.id
    assert (appended.buttons, answer.buttons) == (["split"], [])

    slack.press(appended, "split", user=STRANGER)
    assert desk.count(Case) == 1
    slack.press(appended, "split", user=GRACE)
    slack.press(appended, "split", user=HEIDI)
    told()

    assert desk.count(Case) == 2
    assert "Still broken" in slack.cards[1].shows
    [strange] = events(desk, "slack.refused")
    assert strange.case_id == before.id
    assert len(slack.said_aside) == 2


def test_a_card_names_no_case_that_its_readers_may_not_see(
    desk: DeskUnderTest, slack: SlackStandIn, told: Told
) -> None:
    desk.has_queue("Board", address="board@desk.example", members=(desk.has_agent("Eve"),))

    wrote_again(desk, told, mailbox="board@desk.example", to=("board@desk.example",))

    [card] = slack.cards
    assert "This seems to go on with another case of its customer" in card.shows
    assert "toner" not in card.shows


def test_a_list_can_be_chosen_from_again(
    desk: DeskUnderTest, slack: SlackStandIn, told: Told, door: None
) -> None:
    a_case(desk, told)
    [card] = slack.cards
    seen = [card.blocks[-1]["block_id"]]

    for _ in range(2):
        slack.press(card, "why", user=GRACE)
        told()
        seen.append(card.blocks[-1]["block_id"])

    assert len({*seen}) == 3, "Slack forgets a choice only with its block"


def test_the_longest_plans_stay_within_what_slack_takes(
    desk: DeskUnderTest, slack: SlackStandIn, told: Told, settings: Settings
) -> None:
    case = a_case(desk, told)
    [card] = slack.cards
    ivan = desk.principal("&" * 200)
    with desk.transaction() as session:
        for _ in range(101):
            plan = work.Plan(ActivityKind.TASK, "&\U0001f600" * 250, due_at=now())
            work.add_activity(session, ivan, work.Regarding(case_id=case.id), plan, at=now())
    told()

    Acts(desk.db, desk.settings, settings).pressed(slack.pressed(card, "complete", user=GRACE))

    assert "and 96 more" in card.shows
    assert faults(card.blocks) == ""
    assert [faults_of_sheet(sheet) for sheet in slack.sheets] == [""]


@pytest.mark.parametrize("user", [STRANGER, "U0JUDY", GRACE], ids=["stranger", "reader", "outside"])
def test_nothing_is_done_for_somebody_who_may_not(
    desk: DeskUnderTest, slack: SlackStandIn, told: Told, settings: Settings, user: str
) -> None:
    desk.has_agent("Judy", Role.READ_ONLY, slack_user="U0JUDY")
    desk.has_queue("Board", address="board@desk.example", members=(desk.has_agent("Eve"),))
    shown = a_case(desk, told)
    [receipt] = desk.accepts(email(mailbox="board@desk.example", at=now()))
    assert receipt.case is not None
    there = str((receipt.case if user == GRACE else shown).id)
    acts, [card] = Acts(desk.db, desk.settings, settings), slack.cards
    before = done(desk)

    for act in BUTTONS:
        press = slack.pressed(card, "take", user=user, value=there)
        press["actions"][0] |= {"action_id": act, "action_ts": act}
        acts.pressed(press)
    view = {"type": "modal", "id": "V1", "blocks": [], "private_metadata": f'{{"case": "{there}"}}'}
    for kind in (*LEADING, *LAST):
        acts.submitted(slack.submitted(view | {"callback_id": kind}, user=user, text="1001"))

    assert done(desk) == before
    assert slack.sheets == []
    assert len(slack.said_aside) == len(BUTTONS)


def done(desk: DeskUnderTest) -> tuple[int, int]:
    """How much has happened, besides somebody's being refused."""
    happened = [event for event in desk.all(Event) if event.kind != "slack.refused"]
    return len(happened), desk.count(Activity)
