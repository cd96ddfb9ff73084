"""What the desk does by itself: once for each cause, never in circles, and told in the log."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake import clock, wording, work
from intake.agents import NotAllowed, Principal, Role
from intake.automation import (
    AutomationRule,
    AutomationRun,
    Outcome,
    RuleInForce,
    RuleTerms,
    Trigger,
    WrongRule,
    actions,
    macros,
    trying,
    writing,
)
from intake.automation.doing import NotDone
from intake.automation.timers import AutomationTimer
from intake.cases import Activity, ActivityKind, Case, Priority, Severity
from intake.db import new_id
from intake.events import Delivery, Event
from intake.messages import Automatic
from intake.sla import ServiceCalendar
from tests.desk import NOON, DeskUnderTest, email

OPENED = {"events": ["case.opened"]}
REFUND = {"field": "subject", "op": "contains", "value": "refund"}
HIGH = [{"do": "set", "field": "priority", "value": "high"}]
HOUR = timedelta(hours=1)


@pytest.fixture
def root(desk: DeskUnderTest) -> Principal:
    return desk.principal("Root", Role.ADMINISTRATOR)


def has_rule(
    desk: DeskUnderTest,
    by: Principal,
    does: Sequence[dict[str, Any]],
    *,
    name: str = "rule",
    trigger: dict[str, Any] | None = None,
    condition: dict[str, Any] | None = None,
    activated: bool = True,
    at: datetime = NOON,
    position: int = 0,
) -> AutomationRule:
    terms = RuleTerms(name, trigger or OPENED, does, condition or {}, position)
    with desk.transaction() as session:
        rule = writing.draft(session, by, terms, at=at)
        if activated:
            writing.activate(session, by, rule.id, at=at)
        return rule


def opens(desk: DeskUnderTest, subject: str = "Refund, please", **fields: Any) -> Case:
    [receipt] = desk.accepts(email(subject=subject, **fields))
    assert receipt.case is not None
    return receipt.case


def ticks(desk: DeskUnderTest, at: datetime = NOON, times: int = 8) -> None:
    for _ in range(times):
        with desk.transaction() as session:
            clock.tick(session, desk.settings, at=at)


def log_of(desk: DeskUnderTest) -> list[tuple[str, Outcome, list[str]]]:
    names = {rule.id: rule.name for rule in desk.all(AutomationRule)}
    lines = sorted(desk.all(AutomationRun), key=lambda line: line.id)
    return [(names[line.rule_id], line.outcome, line.did) for line in lines]


def test_a_rule_acts_once_on_what_happened_and_says_why_or_why_not(
    desk: DeskUnderTest, root: Principal
) -> None:
    early = opens(desk)
    has_rule(desk, root, HIGH, name="pressing", condition=REFUND)
    wanted, other = opens(desk), opens(desk, "Hello")

    ticks(desk)

    priorities = [desk.case(each.number).priority for each in (early, wanted, other)]
    assert priorities == [Priority.NORMAL, Priority.HIGH, Priority.NORMAL]
    assert log_of(desk) == [
        ("pressing", Outcome.DONE, ["priority set"]), ("pressing", Outcome.NOT_MET, []),
    ]  # fmt: skip
    said = [line.said for line in desk.all(AutomationRun)]
    assert {"words": 'subject contains "refund"', "held": False} in [each[0] for each in said]
    [changed] = [e for e in desk.all(Event) if e.kind == "case.changed"]
    assert (changed.actor_name, changed.via) == ("Rule “pressing”", "automation")
    assert changed.data["cause"]["depth"] == 1


def test_a_change_of_a_field_is_seen_by_whatever_act_it_was_made(
    desk: DeskUnderTest, root: Principal
) -> None:
    when = {"events": ["case.changed", "case.snoozed"], "changed": ["priority", "snoozed_at"]}
    with pytest.raises(WrongRule, match=r"when\.changed"):
        has_rule(desk, root, HIGH, trigger=when)
    has_rule(desk, root, HIGH, trigger=when | {"changed": ["priority"]})
    has_rule(desk, root, HIGH, name="later", trigger={"events": ["case.snoozed"]})
    case, grace = opens(desk), desk.principal("Grace")

    with desk.transaction() as session:
        work.prioritise(session, grace, case.id, Priority.LOW, at=NOON)
        work.snooze(session, grace, case.id, NOON + timedelta(days=1), at=NOON)
    ticks(desk)

    assert {name for name, outcome, _did in log_of(desk) if outcome is Outcome.DONE} == {
        "rule", "later",
    }  # fmt: skip


def test_every_action_does_what_it_says(desk: DeskUnderTest, root: Principal) -> None:
    grace, vip = desk.has_agent("Grace"), desk.has_queue("VIP")
    desk.has_customer("ada@example.com")
    with desk.transaction() as session:
        thanks = wording.write(session, root, "Thanks", {"en": "We look at {number}."}, at=NOON)
    has_rule(
        desk,
        root,
        [
            {"do": "set", "field": "severity", "value": "major"},
            {"do": "tag", "tags": ["money"]},
            {"do": "route", "queue": str(vip.id)},
            {"do": "assign", "agent": str(grace.id)},
            {"do": "follow", "agent": str(grace.id)},
            {"do": "note", "text": "Seen by a rule."},
            {"do": "reply", "template": str(thanks.id)},
            {"do": "hold", "reason": "on hold"},
        ],
    )
    case = opens(desk)

    ticks(desk)

    [(_, outcome, did)] = log_of(desk)
    now = desk.case(case.number)
    assert (outcome, len(did)) == (Outcome.DONE, 8)
    assert (now.severity, now.queue_id, now.owner_id) == (Severity.MAJOR, vip.id, grace.id)
    [sent] = [row for row in desk.all(Delivery) if row.kind == "automatic-answer"]
    assert sent.payload["automatic"] is True
    assert sent.payload["text"] == f"We look at {case.number}."
    # What a machine says keeps no promise to answer.
    assert now.first_response_at is None


def test_what_fails_undoes_the_rest_and_other_rules_go_on(
    desk: DeskUnderTest, root: Principal
) -> None:
    grace = desk.has_agent("Grace")
    assign = {"do": "assign", "agent": str(grace.id)}
    has_rule(desk, root, [*HIGH, assign], name="first", position=1)
    has_rule(desk, root, [{"do": "note", "text": "Still here."}], name="second", position=2)
    with desk.transaction() as session:
        session.get_one(type(grace), grace.id).active = False
    case = opens(desk)

    ticks(desk)

    assert desk.case(case.number).priority is Priority.NORMAL
    assert log_of(desk) == [
        ("first", Outcome.FAILED, ["action 2, assign: there is no such active agent any more"]),
        ("second", Outcome.DONE, ["noted"]),
    ]  # fmt: skip
    assert [a.text for a in desk.activities(case)][-1] == "Still here."


def test_a_worker_that_dies_at_it_leaves_nothing_half_done_and_nothing_twice(
    desk: DeskUnderTest, root: Principal
) -> None:
    has_rule(desk, root, [{"do": "note", "text": "Once."}])
    case = opens(desk)

    with suppress(KeyError), desk.transaction() as session:
        clock.tick(session, desk.settings, at=NOON)
        raise KeyError("the worker died before it could commit")
    assert log_of(desk) == []
    ticks(desk)

    assert [a.text for a in desk.activities(case)].count("Once.") == 1


def test_an_event_that_is_committed_late_is_not_passed_over(
    desk: DeskUnderTest, root: Principal
) -> None:
    if desk.db.dialect == "sqlite":
        pytest.skip("one writer at a time: what is numbered first is committed first")
    first, second = opens(desk), opens(desk)
    has_rule(desk, root, HIGH, trigger={"events": ["case.noted"]})
    with desk.transaction() as late:
        work.note(late, root, first.id, "I am slow.", at=NOON)
        late.flush()
        with desk.transaction() as session:
            work.note(session, root, second.id, "I am quick.", at=NOON)
        ticks(desk)
        assert log_of(desk) == []

    ticks(desk)

    asked = [line.case_id for line in sorted(desk.all(AutomationRun), key=lambda line: line.id)]
    assert asked == [first.id, second.id]


def test_rules_that_set_each_other_off_are_stopped_and_it_is_told(
    desk: DeskUnderTest, root: Principal
) -> None:
    up = {"events": ["case.changed"], "changed": ["priority"]}
    has_rule(desk, root, HIGH, name="up", trigger=up, condition=_priority("low"))
    low = [{"do": "set", "field": "priority", "value": "low"}]
    has_rule(desk, root, low, name="down", trigger=up, condition=_priority("high"))
    case = opens(desk)
    with desk.transaction() as session:
        work.change_fields(
            session, root, case.id, {"priority": "high"}, desk=desk.settings, at=NOON
        )

    ticks(desk)

    done = [name for name, outcome, _ in log_of(desk) if outcome is Outcome.DONE]
    stopped = [(n, did) for n, outcome, did in log_of(desk) if outcome is Outcome.STOPPED]
    assert done == ["down", "up"]
    assert stopped == 2 * [("down", ["stopped: it acted in this chain of events already"])]
    # What an agent does afterwards is a chain of its own.
    with desk.transaction() as session:
        work.change_fields(session, root, case.id, {"priority": "low"}, desk=desk.settings, at=NOON)
    ticks(desk)
    assert [n for n, o, _ in log_of(desk) if o is Outcome.DONE] == ["down", "up", "up", "down"]


def test_a_chain_of_many_rules_ends(desk: DeskUnderTest, root: Principal) -> None:
    for number in range(8):
        has_rule(
            desk, root, [{"do": "tag", "tags": [f"t{number + 1}"]}], name=f"rule {number}",
            trigger={"events": ["case.changed"], "changed": ["tags"]},
            condition={"field": "tags", "op": "contains", "value": f"t{number}"},
            position=-number,
        )  # fmt: skip
    case = opens(desk)
    with desk.transaction() as session:
        work.tag(session, root, case.id, add=["t0"], desk=desk.settings, at=NOON)

    ticks(desk, times=12)

    deepest = max(line.depth for line in desk.all(AutomationRun) if line.outcome is Outcome.DONE)
    assert deepest == 4
    assert any("set each other off" in did[0] for _, o, did in log_of(desk) if o is Outcome.STOPPED)


def test_machines_doubtful_senders_and_archives_are_never_answered(
    desk: DeskUnderTest, root: Principal
) -> None:
    desk.has_customer("ada@example.com")
    with desk.transaction() as session:
        thanks = wording.write(session, root, "Thanks", {"en": "We look at it."}, at=NOON)
    reply = [{"do": "reply", "template": str(thanks.id)}]
    has_rule(desk, root, reply, trigger={"events": ["case.opened", "message.received"]})
    machine = opens(desk, automatic=Automatic.AUTO_REPLY)
    opens(desk, sender_doubt="spf")
    old = email()
    desk.accepts(replace(old, historic=True))
    first = opens(desk)
    opens(desk)

    ticks(desk)

    told = [did[0] for _, _, did in log_of(desk)]
    assert told == [
        "action 1, reply: the last message came from a machine",
        "action 1, reply: it is in doubt who sent the last message",
        "answered ada@example.com with “Thanks” in en",
        "action 1, reply: 1 automatic answers went to that address already",
    ]
    sent = [row.case_id for row in desk.all(Delivery) if row.kind == "automatic-answer"]
    assert sent == [first.id]
    assert machine.id not in sent


def test_an_automatic_answer_holds_no_word_of_a_stranger(
    desk: DeskUnderTest, root: Principal
) -> None:
    with desk.transaction() as session:
        hello = wording.write(session, root, "Hello", {"en": "About {subject}"}, at=NOON)

    with pytest.raises(WrongRule, match=r"actions\[0\].template: .*\{subject\}, which a stranger"):
        has_rule(desk, root, [{"do": "reply", "template": str(hello.id)}])


@pytest.mark.parametrize("calendar", [False, True], ids=["around the clock", "business hours"])
def test_a_time_rule_acts_once_when_its_time_comes(
    desk: DeskUnderTest, root: Principal, calendar: bool
) -> None:
    hours = ServiceCalendar(
        id=new_id(), name="Mornings",
        hours={"zone": "UTC", "weekly": {"mon": [["08:00", "13:00"]], "tue": [["08:00", "13:00"]]}},
    )  # fmt: skip
    with desk.transaction() as session:
        session.add(hours)
    before = opens(desk, at=NOON - timedelta(days=7))
    waiting = opens(desk, at=NOON - HOUR)
    of = {"calendar": str(hours.id)} if calendar else {}
    has_rule(
        desk, root, [{"do": "note", "text": "Nobody answered."}],
        trigger={"after": "opened", "minutes": 240, **of},
        condition={"field": "answered", "op": "is", "value": False},
    )  # fmt: skip
    ticks(desk)
    due_at = NOON + 3 * HOUR if not calendar else datetime(2026, 3, 3, 10, tzinfo=NOON.tzinfo)
    new = opens(desk)

    ticks(desk, at=due_at - timedelta(seconds=1))
    assert log_of(desk) == []
    ticks(desk, at=due_at)
    [only] = desk.all(AutomationRun)
    ticks(desk, at=due_at + HOUR)

    assert (only.case_id, only.outcome, only.due_at) == (waiting.id, Outcome.DONE, due_at)
    # One that was past when the rule was activated stays past; each other is due once.
    assert {line.case_id for line in desk.all(AutomationRun)} == {waiting.id, new.id}
    assert before.id not in {timer.case_id for timer in desk.all(AutomationTimer)}


def test_a_time_rule_asks_about_dates_as_they_are_when_its_time_comes(
    desk: DeskUnderTest, root: Principal
) -> None:
    touched, quiet = opens(desk), opens(desk, sender="bob@example.com")
    has_rule(
        desk, root, HIGH, trigger={"after": "opened", "minutes": 3 * 24 * 60},
        condition={"field": "updated", "op": "is longer ago than", "value": "1 day"},
    )  # fmt: skip
    ticks(desk)
    with desk.transaction() as session:
        work.note(session, root, touched.id, "On it.", at=NOON + 60 * HOUR)

    ticks(desk, at=NOON + 72 * HOUR)

    priorities = [desk.case(each.number).priority for each in (touched, quiet)]
    assert priorities == [Priority.NORMAL, Priority.HIGH]
    assert [line.said[0]["words"] for line in desk.all(AutomationRun)] == [
        "changed is longer ago than 1 day"
    ] * 2


def test_a_timer_follows_the_date_it_counts_from(desk: DeskUnderTest, root: Principal) -> None:
    has_rule(
        desk, root, [{"do": "note", "text": "Call them."}],
        trigger={"after": "follow-up agreed for", "minutes": 0},
    )  # fmt: skip
    case = opens(desk)
    for hours in (2, 4):
        with desk.transaction() as session:
            work.agree_follow_up(session, root, case.id, NOON + hours * HOUR, at=NOON)
        ticks(desk)
    [timer] = desk.all(AutomationTimer)
    assert timer.due_at == NOON + 4 * HOUR

    with desk.transaction() as session:
        work.agree_follow_up(session, root, case.id, None, at=NOON)
    ticks(desk)

    assert desk.all(AutomationTimer) == []


def test_a_paused_rule_misses_what_happens_meanwhile(desk: DeskUnderTest, root: Principal) -> None:
    rule = has_rule(desk, root, HIGH)
    with desk.transaction() as session, pytest.raises(RuleInForce, match="pause it"):
        writing.rewrite(session, root, rule.id, RuleTerms("x", OPENED, HIGH), at=NOON)
    with desk.transaction() as session:
        writing.pause(session, root, rule.id, at=NOON)
    missed = opens(desk)
    ticks(desk)
    with desk.transaction() as session:
        writing.activate(session, root, rule.id, at=NOON)
    seen = opens(desk)
    ticks(desk)

    assert desk.case(missed.number).priority is Priority.NORMAL
    assert desk.case(seen.number).priority is Priority.HIGH


def test_a_draft_is_tried_on_a_case_and_on_last_week_and_nothing_comes_of_it(
    desk: DeskUnderTest, root: Principal
) -> None:
    money, calm = opens(desk), opens(desk, "Hello")
    rule = has_rule(
        desk, root, [*HIGH, {"do": "note", "text": "Hm."}], activated=False,
        condition={"all": [REFUND, _priority("normal"), {"field": "queue", "op": "is set"}]},
    )  # fmt: skip
    version = desk.case(money.number).version
    counts = [desk.count(table) for table in (Event, Activity, AutomationRun)]
    with desk.transaction() as session:
        line = trying.on_case(session, root, rule.id, money.id, desk=desk.settings, at=NOON + HOUR)
        other = trying.on_case(session, root, rule.id, calm.id, desk=desk.settings, at=NOON + HOUR)
    assert [desk.count(table) for table in (Event, Activity, AutomationRun)] == counts
    assert desk.case(money.number).version == version
    with desk.transaction() as session:
        # It was normal then, whatever it is now.
        work.change_fields(
            session, root, money.id, {"priority": "high"}, desk=desk.settings, at=NOON
        )

    with desk.db.reading() as session:
        past = trying.on_the_past(
            session, root, rule.id, since=NOON - HOUR, until=NOON + HOUR
        )  # fmt: skip

    assert (line.outcome, line.did) == (Outcome.DONE, ["priority set", "noted"])
    assert (other.outcome, other.did) == (Outcome.NOT_MET, [])
    assert (past.asked, past.held, past.approximated) == (2, 1, ("queue",))
    assert {each.case_number: each.holds for each in past.shown} == {
        money.number: True, calm.number: False,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"trigger": {"events": ["case.eaten"]}}, "when.events: 'case.eaten' is none of"),
        ({"trigger": {"after": "lunch", "minutes": 5}}, "when.after: 'lunch'"),
        ({"trigger": {"after": "opened", "minutes": -5}}, "when.minutes: a number"),
        ({"condition": {"field": "subjekt", "op": "is"}}, "condition: .*did you mean"),
        ({"actions": [{"do": "fly"}]}, r"actions\[0\].do: one of set"),
        ({"actions": [{"do": "set", "field": "priority", "value": "huge"}]}, "one of low, normal"),
        ({"actions": [{"do": "note", "text": " "}]}, r"actions\[0\].text: say what"),
        ({"actions": [{"do": "route", "queue": str(new_id())}]}, "there is no such queue"),
        ({"actions": [{"do": "assign", "agent": "me"}]}, "nobody applies a rule"),
        ({"actions": []}, "actions: say what is to be done"),
        ({"name": " "}, "name: a name of 1 to"),
    ],
)
def test_what_cannot_be_done_is_named_before_a_rule_acts(
    desk: DeskUnderTest, root: Principal, fields: dict[str, Any], says: str
) -> None:
    terms = {"actions": HIGH, **fields}

    with pytest.raises(WrongRule, match=says):
        has_rule(desk, root, terms.pop("actions"), **terms)


def test_only_administrators_write_rules(desk: DeskUnderTest) -> None:
    marta = desk.principal("Marta", Role.MANAGER)

    with pytest.raises(NotAllowed):
        has_rule(desk, marta, HIGH)


def test_a_macro_does_all_of_it_as_the_agent_or_nothing(
    desk: DeskUnderTest, root: Principal
) -> None:
    grace = desk.principal("Grace")
    desk.has_customer("ada@example.com")
    case, nobody = opens(desk), opens(desk, sender="+34911234567", channel="phone", kind="phone")
    with desk.transaction() as session:
        hello = wording.write(session, root, "Hello", {"en": "Hello {contact}"}, at=NOON)
        mine = macros.write(
            session, root, "Take and greet",
            [{"do": "assign", "agent": "me"}, {"do": "reply", "template": str(hello.id)}], at=NOON,
        )  # fmt: skip
    with desk.transaction() as session:
        macros.apply(session, grace, case.id, mine.id, desk=desk.settings, at=NOON)
    with pytest.raises(NotDone, match="action 2, reply"), desk.transaction() as session:
        macros.apply(session, grace, nobody.id, mine.id, desk=desk.settings, at=NOON)

    assert desk.case(case.number).owner_id == grace.id
    assert desk.case(nobody.number).owner_id is None
    said = [a for a in desk.activities(case) if a.kind is ActivityKind.EMAIL]
    assert (said[-1].text, said[-1].author_name) == ("Hello Ada", "Grace")
    [applied] = [e for e in desk.all(Event) if e.kind == "case.macro_applied"]
    assert applied.data["macro"] == "Take and greet"


@given(
    st.one_of(
        st.builds(lambda: {"events": ["case.opened", "case.changed"], "changed": ["priority"]}),
        st.builds(lambda n: {"after": "opened", "minutes": n}, st.integers(0, 10_000)),
    )
)
def test_a_trigger_is_read_as_it_was_written(form: dict[str, Any]) -> None:
    assert Trigger.from_json(form).as_json() == form


def test_actions_are_read_as_they_were_written() -> None:
    id = str(new_id())
    forms = [
        {"do": "set", "field": "type", "value": id}, {"do": "tag", "tags": ["a", "b"]},
        {"do": "ask routing rules"}, {"do": "webhook", "endpoint": id},
        {"do": "resolve", "text": "Done."},
    ]  # fmt: skip
    assert [
        {key: each.as_json()[key] for key in form}
        for each, form in zip(actions.read(forms), forms, strict=True)
    ] == forms


def _priority(word: str) -> dict[str, Any]:
    return {"field": "priority", "op": "is", "value": word}
