"""One act for many cases: previewed, done a few at a time, taken back where nothing changed."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, update

from intake import bulk, queues, reasons, saved_views, sla, work
from intake.agents import SYSTEM, Agent, Principal, Role
from intake.bulk import Bulk, BulkItem, BulkOperation, ItemState, OperationState, What, WrongBulk
from intake.cases import ActivityKind, Case, ChildrenClose, Priority, Reason
from intake.db import new_id
from intake.entitlements import Entitlement, unbalanced
from intake.errors import NotFound
from intake.events import Event
from intake.fields import CaseType, FieldKind, Required, case_types, custom
from intake.queues import Queue
from intake.saved_views import ViewTerms
from intake.sla import KpiState
from intake.teams import Team, TeamMember
from intake.visibility import visible_to
from intake.work import Plan, Regarding
from tests.desk import DESK, NOON, DeskUnderTest, email
from tests.office import Office
from tests.promised import tick
from tests.test_case_life import columns
from tests.test_clock import plan
from tests.test_routing import has_rules, rule

HOUR = timedelta(hours=1)


@pytest.fixture
def grace(desk: DeskUnderTest) -> Principal:
    return desk.principal("Grace")


def cases(desk: DeskUnderTest, count: int) -> None:
    desk.accepts(*(email(f"c{n}@example.com", f"Case {n}") for n in range(count)))


def start(desk: DeskUnderTest, by: Principal, what: What, **how: Any) -> BulkOperation:
    with desk.transaction() as session:
        return bulk.start(session, by, Bulk(what, **how), visible_to(by), at=NOON)


def run(desk: DeskUnderTest, at: datetime = NOON + HOUR) -> None:
    while tick(desk, at).more:
        pass
    tick(desk, at)


def undo(desk: DeskUnderTest, by: Principal, operation: BulkOperation) -> None:
    with desk.transaction() as session:
        bulk.undo(session, by, operation.id, at=NOON)
    run(desk, NOON + 2 * HOUR)


def outcome(desk: DeskUnderTest) -> list[tuple[ItemState, str]]:
    with desk.db.reading() as session:
        items = session.scalars(select(BulkItem).order_by(BulkItem.position))
        return [(item.state, item.why) for item in items]


def dump(desk: DeskUnderTest) -> list[Any]:
    with desk.db.reading() as session:
        found = session.scalars(select(Case).order_by(Case.number)).all()
        return [
            [columns(case), sorted(tag.name for tag in case.tags)]
            + [sorted((key, held.value) for key, held in case.custom.items())]
            + [columns(item) for item in [queues.item_of(session, case)] if item]
            + [columns(c) for c in sla.of_case(session, case) if c.state is not KpiState.CANCELLED]
            + [columns(hold) for hold in sla.holds_of(session, [case.id])[case.id]]
            for case in found
        ]


def has_field(desk: DeskUnderTest, key: str = "seats", **more: Any) -> None:
    with desk.transaction() as session:
        label, kind = key.title(), FieldKind.NUMBER
        custom.add_field(session, SYSTEM, key=key, label=label, kind=kind, at=NOON, **more)


def has_type(desk: DeskUnderTest, name: str) -> UUID:
    with desk.transaction() as session:
        return case_types.add_type(session, SYSTEM, name, at=NOON).id


def how(desk: DeskUnderTest, what: What) -> dict[str, Any]:
    match what:
        case What.ASSIGN:
            return {"agent_id": desk.has_agent("Luis").id}
        case What.ROUTE:
            return {"queue_id": desk.has_queue("Billing").id}
        case What.PRIORITISE:
            return {"priority": Priority.HIGH}
        case What.TAG:
            return {"tags": ("storm", "May")}
        case What.UNTAG:
            return {"tags": ("VIP",)}
        case What.CHANGE:
            has_field(desk)
            return {"fields": {"severity": "major", "number.seats": "12"}}
        case What.REROUTE:
            always: dict[str, Any] = {"all": []}
            has_rules(desk, rule("all", always, desk.has_queue("Billing")))
        case What.SNOOZE:
            return {"until": NOON + 9 * HOUR}
    return {"text": "Solved by the new version."}


@pytest.mark.parametrize("what", list(What))
def test_each_act_is_done_to_all_of_them_and_taken_back(
    desk: DeskUnderTest, grace: Principal, what: What
) -> None:
    desk.has_sla(first_response=4 * HOUR, resolve_by=20 * HOUR)
    in_all_sorts_of_states(desk, grace)
    before = dump(desk)

    operation = start(desk, grace, what, **how(desk, what))
    assert dump(desk) == before, "a worker does it"
    run(desk)
    assert [state for state, _ in outcome(desk)] == [ItemState.DONE] * 4, outcome(desk)
    changed = dump(desk)
    assert all(now != then for now, then in zip(changed, before, strict=True))

    undo(desk, grace, operation)
    assert [state for state, _ in outcome(desk)] == [ItemState.UNDONE] * 4, outcome(desk)
    assert dump(desk) == before
    [done] = desk.all(BulkOperation)
    assert done.state is OperationState.UNDONE


def in_all_sorts_of_states(desk: DeskUnderTest, grace: Principal) -> None:
    """Four cases: taken; put off while it is looked into; a team's, on hold; in no queue."""
    cases(desk, 4)
    lead = desk.has_agent("Lead")
    with desk.transaction() as session:
        session.get_one(Queue, desk.queue.id).owner_id = lead.id
        crew = Team(id=new_id(), name="Crew", created_at=NOON)
        session.add_all([crew, TeamMember(team_id=crew.id, agent_id=lead.id)])
        session.flush()
        taken, later, teams, nowhere = (desk.case(number).id for number in range(1001, 1005))
        for case_id in (taken, later, teams, nowhere):
            work.tag(session, grace, case_id, add=["vip"], desk=DESK, at=NOON)
        work.prioritise(session, grace, taken, Priority.LOW, at=NOON)
        work.pick(session, grace, taken, at=NOON)
        work.assign(session, grace, later, grace.id, at=NOON, item_too=False)
        work.set_reason(session, grace, later, Reason.RESEARCHING, at=NOON)
        work.agree_follow_up(session, grace, later, NOON + 20 * HOUR, at=NOON)
        work.snooze(session, grace, later, NOON + 30 * HOUR, at=NOON)
        work.assign_team(session, grace, teams, crew.id, at=NOON)
        work.hold(session, grace, teams, at=NOON, reason=Reason.ON_HOLD)
        work.pick(session, grace, nowhere, at=NOON, remove_from_queue=True)


