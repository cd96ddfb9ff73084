"""Who changed which field of a case, from what to what, as the events tell it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from intake import history, work
from intake.agents import Principal
from intake.cases import Case, Priority, Reason, StaleVersion
from intake.events import Event
from tests.desk import DESK, NOON, DeskUnderTest, email
from tests.office import Office

LATER = NOON + timedelta(days=1)


@pytest.fixture
def grace(desk: DeskUnderTest) -> Principal:
    return desk.principal("Grace")


def opened(desk: DeskUnderTest) -> Case:
    [receipt] = desk.accepts(email())
    assert receipt.case
    return receipt.case


def told(desk: DeskUnderTest, case: Case, field: str = "") -> list[tuple[str, Any, Any]]:
    """Field, old and new of every change, the oldest first."""
    with desk.db.reading() as session:
        found = history.of_case(session, case.id, field=field)
    return [(each.field, each.old, each.new) for each in reversed(found)]


ACTS: dict[str, tuple[Callable[..., object], list[tuple[str, Any, Any]]]] = {
    "pick": (
        lambda s, by, case, desk: work.pick(s, by, case.id, at=NOON),
        [("owner", None, "Grace")],
    ),
    "hold": (
        lambda s, by, case, desk: work.hold(s, by, case.id, at=NOON),
        [("reason", "in progress", "waiting for details")],
    ),
    "prioritise": (
        lambda s, by, case, desk: work.prioritise(s, by, case.id, Priority.HIGH, at=NOON),
        [("priority", "normal", "high")],
    ),
    "resolve": (
        lambda s, by, case, desk: work.resolve(s, by, case.id, "ok", desk=desk.settings, at=NOON),
        [("state", "active", "resolved"), ("reason", "in progress", "problem solved")],
    ),
    "cancel": (
        lambda s, by, case, desk: work.cancel(s, by, case.id, "Spam", desk=DESK, at=NOON),
        [("state", "active", "cancelled"), ("reason", "in progress", "cancelled")],
    ),
    "agree a follow-up": (
        lambda s, by, case, desk: work.agree_follow_up(s, by, case.id, LATER, at=NOON),
        [("follow_up_at", None, LATER.isoformat())],
    ),
    "snooze": (
        lambda s, by, case, desk: work.snooze(s, by, case.id, LATER, at=NOON),
        [("snoozed_at", None, NOON.isoformat()), ("wakes_at", None, LATER.isoformat())],
    ),
    "note": (lambda s, by, case, desk: work.note(s, by, case.id, "hm", at=NOON), []),
}


@pytest.mark.parametrize("act", ACTS)
def test_each_act_records_what_was_and_what_is(
    desk: DeskUnderTest, grace: Principal, act: str
) -> None:
    case = opened(desk)
    do, expected = ACTS[act]
    with desk.transaction() as session:
        do(session, grace, case, desk)

    assert sorted(told(desk, case)) == sorted(expected)


def test_moving_a_case_tells_both_queues_and_whose_it_was(
    desk: DeskUnderTest, grace: Principal
) -> None:
    case, other = opened(desk), desk.has_queue("Billing")
    with desk.transaction() as session:
        work.pick(session, grace, case.id, at=NOON)
        work.route_to(session, grace, case.id, other.id, at=NOON)

    assert told(desk, case, "queue") == [("queue", "Support", "Billing")]
    assert told(desk, case, "owner") == [("owner", None, "Grace"), ("owner", "Grace", None)]
    assert told(desk, case, "state") == []
    assert told(desk, case, 'state"."x') == []


def test_what_a_message_of_the_customer_changes_is_told_as_theirs(
    desk: DeskUnderTest, grace: Principal
) -> None:
    [first] = desk.accepts(email(message_id="first@example.com"))
    assert first.case
    with desk.transaction() as session:
        work.hold(session, grace, first.case.id, at=NOON, reason=Reason.ON_HOLD)
    desk.accepts(email(in_reply_to="first@example.com", at=NOON + timedelta(hours=1)))

    with desk.db.reading() as session:
        [resumed, held] = history.of_case(session, first.case.id, field="reason")
    assert (resumed.old, resumed.new, resumed.who) == ("on hold", "in progress", "Ada")
    assert (held.who, held.via) == ("Grace", "test")


def test_a_stale_version_is_refused_with_what_differs(
    desk: DeskUnderTest, grace: Principal
) -> None:
    case, mallory = opened(desk), desk.principal("Mallory")

    def act(do: Callable[[Session], object]) -> None:
        with desk.transaction() as session:
            do(session)

    act(lambda s: work.prioritise(s, grace, case.id, Priority.LOW, at=NOON))
    read = desk.case(case.number).version
    act(lambda s: work.prioritise(s, mallory, case.id, Priority.NORMAL, at=NOON))
    act(lambda s: work.prioritise(s, mallory, case.id, Priority.HIGH, at=NOON))
    act(lambda s: work.pick(s, mallory, case.id, at=NOON))
    act(lambda s: work.release(s, mallory, case.id, at=NOON))

    with desk.transaction() as session, pytest.raises(StaleVersion) as refused:
        work.note(session, grace, case.id, "hm", at=NOON, version=read)

    # What went and came back does not differ; what changed twice is told once, from end to end.
    assert [(d.field, d.old, d.new, d.who) for d in refused.value.differs] == [
        ("priority", "low", "high", "Mallory")
    ]


def test_events_tell_the_version_they_made(desk: DeskUnderTest, grace: Principal) -> None:
    case = opened(desk)
    with desk.transaction() as session:
        work.pick(session, grace, case.id, at=NOON)

    [picked] = [event for event in desk.all(Event) if event.kind == "case.picked"]
    assert picked.data["version"] == desk.case(case.number).version
    assert UUID(str(picked.case_id)) == case.id


def test_graphql_tells_what_differs_and_the_history_of_a_field(desk: DeskUnderTest) -> None:
    office, grace = Office(desk), desk.has_agent("Grace")
    case = opened(desk)
    office.asks(
        "mutation { prioritise(caseNumber: 1001, priority: HIGH) { __typename } }", by=grace
    )
    office.asks('mutation { note(caseNumber: 1001, text: "hm") { __typename } }', by=grace)

    stale = office.asks(
        """mutation { note(caseNumber: 1001, text: "x", expectedVersion: 1) { ... on StaleVersion {
        changed { field old new actorName via } } } }""", by=grace,
    )  # fmt: skip
    asked = "{ case(number: 1001) { history(field: %s) { nodes { kind changes { old new } } } } }"
    of_field = office.asks(asked % '"priority"', by=grace)["case"]["history"]["nodes"]
    of_none = office.asks(asked % '"colour"', by=grace)["case"]["history"]["nodes"]

    assert case.number == 1001
    assert stale["note"]["changed"] == [
        {
            "field": "priority",
            "old": "normal",
            "new": "high",
            "actorName": "Grace",
            "via": "graphql",
        }
    ]
    assert of_field == [{"kind": "case.prioritised", "changes": [{"old": "normal", "new": "high"}]}]
    assert of_none == []
