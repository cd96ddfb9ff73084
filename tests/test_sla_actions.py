"""What a warning, a failure and a success set off: once each, whatever happens to the clock."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, update

from intake import clock, webhooks, work
from intake.agents import SYSTEM, Agent, Principal, Role
from intake.alerts import ActionRun
from intake.cases import Case, Priority, Reason, Severity
from intake.customers import ContactPoint
from intake.events import Delivery, Event
from intake.fields import FieldKind, case_types, custom, topics
from intake.sla import Kpi, KpiInstance, KpiState, activation
from intake.sla.actions import Action, BadAction
from intake.sla.checking import NotAnSla
from tests.desk import DESK, NOON, DeskUnderTest, email
from tests.promised import OFFICE, PRESSING, has_sla, item, march, open_case, the_clock, tick, told

HOUR = timedelta(hours=1)


def mail(on: str, *to: str, **more: Any) -> dict[str, Any]:
    subject = f"{on} of {{kpi}} for case {{number}}"
    return {"on": on, "do": "mail", "to": list(to), "subject": subject, "text": "Due {due}"} | more


def letters(desk: DeskUnderTest) -> list[tuple[str, str]]:
    """To whom, and about what, mail was promised by clocks."""
    found = [d for d in desk.all(Delivery) if d.kind in ("sla", "warning")]
    return sorted((d.target, d.payload["subject"]) for d in found)


def outcomes(desk: DeskUnderTest) -> list[str]:
    return [run.outcome for run in sorted(desk.all(ActionRun), key=lambda run: run.id)]


@pytest.fixture
def grace(desk: DeskUnderTest) -> Agent:
    return desk.has_agent("Grace")


def take(desk: DeskUnderTest, agent: Agent, case_id: UUID) -> None:
    with desk.transaction() as session:
        work.pick(session, agent.principal("test"), case_id, at=NOON)


def test_each_milestone_writes_to_those_it_names(desk: DeskUnderTest, grace: Agent) -> None:
    has_sla(
        desk,
        item(
            fail=240,
            warn=60,
            actions=[
                mail("warning", "agent"),
                mail("failure", "owner", "boss@desk.example"),
                mail("success", "boss@desk.example"),
            ],
        ),
    )
    take(desk, grace, open_case(desk))

    tick(desk, NOON + HOUR)
    warned = letters(desk)
    tick(desk, NOON + 4 * HOUR)

    assert warned == [("grace@desk.example", "warning of resolve by for case 1001")]
    assert letters(desk) == sorted(
        [
            *warned,
            ("boss@desk.example", "failure of resolve by for case 1001"),
            ("grace@desk.example", "failure of resolve by for case 1001"),
        ]
    )


def test_followers_are_written_to_while_they_may_see_the_case(
    desk: DeskUnderTest, grace: Agent
) -> None:
    ivan = desk.has_agent("Ivan")
    private = desk.has_queue("Private", members=(grace,))
    has_sla(desk, item(fail=240, warn=60, actions=[mail("warning", "followers")]))
    seen, hidden = open_case(desk), open_case(desk)
    with desk.transaction() as session:
        for case_id in (seen, hidden):
            work.follow(session, grace.principal("test"), case_id, [grace.id, ivan.id], at=NOON)
        work.route_to(session, grace.principal("test"), hidden, private.id, at=NOON)

    tick(desk, NOON + HOUR)

    assert letters(desk) == [
        ("grace@desk.example", "warning of resolve by for case 1001"),
        ("grace@desk.example", "warning of resolve by for case 1002"),
        ("ivan@desk.example", "warning of resolve by for case 1001"),
    ]


def test_success_is_told_too_and_only_where_it_is_asked_for(
    desk: DeskUnderTest, grace: Agent
) -> None:
    has_sla(
        desk,
        item(Kpi.RESOLVE_BY, actions=[mail("success", "boss@desk.example")]),
        item(Kpi.FIRST_RESPONSE, actions=[]),
    )
    case_id = open_case(desk)
    with desk.transaction() as session:
        by = grace.principal("test")
        work.reply(session, by, case_id, "Hello", desk=desk.settings, at=NOON)
        work.resolve(session, by, case_id, "Done.", desk=desk.settings, at=NOON + HOUR)

    for _ in range(3):
        tick(desk, NOON + HOUR)

    assert letters(desk) == [("boss@desk.example", "success of resolve by for case 1001")]
    assert told(desk) == ["sla.succeeded"]


def test_when_nobody_works_on_it_the_members_of_its_queue_hear_of_it(desk: DeskUnderTest) -> None:
    two = (desk.has_agent("Luis"), desk.has_agent("Mina"))
    desk.has_queue("Security", members=two, address="sec@desk.example")
    has_sla(desk, item(fail=60, actions=[mail("failure", "agent")]))

    open_case(desk, mailbox="sec@desk.example")
    tick(desk, NOON + HOUR)

    assert [to for to, _subject in letters(desk)] == ["luis@desk.example", "mina@desk.example"]


def test_the_customer_is_written_to_once_a_day_until_their_address_is_known(
    desk: DeskUnderTest,
) -> None:
    has_sla(desk, item(fail=60, actions=[mail("failure", "customer")]))
    for number in range(6):
        open_case(desk, at=NOON + timedelta(minutes=number))
    tick(desk, NOON + 2 * HOUR)
    stranger = letters(desk)

    with desk.transaction() as session:
        session.execute(update(ContactPoint).values(verified=True))
    for number in range(6):
        open_case(desk, at=NOON + 24 * HOUR + timedelta(minutes=number))
    tick(desk, NOON + 27 * HOUR)

    assert stranger == [("ada@example.com", "failure of resolve by for case 1001")]
    assert len(letters(desk)) == 1 + 3
    [letter, *_] = [d for d in desk.all(Delivery) if d.kind == "sla"]
    assert letter.payload["automatic"]
    assert letter.payload["reply_to"].startswith("support+")


def test_a_mail_says_when_it_was_due_with_its_offset(desk: DeskUnderTest) -> None:
    madrid = OFFICE | {"zone": "Europe/Madrid"}
    has_sla(desk, item(fail=60, actions=[mail("failure", "x@desk.example")]), hours=madrid)
    open_case(desk, at=march(2, 8))

    tick(desk, march(3, 9))

    [letter] = [d for d in desk.all(Delivery) if d.kind == "sla"]
    assert letter.payload["text"] == "Due Mon 02 Mar 2026 10:00 +0100"


def test_a_subject_cannot_bring_a_header_along(desk: DeskUnderTest) -> None:
    action = mail("failure", "x@desk.example", subject="Late: {subject}")
    has_sla(desk, item(fail=60, actions=[action]))
    open_case(desk, subject="Hi\r\nBcc: all@example.com {number}")

    tick(desk, NOON + HOUR)

    [(_to, subject)] = letters(desk)
    assert subject == "Late: Hi Bcc: all@example.com {number}"


def test_a_mail_may_wait_for_business_hours(desk: DeskUnderTest) -> None:
    has_sla(
        desk,
        item(fail=60, actions=[mail("failure", "x@desk.example", in_hours=True)]),
        hours=OFFICE,
    )
    open_case(desk, at=march(6, 16))

    tick(desk, march(7, 3))

    [letter] = [d for d in desk.all(Delivery) if d.kind == "sla"]
    assert (letter.promised_at, letter.due_at) == (march(7, 3), march(9, 9))


@pytest.mark.parametrize("several", [False, True])
def test_a_warning_that_waits_for_hours_is_forgotten_with_its_case(
    desk: DeskUnderTest, grace: Agent, several: bool
) -> None:
    both = [mail(on, "x@desk.example", in_hours=True) for on in ("warning", "failure")]
    has_sla(desk, item(fail=480, warn=60, actions=both), hours=OFFICE)
    case_id = open_case(desk, at=march(2, 16))
    for _ in range(3 if several else 1):
        open_case(desk, at=march(2, 16))
    tick(desk, march(2, 17))
    waiting = len(letters(desk))

    with desk.transaction() as session:
        work.resolve(
            session, grace.principal("test"), case_id, "Done.",
            desk=desk.settings, at=march(2, 18),
        )  # fmt: skip
    left = len(letters(desk))

    # One mail for many cases speaks of the others still.
    assert (waiting, left) == ((1, 1) if several else (2, 1))
    assert [d.due_at for d in desk.all(Delivery) if d.kind == "warning"] == [march(3, 9)] * (
        0 if several else 1
    )


def test_a_failure_that_waits_for_hours_is_mailed_also_when_the_case_is_closed(
    desk: DeskUnderTest, grace: Agent
) -> None:
    has_sla(
        desk,
        item(fail=60, actions=[mail("failure", "x@desk.example", in_hours=True)]),
        hours=OFFICE,
    )
    case_id = open_case(desk, at=march(2, 16))
    tick(desk, march(2, 17))

    with desk.transaction() as session:
        work.resolve(
            session, grace.principal("test"), case_id, "Late.",
            desk=desk.settings, at=march(2, 18),
        )  # fmt: skip

    assert letters(desk) == [("x@desk.example", "failure of resolve by for case 1001")]


def test_a_failure_changes_the_priority_and_moves_the_case(
    desk: DeskUnderTest, grace: Agent
) -> None:
    second = desk.has_queue("Second line")
    has_sla(
        desk,
        item(
            fail=60,
            actions=[
                {
                    "on": "failure",
                    "do": "change",
                    "priority": "high",
                    "severity": "major",
                    "escalated": True,
                },
                {"on": "failure", "do": "move", "queue": str(second.id)},
                {"on": "failure", "do": "assign", "agent": str(grace.id)},
            ],
        ),
        item(Kpi.FIRST_RESPONSE, fail=120, applicable_when=PRESSING),
    )
    open_case(desk)

    tick(desk, NOON + HOUR)

    case = desk.case(1001)
    assert (case.priority, case.queue_id, case.owner_id) == (Priority.HIGH, second.id, grace.id)
    assert the_clock(desk, Kpi.FIRST_RESPONSE).state is KpiState.IN_PROGRESS
    assert case.deadline_at == NOON + 2 * HOUR
    assert outcomes(desk) == [
        "priority normal became high, severity normal became major, escalated",
        "moved to Second line",
        "assigned to Grace",
    ]
    kinds = [e.kind for e in desk.all(Event)]
    assert kinds[-6:] == [
        *("sla.noncompliant", "case.prioritised", "case.changed", "case.escalated"),
        *("case.routed", "case.assigned"),
    ]
    assert (case.severity, case.escalated_at) == (Severity.MAJOR, NOON + HOUR)


def test_rules_that_change_each_others_conditions_come_to_rest(desk: DeskUnderTest) -> None:
    has_sla(
        desk,
        item(
            fail=600,
            warn=60,
            applicable_when=PRESSING,
            actions=[{"on": "warning", "do": "change", "priority": "normal"}],
        ),
        item(fail=600, warn=60, actions=[{"on": "warning", "do": "change", "priority": "high"}]),
    )
    open_case(desk)

    for _ in range(20):
        tick(desk, NOON + HOUR)

    assert sorted(outcomes(desk)) == ["priority high became normal", "priority normal became high"]


def test_what_cannot_be_done_any_more_is_said_and_stops_nothing(
    desk: DeskUnderTest, grace: Agent
) -> None:
    gone = "00000000-0000-0000-0000-000000000000"
    rita = desk.has_agent("Rita", Role.READ_ONLY)
    old = desk.has_queue("Old", archived_at=NOON)
    has_sla(
        desk,
        item(
            fail=60,
            actions=[
                {"on": "failure", "do": "dance"},
                {"on": "failure", "do": "assign", "agent": gone},
                {"on": "failure", "do": "move", "queue": gone},
                {"on": "failure", "do": "assign", "agent": str(rita.id)},
                {"on": "failure", "do": "move", "queue": str(old.id)},
                mail("failure", "owner"),
                mail("failure", "boss@desk.example"),
            ],
        ),
    )
    open_case(desk)

    tick(desk, NOON + HOUR)

    assert outcomes(desk) == [
        "not done: do: 'dance' is none of mail, change, move, assign, webhook, slack",
        "not assigned: there is no such active agent any more",
        "not moved: there is no such queue any more",
        "not assigned: there is no such active agent any more",
        "not moved: Old is not in use any more",
        "not mailed: nobody to write to",
        "mail to boss@desk.example",
    ]


BOTH = [mail("warning", "x@desk.example"), mail("failure", "x@desk.example")]


@pytest.mark.parametrize(
    ("hours", "expected"),
    [
        ((1, 1, 4, 4, 4.5), ["failure", "warning"]),
        ((4, 1, 4, 0, 4), ["failure"]),
        ((7 * 24, 7 * 24), ["failure"]),
        ((1, -1, 24, 1, 100_000), ["failure", "warning"]),
    ],
    ids=["each in its time", "back and forth", "a week of downtime", "jumps"],
)
def test_each_action_is_done_once_however_the_clock_runs(
    desk: DeskUnderTest, hours: tuple[float, ...], expected: list[str]
) -> None:
    has_sla(desk, item(fail=240, warn=60, actions=BOTH))
    open_case(desk)

    for hour in hours:
        tick(desk, NOON + hour * HOUR)

    assert [subject.split()[0] for _to, subject in letters(desk)] == expected
    assert sorted(told(desk)) == ["sla.nearing", "sla.noncompliant"]


def test_a_new_due_time_warns_again(desk: DeskUnderTest, grace: Agent) -> None:
    has_sla(desk, item(fail=240, warn=60, actions=BOTH))
    case_id = open_case(desk)
    tick(desk, NOON + HOUR)
    with desk.transaction() as session:
        by = grace.principal("test")
        work.resolve(session, by, case_id, "Done.", desk=desk.settings, at=NOON + 2 * HOUR)
        work.reopen(session, by, case_id, desk=DESK, at=NOON + 3 * HOUR)

    tick(desk, NOON + 4 * HOUR)

    assert [subject.split()[0] for _to, subject in letters(desk)] == ["warning", "warning"]


def test_after_a_standstill_one_mail_lists_what_many_would_have_said(desk: DeskUnderTest) -> None:
    has_sla(desk, item(fail=60, actions=[mail("failure", "x@desk.example")]))
    desk.accepts(*_many(20))

    while tick(desk, NOON + 5 * HOUR).more:
        pass

    [(to, subject)] = letters(desk)
    assert (to, subject) == ("x@desk.example", "20 promises about time need a look")
    assert desk.count(ActionRun) == 20


def _many(count: int) -> list[Any]:
    return [email(sender=f"c{n}@example.com") for n in range(count)]


def test_two_workers_at_once_do_each_thing_once(desk: DeskUnderTest) -> None:
    has_sla(desk, item(fail=240, warn=60, actions=BOTH))
    desk.accepts(*_many(60))
    start = threading.Barrier(4)
    faults: list[BaseException] = []

    def worker() -> None:
        try:
            start.wait(10)
            for hours in (1, 2, 4, 5):
                with desk.db.transaction() as session:
                    clock.tick(session, desk.settings, at=NOON + hours * HOUR)
        except BaseException as fault:  # noqa: BLE001  shown by the test below
            faults.append(fault)

    workers = [threading.Thread(target=worker) for _ in range(4)]
    for each in workers:
        each.start()
    for each in workers:
        each.join(60)
    tick(desk, NOON + 5 * HOUR)

    assert faults == []
    assert len(told(desk)) == 120
    assert desk.count(ActionRun) == 120
    assert {i.state for i in desk.all(KpiInstance)} == {KpiState.NONCOMPLIANT}


def test_an_agent_and_the_clock_at_once_agree_on_what_became_of_a_promise(
    desk: DeskUnderTest, grace: Agent
) -> None:
    has_sla(desk, item(Kpi.FIRST_RESPONSE, fail=60))
    ids = [receipt.case.id for receipt in desk.accepts(*_many(20)) if receipt.case]
    by: Principal = grace.principal("test")
    start = threading.Barrier(2)
    faults: list[BaseException] = []

    def answers() -> None:
        start.wait(10)
        try:
            for case_id in ids:
                with desk.db.transaction() as session:
                    work.reply(session, by, case_id, "Hello", desk=desk.settings, at=NOON)
        except BaseException as fault:  # noqa: BLE001  shown by the test below
            faults.append(fault)

    agent = threading.Thread(target=answers)
    agent.start()
    start.wait(10)
    for _ in range(20):
        tick(desk, NOON + HOUR)
    agent.join(60)
    tick(desk, NOON + HOUR)

    assert faults == []
    instances = desk.all(KpiInstance)
    assert all(i.succeeded_at == NOON for i in instances)
    missed = sum(i.state is KpiState.NONCOMPLIANT for i in instances)
    assert told(desk) == ["sla.noncompliant"] * missed


def test_a_webhook_is_called_once_for_each_due_time(desk: DeskUnderTest) -> None:
    root = desk.principal("Root", Role.ADMINISTRATOR)
    with desk.transaction() as session:
        books = webhooks.register(
            session, root, url="https://books.example.com", kinds=["nothing.at-all"],
            desk=desk.settings, at=NOON,
        )  # fmt: skip
    signed = {"on": "failure", "do": "webhook", "endpoint": str(books.id)}
    plain = {"on": "failure", "do": "webhook", "url": "https://hook.example.com/a?b=c"}
    has_sla(desk, item(fail=60, actions=[signed, plain]))
    case_id = open_case(desk)

    tick(desk, NOON + HOUR)
    with desk.transaction() as session:  # a clock that is moved back and looks again
        session.execute(update(KpiInstance).values(failed_at=None, state=KpiState.IN_PROGRESS))
        session.execute(update(KpiInstance).values(next_at=NOON + HOUR))
    tick(desk, NOON + 2 * HOUR)

    calls = sorted((d for d in desk.all(Delivery) if d.kind == "call"), key=lambda d: d.target)
    assert [call.target for call in calls] == sorted([str(books.id), "hook.example.com"])
    assert outcomes(desk) == ["webhook promised", "webhook promised"]
    said = calls[0].payload["body"]
    assert (said["kind"], said["data"]["kpi"]) == ("sla.noncompliant", "resolve by")
    assert said["record"] == {"type": "case", "id": str(case_id), "number": 1001}


@pytest.mark.parametrize("slack", [True, False])
def test_a_post_is_promised_once_for_each_due_time_where_slack_is_connected(
    desk: DeskUnderTest, slack: bool
) -> None:
    desk.settings = replace(desk.settings, slack=slack)
    named = {"on": "failure", "do": "slack", "channel": "C0123456789", "text": "{kpi} {queue}"}
    has_sla(desk, item(fail=60, actions=[named, {"on": "failure", "do": "slack"}]))
    open_case(desk)

    tick(desk, NOON + HOUR)
    with desk.transaction() as session:  # a clock that is moved back and looks again
        session.execute(update(KpiInstance).values(failed_at=None, state=KpiState.IN_PROGRESS))
        session.execute(update(KpiInstance).values(next_at=NOON + HOUR))
    tick(desk, NOON + 2 * HOUR)

    posts = [d for d in desk.all(Delivery) if (d.channel, d.kind) == ("slack", "sla")]
    assert [(post.target, post.payload["text"]) for post in posts] == (
        [("C0123456789", "resolve by Support")] if slack else []
    )
    assert outcomes(desk) == (
        ["post in C0123456789 promised", "not posted: its queue has no Slack channel"]
        if slack
        else ["not posted: Slack is not connected"] * 2
    )


@pytest.mark.parametrize(
    ("form", "wrong"),
    [
        ({"channel": "general"}, "channel: 'general' is no channel of Slack; write its id"),
        ({"channel": "#General chat"}, "channel: '#General chat' is no channel"),
        ({"channel": "C012\n"}, "channel: 'C012.n' is no channel"),
        ({"channel": 7}, "channel: 7 is no channel"),
        ({"text": "{secret}"}, "text: {secret} cannot be filled here"),
        ({"to": ["owner"]}, "to: unknown field of an action that does slack"),
    ],
)
def test_a_post_that_cannot_be_meant_is_refused(form: dict[str, Any], wrong: str) -> None:
    with pytest.raises(BadAction, match=f"^{wrong}"):
        Action.from_json({"on": "failure", "do": "slack", **form})


@pytest.mark.parametrize(
    ("form", "wrong"),
    [
        ({"url": "http://hook.example.com"}, "url: begin with https"),
        ({"url": "https://10.0.0.1/"}, "url: 10.0.0.1 is an address of a private network"),
        ({"endpoint": "books"}, "endpoint: 'books' is not an id"),
        ({}, "endpoint: None is not an id"),
    ],
)
def test_a_webhook_that_cannot_be_called_is_refused(form: dict[str, Any], wrong: str) -> None:
    with pytest.raises(BadAction, match=f"^{wrong}"):
        Action.from_json({"on": "failure", "do": "webhook", **form})


def test_a_warning_changes_whatever_a_case_says(desk: DeskUnderTest) -> None:
    with desk.transaction() as session:
        complaint = case_types.add_type(session, SYSTEM, "Complaint", at=NOON)
        topic = topics.add_topic(session, SYSTEM, "Late", at=NOON)
        custom.add_field(
            session, SYSTEM, key="seats", label="Seats", kind=FieldKind.NUMBER, at=NOON
        )
    change = {
        "on": "warning", "do": "change", "reason": "on hold", "tags": ["late"],
        "type": str(complaint.id), "topic": str(topic.id), "number.seats": 5,
    }  # fmt: skip
    has_sla(desk, item(fail=120, warn=60, actions=[change]))
    open_case(desk)

    tick(desk, NOON + HOUR)

    with desk.db.reading() as session:
        case = session.scalars(select(Case)).one()
        said = case.reason, case.type_id, case.topic_id, [tag.name for tag in case.tags]
        assert said == (Reason.ON_HOLD, complaint.id, topic.id, ["late"])
        assert case.custom["seats"].value == 5
    assert outcomes(desk) == ["number.seats, topic, type set, tagged late, status reason on hold"]
    assert the_clock(desk).state is KpiState.PAUSED


def test_of_what_a_case_cannot_say_any_more_it_says_nothing(desk: DeskUnderTest) -> None:
    with desk.transaction() as session:
        gone = case_types.add_type(session, SYSTEM, "Gone", at=NOON)
        case_types.archive_type(session, SYSTEM, gone.id, at=NOON)
    change = {"on": "failure", "do": "change", "priority": "high", "tags": ["late"]}
    has_sla(desk, item(fail=60, actions=[change | {"type": str(gone.id)}]))
    open_case(desk)

    tick(desk, NOON + HOUR)

    [outcome] = outcomes(desk)
    assert outcome.startswith("priority normal became high, the rest not changed: type")
    with desk.db.reading() as session:
        case = session.scalars(select(Case)).one()
        assert (case.priority, case.type_id, case.tags) == (Priority.HIGH, None, [])


NOBODY = "00000000-0000-0000-0000-000000000000"


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({}, "priority: say to what it changes"),
        ({"reason": "asleep"}, "reason: 'asleep' is none of"),
        ({"reason": NOBODY}, "reason: there is no such status reason"),
        ({"reason": "resolved"}, "reason: 'resolved' is none of"),
        ({"type": NOBODY}, "type: there is no such type"),
        ({"topic": "printers"}, "topic: 'printers' is not an id"),
        ({"tags": "late"}, "tags: a list"),
        ({"number.nope": 5}, "number.nope: there is no such field"),
        ({"number.seats": "many"}, "number.seats: write a number"),
        ({"mood": "good"}, "mood: unknown field"),
    ],
)
def test_what_a_case_cannot_become_is_refused_when_it_is_drafted(
    desk: DeskUnderTest, said: dict[str, Any], why: str
) -> None:
    with desk.transaction() as session:
        custom.add_field(
            session, SYSTEM, key="seats", label="Seats", kind=FieldKind.NUMBER, at=NOON
        )
    wrong = item(actions=[{"on": "failure", "do": "change"} | said])

    with pytest.raises(NotAnSla) as refused, desk.transaction() as session:
        activation.draft(session, SYSTEM, "Gold", [wrong], at=NOON)

    assert str(refused.value).startswith(f"items[0].actions[0]: {why}")