@pytest.mark.parametrize("what", [What.RESOLVE, What.CANCEL])
def test_children_that_were_closed_with_their_parent_come_back_with_it(
    desk: DeskUnderTest, grace: Principal, what: What
) -> None:
    desk.has_customer("c0@example.com", allotment=5)
    cases(desk, 1)
    parent = desk.case(1001).id
    with desk.transaction() as session:
        work.set_children_close(session, grace, parent, ChildrenClose.WITH_PARENT, at=NOON)
        for part in ("One", "Two", "Done before"):
            work.open_child(session, grace, parent, part, "", desk=DESK, at=NOON)
    with desk.transaction() as session:
        work.pick(session, grace, desk.case(1002).id, at=NOON)
        work.resolve(session, grace, desk.case(1004).id, "", desk=DESK, at=NOON)
    before = dump(desk)

    with desk.transaction() as session:
        wanted = bulk.chosen(grace, [1001])
        operation = bulk.start(session, grace, Bulk(what, text="x"), wanted, at=NOON)
    run(desk)
    assert not any(case.open for case in desk.all(Case))
    undo(desk, grace, operation)

    assert outcome(desk) == [(ItemState.UNDONE, "")]
    assert dump(desk) == before
    with desk.db.reading() as session:
        assert unbalanced(session, session.scalars(select(Entitlement)).all()) == []


def test_a_family_of_which_one_was_taken_up_since_stays_closed(
    desk: DeskUnderTest, grace: Principal
) -> None:
    cases(desk, 1)
    parent = desk.case(1001).id
    with desk.transaction() as session:
        work.set_children_close(session, grace, parent, ChildrenClose.WITH_PARENT, at=NOON)
        work.open_child(session, grace, parent, "Part", "", desk=DESK, at=NOON)
    with desk.transaction() as session:
        wanted = bulk.chosen(grace, [1001])
        operation = bulk.start(session, grace, Bulk(What.RESOLVE), wanted, at=NOON)
    run(desk)
    with desk.transaction() as session:
        work.reopen(session, grace, desk.case(1002).id, desk=DESK, at=NOON)

    undo(desk, grace, operation)

    assert outcome(desk) == [(ItemState.KEPT, "it changed since")]
    assert not desk.case(1001).open


