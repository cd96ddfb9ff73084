"""Which queue a case goes to and to whom, on both databases."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from intake import routing, work
from intake.agents import NotAllowed, Role
from intake.cases import Case, Priority, StaleVersion
from intake.conditions import BadCondition
from intake.db import new_id
from intake.events import Event
from intake.facts import read_condition
from intake.queues import DefaultQueue, Queue, WhenNotCovered
from intake.routing import NotRoutable, RuleForm, RuleSet, RuleSetInForce, RuleSetState, activation
from intake.teams import Team
from tests.desk import DESK, NOON, DeskUnderTest, email
from tests.statements import statements_of

ALWAYS: dict[str, Any] = {"all": []}
LATER = NOON + timedelta(hours=1)


def says(field: str, *words: str) -> dict[str, Any]:
    return {"field": field, "op": "contains any of", "value": [*words]}


def rule(name: str, condition: dict[str, Any], to: Queue | None = None, **target: Any) -> RuleForm:
    return RuleForm(name, condition, to.id if to else None, **target)


def has_rules(desk: DeskUnderTest, *rules: RuleForm, activated: bool = True) -> RuleSet:
    admin = desk.principal(f"Admin{desk.count(RuleSet)}", Role.ADMINISTRATOR)
    with desk.transaction() as session:
        found = activation.draft(session, admin, "Ours", rules, at=NOON)
        if activated:
            activation.activate(session, admin, found.id, at=NOON)
        return found


def opens(desk: DeskUnderTest, *, subject: str = "Hello", **fields: Any) -> Case:
    [receipt] = desk.accepts(email(subject=subject, **fields))
    assert receipt.case is not None
    return receipt.case


def queue_of(desk: DeskUnderTest, **fields: Any) -> tuple[str, str]:
    """The queue a new case went to, and why."""
    case = opens(desk, **fields)
    names = {queue.id: queue.name for queue in desk.all(Queue)}
    return names[case.queue_id], case.routed_by


def test_the_first_rule_that_holds_decides(desk: DeskUnderTest) -> None:
    billing, sales = desk.has_queue("Billing"), desk.has_queue("Sales")
    has_rules(
        desk,
        rule("money", says("subject", "invoice", "refund"), billing),
        rule("sale", says("subject", "invoice"), sales),
    )

    assert queue_of(desk, subject="Wrong INVOICE") == ("Billing", "rule “money”")
    assert queue_of(desk, subject="Hello")[0] == "Support"


@pytest.mark.parametrize(
    ("condition", "holds", "does_not"),
    [
        (says("said", "refund"), {"text": "I want a Refund."}, {"text": "I want a printer."}),
        (says("account_name", "example.com"), {}, {"sender": "bob@other.example"}),
        (says("contact_name", "ada"), {}, {"sender": "bob@other.example"}),
        (says("plan", "support plan"), {}, {"sender": "bob@other.example"}),
        ({"field": "remaining", "op": "is at most", "value": 5}, {}, {"sender": "bob@b.example"}),
        ({"field": "sender_certain", "op": "is", "value": False}, {"sender_doubt": "spf"}, {}),
        (says("sender", "ada@example.com"), {}, {"sender": "bob@other.example"}),
        (
            {"all": [{"field": "channel", "op": "is", "value": "phone"}, says("subject", "hello")]},
            {"channel": "phone"},
            {},
        ),
    ],
    ids=["words", "account", "contact", "entitlement", "terms left", "doubt", "sender", "nested"],
)
def test_rules_ask_about_what_was_said_by_whom_and_what_is_left(
    desk: DeskUnderTest, condition: dict[str, Any], holds: dict[str, Any], does_not: dict[str, Any]
) -> None:
    desk.has_customer("ada@example.com", allotment=5)
    has_rules(desk, rule("theirs", condition, desk.has_queue("Theirs")))

    assert queue_of(desk, **holds)[0] == "Theirs"
    assert queue_of(desk, **does_not)[0] == "Support"


def test_a_rule_may_give_the_case_to_an_agent(desk: DeskUnderTest) -> None:
    grace, gone = desk.has_agent("Grace"), desk.has_agent("Gone")
    has_rules(
        desk,
        rule("hers", says("subject", "router"), agent_id=grace.id),
        rule("his", says("subject", "printer"), agent_id=gone.id),
    )
    with desk.transaction() as session:
        session.get_one(type(gone), gone.id).active = False

    hers, his = opens(desk, subject="My router"), opens(desk, subject="My printer")

    assert (hers.owner_id, hers.queue_id) == (grace.id, desk.queue.id)
    assert his.owner_id is None
    assert "Gone does not work on cases any more" in his.routed_by


def test_a_rule_may_give_the_case_to_a_team_in_its_own_queue(desk: DeskUnderTest) -> None:
    network = Team(id=new_id(), name="Network", created_at=NOON)
    theirs = desk.has_queue("Network queue")
    with desk.transaction() as session:
        session.add_all([network, DefaultQueue(team_id=network.id, queue_id=theirs.id)])
    has_rules(desk, rule("theirs", says("subject", "router"), team_id=network.id))

    case = opens(desk, subject="My router")

    assert (case.team_id, case.owner_id, case.queue_id) == (network.id, None, theirs.id)


def test_without_a_rule_the_mailbox_decides_and_then_the_default(desk: DeskUnderTest) -> None:
    desk.has_queue("Billing", address="billing@desk.example")

    assert queue_of(desk, mailbox="billing@desk.example") == (
        "Billing",
        "mailbox billing@desk.example",
    )
    assert queue_of(desk, mailbox="gone@desk.example") == ("Support", "default queue")


def test_an_uncovered_case_waits_for_review_where_its_queue_wants_that(
    desk: DeskUnderTest,
) -> None:
    desk.has_queue("Review", is_review=True)
    desk.has_queue("Strict", address="strict@desk.example", when_not_covered=WhenNotCovered.REVIEW)
    desk.has_customer("ada@example.com", allotment=5)

    stranger = queue_of(desk, sender="who@nowhere.example", mailbox="strict@desk.example")
    covered = queue_of(desk, sender="ada@example.com", mailbox="strict@desk.example")

    assert stranger == ("Review", "Strict holds uncovered cases for review")
    assert covered[0] == "Strict"
    assert desk.count(Case) == 2


def test_a_message_that_is_not_to_be_routed_goes_where_its_mailbox_leads(
    desk: DeskUnderTest,
) -> None:
    has_rules(desk, rule("all", ALWAYS, desk.has_queue("Everything")))
    arrival = email()

    [receipt] = desk.accepts(type(arrival)(arrival.message, arrival.mailbox, NOON, routed=False))

    assert receipt.case is not None
    assert receipt.case.queue_id == desk.queue.id


def test_a_case_tells_what_each_rule_answered(desk: DeskUnderTest) -> None:
    billing = desk.has_queue("Billing")
    has_rules(
        desk,
        rule("theirs", {"field": "queue", "op": "is", "value": str(billing.id)}, billing),
        rule("money", {"not": says("subject", "hello")}, billing),
        rule("never tried", ALWAYS, billing),
    )
    case = opens(desk, subject="Refund")

    with desk.db.reading() as session:
        answers = routing.answers_of(session, [case.id])[case.id]

    told = [(each.rule.name, each.held, each.said) for each in answers]
    assert told == [
        ("theirs", False, (("queue is Billing", False),)),
        ("money", True, (('subject contains any of "hello"', False),)),
    ]


def test_rules_that_ask_for_customers_cost_nothing_for_those_who_do_not(
    desk: DeskUnderTest,
) -> None:
    has_rules(desk, rule("money", says("subject", "invoice"), desk.queue))
    desk.has_customer("ada@example.com", allotment=50)

    def statements(number: int) -> int:
        with statements_of(desk.db) as seen:
            desk.accepts(*(email(subject=f"Case {n}") for n in range(number)))
        return len([s for s in seen if s.startswith("SELECT")])

    assert statements(10) == statements(2)


def test_only_a_draft_is_edited_and_one_set_is_in_force(desk: DeskUnderTest) -> None:
    billing = desk.has_queue("Billing")
    first = has_rules(desk, rule("all", ALWAYS, billing))
    admin = desk.principal("Root", Role.ADMINISTRATOR)
    with desk.transaction() as session:
        draft = activation.copy(session, admin, first.id, at=LATER)
        forms = [rule("all", ALWAYS, desk.queue)]
        activation.rewrite(session, admin, draft.id, "Newer", forms, at=LATER, version=1)
        with pytest.raises(StaleVersion):
            activation.rewrite(session, admin, draft.id, "Lost", forms, at=LATER, version=1)
        with pytest.raises(RuleSetInForce, match="copy it"):
            activation.rewrite(session, admin, first.id, "x", [], at=LATER)
        with pytest.raises(RuleSetInForce, match="cases were decided"):
            activation.discard(session, admin, first.id, at=LATER)

    assert queue_of(desk)[0] == "Billing"
    with desk.transaction() as session:
        activation.activate(session, admin, draft.id, at=LATER)

    assert queue_of(desk)[0] == "Support"
    states = {found.name: found.state for found in desk.all(RuleSet)}
    assert states == {"Ours": RuleSetState.RETIRED, "Newer": RuleSetState.ACTIVE}


@pytest.mark.parametrize(
    ("rules", "says"),
    [
        ([], "rules: a set needs at least one rule"),
        ([RuleForm("nowhere", ALWAYS)], r"rules\[0\].queue: “nowhere” leads nowhere"),
        (["all", "all"], r"rules\[0\].condition: it always holds, so “all” is never reached"),
        (
            [{"field": "account", "op": "is", "value": "0198c0de-0000-7000-8000-000000000000"}],
            r"rules\[0\].condition: there is no account 0198c0de",
        ),
    ],
    ids=["empty", "no target", "never reached", "gone"],
)
def test_a_set_that_cannot_decide_is_not_activated(
    desk: DeskUnderTest, rules: list[Any], says: str
) -> None:
    forms = [
        each if isinstance(each, RuleForm) else rule("all", ALWAYS, desk.queue)
        if each == "all" else rule("one", each, desk.queue)
        for each in rules
    ]  # fmt: skip
    draft = has_rules(desk, *forms, activated=False)
    admin = desk.principal("Root", Role.ADMINISTRATOR)

    with desk.transaction() as session, pytest.raises(NotRoutable, match=says):
        activation.activate(session, admin, draft.id, at=NOON)


def test_a_condition_on_an_unknown_field_says_which_was_meant(desk: DeskUnderTest) -> None:
    with pytest.raises(BadCondition, match="channel"):
        read_condition({"field": "chanel", "op": "is", "value": "email"})
    with pytest.raises(NotRoutable, match=r"rules\[0\].condition: .*did you mean"):
        has_rules(desk, rule("x", {"field": "chanel", "op": "is", "value": "a"}, desk.queue))


def test_who_does_not_administer_changes_no_rules(desk: DeskUnderTest) -> None:
    manager = desk.principal("Marta", Role.MANAGER)

    with desk.transaction() as session, pytest.raises(NotAllowed):
        activation.draft(session, manager, "Mine", [], at=NOON)


def test_the_rules_run_again_by_hand(desk: DeskUnderTest) -> None:
    grace = desk.principal("Grace")
    billing = desk.has_queue("Billing")
    money, other, closed = (opens(desk, subject=s) for s in ("Refund", "Hello", "Refund again"))
    has_rules(desk, rule("money", says("subject", "refund"), billing))
    with desk.transaction() as session:
        for case in (money, other):
            work.pick(session, grace, case.id, at=NOON)
        work.cancel(session, grace, closed.id, "spam", desk=DESK, at=NOON)

        told = work.route_together(
            session, grace, [money.id, other.id, closed.id, money.id], at=LATER
        )

    assert [(each.moved, bool(each.problem)) for each in told] == [
        (True, False), (False, False), (False, True),
    ]  # fmt: skip
    assert "is cancelled" in told[2].problem
    # Who works on a case that stays where it is goes on with it.
    assert (desk.case(money.number).queue_id, desk.case(money.number).owner_id) == (
        billing.id, None,
    )  # fmt: skip
    assert desk.case(other.number).owner_id == grace.id


def test_the_time_machine_says_who_would_have_got_the_cases_and_changes_nothing(
    desk: DeskUnderTest,
) -> None:
    billing, vip = desk.has_queue("Billing"), desk.has_queue("VIP")
    grace, marta = desk.has_agent("Grace"), desk.principal("Marta", Role.MANAGER)
    desk.has_customer("ada@example.com", allotment=9)
    money, calm = (
        opens(desk, subject="Refund"),
        opens(desk, subject="Hello", text="A refund, please"),
    )
    opens(desk, subject="Hi", sender="bob@b.example")
    opens(desk, subject="Refund of yore", at=NOON - timedelta(days=60))
    with desk.transaction() as session:
        # What became of it afterwards is not what the rules are asked about.
        work.prioritise(session, marta, calm.id, Priority.HIGH, at=LATER)
        work.route_to(session, marta, money.id, vip.id, at=LATER)
    draft = has_rules(
        desk,
        rule("pressing", {"field": "priority", "op": "is", "value": "high"}, vip),
        rule("money", says("subject", "refund"), billing),
        rule("hers", says("said", "refund"), agent_id=grace.id),
        rule("covered", {"field": "account", "op": "is set"}, desk.queue),
        activated=False,
    )
    before = desk.count(Event)

    with desk.db.reading() as session:
        found = routing.rehearse(
            session, marta, draft.id, since=NOON - timedelta(days=30), until=LATER
        )

    assert (found.cases, found.moved, found.more) == (3, 2, False)
    assert {(s.was, s.becomes): s.count for s in found.steps} == {
        ("Support", "Billing"): 1, ("Support", "Support, Grace"): 1,
    }  # fmt: skip
    assert {d.number: d.why for d in found.differ} == {
        money.number: "rule “money”", calm.number: "rule “hers”",
    }  # fmt: skip
    assert dict(found.by_rule) == {"pressing": 0, "money": 1, "hers": 1, "covered": 0, "": 1}
    assert found.approximated == ("account",)
    assert desk.count(Event) == before


def test_the_time_machine_agrees_with_the_rules_that_really_decided(desk: DeskUnderTest) -> None:
    desk.has_queue("Strict", address="strict@desk.example", when_not_covered=WhenNotCovered.REVIEW)
    desk.has_queue("Review", is_review=True)
    desk.has_customer("ada@example.com", allotment=2)
    used = has_rules(
        desk,
        rule("doubt", {"field": "sender_certain", "op": "is", "value": False}, desk.queue),
        rule("money", says("said", "refund"), desk.has_queue("Billing")),
    )
    opens(desk, sender_doubt="spf")
    opens(desk, text="A refund!", sender="bob@b.example")
    for _ in range(3):
        opens(desk, mailbox="strict@desk.example")
    marta = desk.principal("Marta", Role.MANAGER)

    with desk.db.reading() as session:
        found = routing.rehearse(
            session, marta, used.id, since=NOON - timedelta(days=1), until=LATER
        )

    assert (found.cases, found.steps, found.approximated) == (5, (), ())
