"""How much is left of a promise: said on the card, and brought up to date as it runs out."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from channels.slack import card, countdown, showing
from channels.slack.countdown import Countdown
from intake import work
from intake.agents import Role
from intake.events import Delivery
from intake.sla import ServiceCalendar, changing
from tests.desk import NOON, DeskUnderTest, email
from tests.promised import OFFICE, march
from tests.slack.at_work import Told, a_case, now, tick
from tests.slack_stand_in import SlackStandIn

MOMENT = re.compile("<!date[^>]*>")
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


def deadline(desk: DeskUnderTest, case_id: UUID, at: datetime) -> list[str]:
    """The lines of the card about its promises, with the moments left out."""
    with desk.db.reading() as session:
        shown, _queue = showing.shown(session, case_id, "https://desk.example", at=at)
    return MOMENT.sub("…", card.deadline(shown)).splitlines()


def opened(desk: DeskUnderTest, at: datetime) -> UUID:
    [receipt] = desk.accepts(email(at=at))
    assert receipt.case is not None
    return receipt.case.id


def refreshes(desk: DeskUnderTest) -> int:
    return sum(1 for d in desk.all(Delivery) if (d.channel, d.kind) == ("slack", "refresh"))


@pytest.mark.parametrize(
    ("at", "left"),
    [
        (march(6, 15), "in 2 d 19 h; 3 h of working time left"),
        (march(6, 16, 20), "in 2 d 18 h; 1 h 40 min of working time left"),
        (march(7, 12), "in 1 d 22 h; 1 h of working time left"),
        (march(9, 9, 30), "in 30 min"),
        (march(9, 9, 59, 40), "in less than a minute"),
    ],
    ids=lambda value: f"{value:%a %R}" if isinstance(value, datetime) else "",
)
def test_closed_hours_are_left_out_of_what_is_left(
    desk: DeskUnderTest, at: datetime, left: str
) -> None:
    desk.has_sla(first_response=3 * HOUR, hours=OFFICE)
    case_id = opened(desk, march(6, 15))

    said = deadline(desk, case_id, at)

    assert said == [f"First response by … ({left})", "_counted …_"]


def test_day_and_night_all_that_is_left_counts(desk: DeskUnderTest) -> None:
    desk.has_sla(first_response=4 * HOUR, resolve_by=50 * HOUR)
    case_id = opened(desk, NOON)

    assert deadline(desk, case_id, NOON + HOUR) == [
        "First response by … (in 3 h)",
        "Solution by … (in 2 d 1 h)",
        "_counted …_",
    ]


def test_a_paused_clock_says_what_is_left_and_counts_none_of_the_hold(desk: DeskUnderTest) -> None:
    desk.has_sla(first_response=3 * HOUR, hours=OFFICE)
    case_id, ivan = opened(desk, march(6, 15)), desk.principal("Ivan")

    with desk.transaction() as session:
        work.hold(session, ivan, case_id, at=march(6, 16))
    paused = [deadline(desk, case_id, march(day, 16, 30)) for day in (6, 9)]
    with desk.transaction() as session:
        work.resume(session, ivan, case_id, at=march(9, 16, 30))

    assert paused == [["First response paused, 2 h of working time left", "_counted …_"]] * 2
    assert deadline(desk, case_id, march(9, 16, 30))[0] == (
        "First response by … (in 18 h; 2 h of working time left)"
    )


def test_a_card_is_promised_anew_at_each_step_and_at_no_other_time(desk: DeskUnderTest) -> None:
    desk.has_sla(first_response=3 * HOUR, resolve_by=5 * HOUR, hours=OFFICE)
    case_id = opened(desk, march(6, 14))
    shown_at, reached = march(6, 14), []

    while True:
        with desk.transaction() as session:
            countdown.note(session, case_id, at=shown_at)
        if not (waits := desk.all(Countdown)):
            break
        before = refreshes(desk)
        tick(desk, waits[0].at - timedelta(seconds=1))
        assert refreshes(desk) == before
        shown_at = waits[0].at
        tick(desk, shown_at)
        tick(desk, shown_at)
        assert refreshes(desk) == before + 1
        reached.append(shown_at)

    first = [march(6, 16), march(6, 16, 30), march(6, 16, 45), march(6, 16, 55)]
    solution = [march(6, 15), march(9, 10), march(9, 10, 30), march(9, 10, 45), march(9, 10, 55)]
    assert reached == sorted(first + solution), "and never while the desk is closed"


def test_what_was_shown_in_slack_is_shown_anew_when_its_next_step_is_reached(
    desk: DeskUnderTest, slack: SlackStandIn, told: Told
) -> None:
    # Two clocks at once: what they reach together is shown by one change.
    desk.has_sla(first_response=5 * HOUR, resolve_by=5 * HOUR)
    opened_at = now() - 59 * MINUTE
    case = a_case(desk, told, at=opened_at)
    assert slack.calls == ["chat.postMessage"]
    assert "(in 4 h 1 min)" in slack.cards[0].shows

    [waits] = desk.all(Countdown)
    tick(desk, now())
    told()
    assert slack.calls == ["chat.postMessage"], "the next step is not reached yet"

    tick(desk, opened_at + HOUR)
    told(2 * MINUTE)
    assert waits.at == opened_at + HOUR
    assert slack.calls == ["chat.postMessage", "chat.update"]

    max_ = desk.principal("Max")
    with desk.transaction() as session:
        work.resolve(session, max_, case.id, "done", desk=desk.settings, at=now())
    told()
    assert desk.all(Countdown) == [], "nobody waits for a closed case"


def test_cards_follow_when_other_hours_move_their_deadlines(
    desk: DeskUnderTest, slack: SlackStandIn, told: Told
) -> None:
    desk.has_queue("Board", address="board@desk.example")
    desk.has_sla(first_response=2 * HOUR, hours=OFFICE)
    ada = a_case(desk, told, message_id="a@x")
    bob = a_case(desk, told, message_id="b@x", sender="bob@example.com")
    desk.accepts(email(at=now(), mailbox="board@desk.example"))
    by, [hours] = desk.principal("Mia", Role.ADMINISTRATOR), desk.all(ServiceCalendar)
    always = {"zone": "UTC", "weekly": {day: [["00:00", "24:00"]] for day in OFFICE["weekly"]}}
    at = now()

    with desk.transaction() as session:
        changing.change_hours(session, by, hours.id, always, changing.Scope.ALL, at=at)
    promised = [d for d in desk.all(Delivery) if (d.channel, d.kind) == ("slack", "refresh")]
    with desk.transaction() as session:
        changing.change_hours(session, by, hours.id, OFFICE, changing.Scope.NEW, at=at)

    assert {d.case_id for d in promised} == {ada.id, bob.id}, "the third has no card"
    assert sorted(d.due_at - at for d in promised) == [timedelta(), timedelta(seconds=1)]
    assert refreshes(desk) == len(promised), "what runs keeps its hours, and so does its card"