def test_what_is_put_back_goes_to_nobody_who_left_and_into_no_archived_queue(
    desk: DeskUnderTest, grace: Principal
) -> None:
    old, luis = desk.has_queue("Old"), desk.has_agent("Luis")
    cases(desk, 1)
    with desk.transaction() as session:
        work.route_to(session, grace, desk.case(1001).id, old.id, at=NOON)
        work.assign(session, grace, desk.case(1001).id, luis.id, at=NOON)
    operation = start(desk, grace, What.ROUTE, queue_id=desk.queue.id)
    run(desk)
    with desk.transaction() as session:
        session.get_one(Queue, old.id).archived_at = NOON
        session.get_one(Agent, luis.id).active = False

    undo(desk, grace, operation)

    case = desk.case(1001)
    assert (case.queue_id, case.owner_id) == (desk.queue.id, None)
    with desk.db.reading() as session:
        item = queues.item_of(session, case)
        assert item is not None
        assert (item.queue_id, item.worked_by_id) == (desk.queue.id, None)


@pytest.mark.parametrize("what", [What.ASSIGN, What.ROUTE])
def test_what_is_in_no_queue_or_waits_for_another_is_not_so_already(
    desk: DeskUnderTest, grace: Principal, what: What
) -> None:
    cases(desk, 2)
    with desk.transaction() as session:
        work.pick(session, grace, desk.case(1001).id, at=NOON, remove_from_queue=True)
        work.assign(session, grace, desk.case(1002).id, grace.id, at=NOON, item_too=False)

    to = {"queue_id": desk.queue.id} if what is What.ROUTE else {"agent_id": grace.id}
    start(desk, grace, what, **to)
    run(desk)

    so_already = (ItemState.SKIPPED, "it was so already")
    both = [(ItemState.DONE, ""), so_already]
    assert outcome(desk) == (both if what is What.ROUTE else both[::-1])


def test_what_changed_since_is_named_and_left_alone(desk: DeskUnderTest, grace: Principal) -> None:
    cases(desk, 2)
    operation = start(desk, grace, What.PRIORITISE, priority=Priority.HIGH)
    run(desk)
    with desk.transaction() as session:
        work.prioritise(session, grace, desk.case(1001).id, Priority.LOW, at=NOON)
        work.note(session, grace, desk.case(1002).id, "Of no concern.", at=NOON)

    undo(desk, grace, operation)

    assert outcome(desk) == [(ItemState.KEPT, "it changed since"), (ItemState.UNDONE, "")]
    assert [desk.case(n).priority for n in (1001, 1002)] == [Priority.LOW, Priority.NORMAL]


def test_a_case_that_a_rule_refuses_keeps_the_others_from_nothing(
    desk: DeskUnderTest, grace: Principal
) -> None:
    cases(desk, 3)
    with desk.transaction() as session:
        work.resolve(session, grace, desk.case(1002).id, "", desk=desk.settings, at=NOON)

    start(desk, grace, What.PRIORITISE, priority=Priority.HIGH)
    run(desk)

    refused = (ItemState.FAILED, "case 1002 is resolved; reopen it first")
    assert outcome(desk) == [(ItemState.DONE, ""), refused, (ItemState.DONE, "")]


def test_it_goes_on_after_a_crash_and_does_nothing_twice(
    desk: DeskUnderTest, grace: Principal
) -> None:
    cases(desk, bulk.AT_ONCE + 5)
    start(desk, grace, What.PRIORITISE, priority=Priority.HIGH)

    first = tick(desk, NOON)
    with desk.transaction() as session:
        bulk.move(session, desk.settings, at=NOON, limit=bulk.AT_ONCE)
        session.rollback()  # the worker dies before it commits
    states = [state for state, _ in outcome(desk)]
    run(desk)

    assert (first.moved["bulk"], first.more) == (bulk.AT_ONCE, True)
    assert states.count(ItemState.WAITING) == 5
    told = [event for event in desk.all(Event) if event.kind == "case.prioritised"]
    assert len(told) == bulk.AT_ONCE + 5
    assert {state for state, _ in outcome(desk)} == {ItemState.DONE}


def test_it_can_be_stopped_and_what_was_done_taken_back(
    desk: DeskUnderTest, grace: Principal
) -> None:
    cases(desk, bulk.AT_ONCE + 5)
    operation = start(desk, grace, What.PRIORITISE, priority=Priority.HIGH)
    tick(desk, NOON)
    with pytest.raises(bulk.CannotUndoBulk, match="stop it first"):
        undo(desk, grace, operation)

    with desk.transaction() as session:
        bulk.stop(session, grace, operation.id, at=NOON)
    run(desk)
    assert sum(case.priority is Priority.HIGH for case in desk.all(Case)) == bulk.AT_ONCE

    undo(desk, grace, operation)
    assert {case.priority for case in desk.all(Case)} == {Priority.NORMAL}


