"""One act for many cases: previewed, done a few at a time, taken back where nothing changed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from intake import bulk, work
from intake.agents import Agent, Principal, Role
from intake.bulk import Bulk, BulkItem, BulkOperation, ItemState, OperationState, What, WrongBulk
from intake.cases import Case, Priority, Reason, State
from intake.errors import NotFound
from intake.events import Event
from intake.visibility import visible_to
from tests.desk import NOON, DeskUnderTest, email
from tests.office import Office
from tests.promised import tick
from tests.test_clock import plan

HOUR = timedelta(hours=1)
DUMPED = ("state", "reason", "priority", "owner_id", "queue_id", "snoozed_at", "wakes_at")


@pytest.fixture
def grace(desk: DeskUnderTest) -> Principal:
    return desk.principal("Grace")


def cases(desk: DeskUnderTest, count: int) -> None:
    desk.accepts(*(email(f"c{n}@example.com", f"Case {n}") for n in range(count)))


def start(desk: DeskUnderTest, by: Principal, what: What, **how: Any) -> BulkOperation:
    with desk.transaction() as session:
        return bulk.start(session, by, Bulk(what, **how), visible_to(by), at=NOON)


def run(desk: DeskUnderTest) -> None:
    while tick(desk, NOON + HOUR).more:
        pass
    tick(desk, NOON + HOUR)


def undo(desk: DeskUnderTest, by: Principal, operation: BulkOperation) -> None:
    with desk.transaction() as session:
        bulk.undo(session, by, operation.id, at=NOON)
    run(desk)


def outcome(desk: DeskUnderTest) -> list[tuple[ItemState, str]]:
    with desk.db.reading() as session:
        items = session.scalars(select(BulkItem).order_by(BulkItem.position))
        return [(item.state, item.why) for item in items]


def dump(desk: DeskUnderTest) -> list[Any]:
    with desk.db.reading() as session:
        found = session.scalars(select(Case).order_by(Case.number)).all()
        return [
            [getattr(case, name) for name in DUMPED] + [sorted(tag.name for tag in case.tags)]
            for case in found
        ]


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
        case What.SNOOZE:
            return {"until": NOON + 9 * HOUR}
    return {"text": "Solved by the new version."}


@pytest.mark.parametrize("what", [w for w in What if w is not What.CANCEL])
def test_each_act_is_done_to_all_of_them_and_taken_back(
    desk: DeskUnderTest, grace: Principal, what: What
) -> None:
    cases(desk, 3)
    with desk.transaction() as session:
        work.pick(session, grace, desk.case(1002).id, at=NOON)
        work.prioritise(session, grace, desk.case(1002).id, Priority.LOW, at=NOON)
        work.tag(session, grace, desk.case(1002).id, add=["vip"], desk=desk.settings, at=NOON)
    before = dump(desk)

    operation = start(desk, grace, what, **how(desk, what))
    assert dump(desk) == before, "a worker does it"
    run(desk)
    assert [state for state, _ in outcome(desk)] == [ItemState.DONE] * 3, outcome(desk)
    changed = dump(desk)
    assert all(now != then for now, then in zip(changed, before, strict=True))

    undo(desk, grace, operation)
    assert [state for state, _ in outcome(desk)] == [ItemState.UNDONE] * 3, outcome(desk)
    assert dump(desk) == before
    [done] = desk.all(BulkOperation)
    assert done.state is OperationState.UNDONE


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
        work.cancel(session, grace, desk.case(1002).id, "", desk=desk.settings, at=NOON)
    before = dump(desk)

    with desk.db.reading() as session:
        seen = bulk.preview(
            session, grace, Bulk(What.PRIORITISE, priority=Priority.HIGH), visible_to(grace),
            at=NOON,
        )  # fmt: skip

    assert (seen.words, seen.total) == ("make the priority high", 4)
    assert (seen.ready, seen.already, seen.closed) == (2, 1, 1)
    assert [case.number for case in seen.cases] == [1003, 1004]
    assert dump(desk) == before


WRONG = {
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
        start(desk, grace, What.CANCEL)
    cases(desk, 3)
    monkeypatch.setattr("intake.bulk.operations.MOST", 2)
    with pytest.raises(WrongBulk, match="at most 2"):
        start(desk, grace, What.CANCEL)


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


def test_a_cancelled_case_is_not_taken_up_again(desk: DeskUnderTest, grace: Principal) -> None:
    cases(desk, 1)
    operation = start(desk, grace, What.CANCEL, text="Spam.")
    run(desk)
    assert desk.case(1001).state is State.CANCELLED

    with pytest.raises(bulk.CannotUndoBulk, match="is not taken up again"):
        undo(desk, grace, operation)


def test_what_waits_is_found_by_index(desk: DeskUnderTest) -> None:
    assert "ix_bulk_items_waiting" in plan(desk, bulk.due(desk.settings, NOON).limit(1))


CHANGE = "$change: BulkChange!, $numbers: [Int!], $where: CaseFilter"
PASS = "change: $change, numbers: $numbers, where: $where"
PREVIEW = f"""query({CHANGE}) {{ previewBulk({PASS}) {{ __typename
  ... on BulkPreview {{ words total ready canBeUndone cases {{ number }} }}
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


@pytest.mark.parametrize(
    ("change", "chosen", "field"),
    [
        ({"what": "ASSIGN"}, {"numbers": [1001]}, "agent"),
        ({"what": "CANCEL"}, {}, "numbers"),
        ({"what": "CANCEL"}, {"numbers": [1001], "where": {}}, "numbers"),
        ({"what": "CANCEL"}, {"numbers": []}, "cases"),
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