def test_a_preview_tells_what_would_be_done_and_does_nothing(
    desk: DeskUnderTest, grace: Principal
) -> None:
    cases(desk, 4)
    with desk.transaction() as session:
        work.prioritise(session, grace, desk.case(1001).id, Priority.HIGH, at=NOON)
        work.cancel(session, grace, desk.case(1002).id, "Spam", desk=desk.settings, at=NOON)
    before = dump(desk)

    with desk.db.reading() as session:
        seen = bulk.preview(
            session, grace, Bulk(What.PRIORITISE, priority=Priority.HIGH), visible_to(grace),
            desk=DESK, at=NOON,
        )  # fmt: skip

    assert (seen.words, seen.total) == ("make the priority high", 4)
    assert (seen.ready, seen.already, seen.closed) == (2, 1, 1)
    assert [(one.case.number, one.now) for one in seen.changes] == [
        (1003, "normal"), (1004, "normal"),
    ]  # fmt: skip
    assert [(one.case.number, one.why) for one in seen.refusals] == [
        (1002, "case 1002 is cancelled; reactivate it first")
    ]
    assert dump(desk) == before


def test_a_preview_names_what_a_rule_refuses_as_the_change_does(
    desk: DeskUnderTest, grace: Principal
) -> None:
    cases(desk, 5)
    has_field(desk, type_id=has_type(desk, "Order"), required=Required.RESOLVING, key="pieces")
    planned = Plan(ActivityKind.TASK, "Call them")
    with desk.transaction() as session:
        regarding = Regarding(case_id=desk.case(1001).id)
        work.add_activity(session, grace, regarding, planned, at=NOON)
        order = {"type": str(session.scalars(select(CaseType.id)).one())}
        work.change_fields(session, grace, desk.case(1002).id, order, desk=DESK, at=NOON)
        work.hold(session, grace, desk.case(1003).id, at=NOON)
        reasons.allow(session, SYSTEM, Reason.WAITING_FOR_DETAILS, [Reason.IN_PROGRESS], at=NOON)
        work.cancel(session, grace, desk.case(1004).id, "Spam", desk=DESK, at=NOON)
        everything = visible_to(grace)
        change = Bulk(What.RESOLVE, text="Done.")
        seen = bulk.preview(session, grace, change, everything, desk=DESK, at=NOON)

    start(desk, grace, What.RESOLVE, text="Done.")
    run(desk)

    assert (seen.ready, seen.refused, seen.closed) == (1, 3, 1)
    assert [one.why for one in seen.refusals] == [why for _state, why in outcome(desk)[:4]]
    assert [state for state, _ in outcome(desk)] == [ItemState.FAILED] * 4 + [ItemState.DONE]


def test_a_field_that_is_not_asked_of_a_type_is_refused_of_its_cases_alone(
    desk: DeskUnderTest, grace: Principal
) -> None:
    cases(desk, 2)
    order = has_type(desk, "Order")
    has_field(desk, type_id=order)
    with desk.transaction() as session:
        said = {"type": str(order)}
        work.change_fields(session, grace, desk.case(1002).id, said, desk=DESK, at=NOON)
        change = Bulk(What.CHANGE, fields={"number.seats": 3})
        seen = bulk.preview(session, grace, change, visible_to(grace), desk=DESK, at=NOON)

    assert seen.words == "set Seats to 3"
    assert [(one.case.number, one.now) for one in seen.changes] == [(1002, "Seats nothing")]
    assert [one.why for one in seen.refusals] == [
        "number.seats: it is not asked of cases of this type"
    ]


def test_running_the_rules_again_tells_where_each_case_would_go(
    desk: DeskUnderTest, grace: Principal
) -> None:
    desk.accepts(email("c@d.example", "My invoice"), email("e@f.example", "My printer"))
    money: dict[str, Any] = {"field": "subject", "op": "contains", "value": "invoice"}
    has_rules(desk, rule("money", money, desk.has_queue("Billing")))

    with desk.db.reading() as session:
        change, everything = Bulk(What.REROUTE), visible_to(grace)
        seen = bulk.preview(session, grace, change, everything, desk=DESK, at=NOON)

    assert [(one.case.number, one.now, one.becomes) for one in seen.changes] == [
        (1001, "Support", "Billing")
    ]
    assert (seen.ready, seen.already) == (1, 1)


def test_a_view_that_grew_since_it_was_looked_at_is_looked_at_again(
    desk: DeskUnderTest, grace: Principal
) -> None:
    cases(desk, 3)
    change = Bulk(What.PRIORITISE, priority=Priority.HIGH)

    with (
        pytest.raises(WrongBulk, match="there are 3 by now, not 2; look again"),
        desk.transaction() as session,
    ):
        bulk.start(session, grace, change, visible_to(grace), at=NOON, expected=2)

    assert desk.count(BulkOperation) == 0


WRONG = {
    "fields": (What.CHANGE, {}),
    "subject": (What.CHANGE, {"fields": {"subject": "The same for all"}}),
    "severity": (What.CHANGE, {"fields": {"severity": "dreadful"}}),
    "number.seats": (What.CHANGE, {"fields": {"number.seats": 1}}),
    "agent": (What.ASSIGN, {}),
    "queue": (What.ROUTE, {}),
    "priority": (What.PRIORITISE, {}),
    "tags": (What.TAG, {"tags": (" ",)}),
    "reason": (What.HOLD, {"reason": Reason.PROBLEM_SOLVED}),
    "until": (What.SNOOZE, {"until": NOON}),
    "text": (What.RESOLVE, {"text": "x" * 5000}),
}


@pytest.mark.parametrize(("field", "wrong"), WRONG.items())
def test_what_cannot_be_meant_names_its_field_and_starts_nothing(
    desk: DeskUnderTest, grace: Principal, field: str, wrong: tuple[What, dict[str, Any]]
) -> None:
    cases(desk, 1)

    with pytest.raises(WrongBulk, match=f"^{field}: "):
        start(desk, grace, wrong[0], **wrong[1])

    assert desk.count(BulkOperation) == 0


def test_none_and_too_many_are_refused(
    desk: DeskUnderTest, grace: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(WrongBulk, match="choose one or more"):
        start(desk, grace, What.CANCEL, text="Spam.")
    cases(desk, 3)
    monkeypatch.setattr("intake.bulk.operations.MOST", 2)
    with pytest.raises(WrongBulk, match="at most 2"):
        start(desk, grace, What.CANCEL, text="Spam.")


def test_only_what_one_sees_is_changed_and_only_while_one_works_here(
    desk: DeskUnderTest, grace: Principal
) -> None:
    mary = desk.has_agent("Mary")
    board = desk.has_queue("Board", members=(mary,), address="board@desk.example")
    desk.accepts(
        email(mailbox="board@desk.example"), email("bob@example.com"), email("c@d.example")
    )
    operation = start(desk, grace, What.PRIORITISE, priority=Priority.HIGH)
    assert operation.total == 2
    with desk.transaction() as session:
        session.execute(update(Case).where(Case.number == 1002).values(queue_id=board.id))

    run(desk)
    assert outcome(desk) == [(ItemState.FAILED, "there is no such case"), (ItemState.DONE, "")]

    with desk.transaction() as session:
        session.execute(update(Agent).where(Agent.id == grace.id).values(active=False))
    again = start(desk, grace, What.PRIORITISE, priority=Priority.LOW)
    run(desk)
    assert desk.case(1003).priority is Priority.HIGH
    for other in (mary.principal("test"), desk.principal("Rita", Role.READ_ONLY)):
        with pytest.raises(NotFound), desk.db.reading() as session:
            bulk.operation(session, other, again.id)


def test_what_waits_is_found_by_index(desk: DeskUnderTest) -> None:
    assert "ix_bulk_items_waiting" in plan(desk, bulk.due(desk.settings, NOON).limit(1))


CHANGE = "$change: BulkChange!, $numbers: [Int!], $where: CaseFilter, $view: UUID, $search: String"
PASS = "change: $change, numbers: $numbers, where: $where, savedView: $view, search: $search"
PREVIEW = f"""query({CHANGE}) {{ previewBulk({PASS}) {{ __typename
  ... on BulkPreview {{ words total ready cases {{ number }}
    changes {{ case {{ number }} now }} refusals {{ case {{ number }} why }} }}
  ... on WrongInput {{ field }} ... on Problem {{ message }} }} }}"""
START = f"""mutation({CHANGE}) {{ startBulk({PASS}) {{ __typename
  ... on BulkStarted {{ bulk {{ id words state total }} }}
  ... on WrongInput {{ field }} ... on Problem {{ message }} }} }}"""
FOLLOW = """query($id: UUID!, $after: String) { bulk(id: $id) { state finishedAt agent { name }
  counts { state count } items(first: 2, after: $after) {
    nodes { state why case { number priority } } pageInfo { hasNextPage endCursor } } } }"""
UNDO = """mutation($id: UUID!) { undoBulk(id: $id) { __typename ... on BulkStarted {
  bulk { state } } ... on Problem { message } } }"""


def test_a_bulk_change_by_graphql_from_its_preview_to_its_undo(desk: DeskUnderTest) -> None:
    office, luis = Office(desk), desk.has_agent("Luis")
    cases(desk, 3)
    change = {"what": "PRIORITISE", "priority": "HIGH"}

    seen = office.asks(PREVIEW, by=luis, change=change, where={"states": ["ACTIVE"]})
    started = office.asks(START, by=luis, change=change, numbers=[1001, 1002, 1003])["startBulk"]
    run(desk)
    id = started["bulk"]["id"]
    page = office.asks(FOLLOW, by=luis, id=id)["bulk"]
    after = page["items"]["pageInfo"]["endCursor"]
    rest = office.asks(FOLLOW, by=luis, id=id, after=after)["bulk"]["items"]
    undoing = office.asks(UNDO, by=luis, id=id)["undoBulk"]
    run(desk)

    assert (seen["previewBulk"]["words"], seen["previewBulk"]["ready"]) == (
        "make the priority high", 3,
    )  # fmt: skip
    assert (started["bulk"]["state"], started["bulk"]["total"]) == ("RUNNING", 3)
    assert page["counts"] == [{"state": "DONE", "count": 3}]
    assert page["agent"] == {"name": "Luis"}
    assert [n["case"]["priority"] for n in page["items"]["nodes"]] == ["HIGH", "HIGH"]
    assert [n["case"]["number"] for n in rest["nodes"]] == [1003]
    assert undoing["bulk"]["state"] == "UNDOING"
    assert office.asks(FOLLOW, by=luis, id=id)["bulk"]["state"] == "UNDONE"
    assert office.asks(UNDO, by=luis, id=id)["undoBulk"]["__typename"] == "CannotUndo"
    assert office.asks(FOLLOW, by=desk.has_agent("Mary"), id=id)["bulk"] is None


def test_all_of_a_saved_view_and_all_that_a_search_finds_are_chosen_by_graphql(
    desk: DeskUnderTest,
) -> None:
    office, luis = Office(desk), desk.has_agent("Luis")
    cases(desk, 3)
    third: dict[str, Any] = {"field": "subject", "op": "contains", "value": "2"}
    with desk.transaction() as session:
        mine = saved_views.save(session, luis.principal("t"), ViewTerms("Third", third), at=NOON)
    change = {"what": "CHANGE", "fields": {"severity": "MAJOR"}}

    viewed = office.asks(PREVIEW, by=luis, change=change, view=str(mine.id))["previewBulk"]
    found = office.asks(PREVIEW, by=luis, change=change, search="#1002")["previewBulk"]
    started = office.asks(START, by=luis, change=change, view=str(mine.id))["startBulk"]
    run(desk)

    assert viewed["changes"] == [{"case": {"number": 1003}, "now": "severity normal"}]
    assert [case["number"] for case in found["cases"]] == [1002]
    assert started["bulk"]["words"] == "set severity to major"
    assert [desk.case(n).severity.value for n in (1001, 1003)] == ["normal", "major"]


@pytest.mark.parametrize(
    ("change", "chosen", "field"),
    [
        ({"what": "ASSIGN"}, {"numbers": [1001]}, "agent"),
        ({"what": "CANCEL"}, {"numbers": [1001]}, "text"),
        ({"what": "CANCEL", "text": "Spam."}, {}, "numbers"),
        ({"what": "CANCEL", "text": "Spam."}, {"numbers": [1001], "where": {}}, "numbers"),
        ({"what": "CANCEL", "text": "Spam."}, {"numbers": []}, "cases"),
    ],
)
def test_what_cannot_be_meant_is_wrong_input(
    desk: DeskUnderTest, change: dict[str, Any], chosen: dict[str, Any], field: str
) -> None:
    office, luis = Office(desk), desk.has_agent("Luis")
    cases(desk, 1)

    for query, name in ((PREVIEW, "previewBulk"), (START, "startBulk")):
        refused = office.asks(query, by=luis, change=change, **chosen)[name]
        assert (refused["__typename"], refused["field"]) == ("WrongInput", field)
