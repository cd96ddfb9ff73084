"""The lists people work from, and the views they save, on both databases."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from intake import saved_views, views, work
from intake.agents import Agent, NotAllowed, Principal, Role
from intake.cases import Case, Priority, StaleVersion
from intake.db import new_id
from intake.errors import NotFound
from intake.fields import CaseType
from intake.saved_views import Column, SavedView, Sharing, ViewTerms, WrongView
from intake.views import Scope, View
from tests.desk import NOON, DeskUnderTest, email
from tests.office import Office
from tests.test_queues import opened, team

HIGH = {"field": "priority", "op": "is at least", "value": "high"}


@pytest.fixture
def grace(desk: DeskUnderTest) -> Agent:
    return desk.has_agent("Grace")


@pytest.fixture
def boss(desk: DeskUnderTest) -> Principal:
    return desk.principal("Boss", Role.MANAGER)


def numbers(desk: DeskUnderTest, statement: Any) -> list[int]:
    with desk.db.reading() as session:
        return [case.number for case in session.scalars(statement.order_by(Case.number))]


def act(
    desk: DeskUnderTest, name: str, by: Principal, case_id: UUID, *args: Any, **more: Any
) -> None:
    with desk.transaction() as session:
        getattr(work, name)(session, by, case_id, *args, at=NOON, **more)


def test_every_case_is_in_the_views_it_belongs_to(
    desk: DeskUnderTest, grace: Agent, boss: Principal
) -> None:
    me = grace.principal("test")
    ours, others = team(desk, "Ours", grace), team(desk, "Others")
    _free, mine, hers, for_us, for_others, asleep, closed, assigned = (
        opened(desk, sender=f"a{n}@example.com") for n in range(8)
    )
    act(desk, "pick", me, mine)
    act(desk, "pick", boss, hers)
    act(desk, "assign_team", boss, for_us, ours.id)
    act(desk, "assign_team", boss, for_others, others.id)
    act(desk, "snooze", me, asleep, NOON + timedelta(days=1))
    with desk.transaction() as session:
        work.resolve(session, me, closed, "Done.", desk=desk.settings, at=NOON)
    act(desk, "assign", boss, assigned, grace.id, item_too=False)
    kind = CaseType(id=new_id(), name="Complaint", position=1)
    with desk.transaction() as session:
        session.add(kind)
        session.get_one(Case, hers).type_id = kind.id

    seen = {view: numbers(desk, views.cases(me, view)) for view in View}

    assert seen == {
        View.ALL: [1001, 1002, 1003, 1004, 1005, 1008],
        View.AVAILABLE: [1001, 1004, 1008],
        View.MINE: [1002, 1008],
        View.SNOOZED: [1006],
        View.COMPLAINTS: [1003],
        View.CLOSED: [1007],
    }


def test_a_view_may_be_of_one_queue_of_public_ones_or_of_mine(
    desk: DeskUnderTest, grace: Agent
) -> None:
    me = grace.principal("test")
    mine = desk.has_queue("Mine", members=(grace,), private=True)
    other = desk.has_queue("Other")
    for queue, sender in ((desk.queue, "a"), (mine, "b"), (other, "c")):
        case_id = opened(desk, sender=f"{sender}@example.com")
        if queue is not desk.queue:
            act(desk, "route_to", me, case_id, queue.id)

    def of(**where: Any) -> list[int]:
        return numbers(desk, views.cases(me, View.ALL, **where))

    assert of() == [1001, 1002, 1003]
    assert of(scope=Scope.PUBLIC) == [1001, 1003]
    assert of(scope=Scope.MINE) == [1002]
    assert of(queue_id=other.id) == [1003]


def saved(desk: DeskUnderTest, by: Principal, **terms: Any) -> SavedView:
    with desk.transaction() as session:
        return saved_views.save(session, by, ViewTerms(**{"name": "View", **terms}), at=NOON)


def test_a_saved_view_asks_what_it_says_and_me_is_whoever_looks(
    desk: DeskUnderTest, grace: Agent, boss: Principal
) -> None:
    cases = [opened(desk, sender=f"a{n}@example.com") for n in range(3)]
    for case_id in cases[:2]:
        act(desk, "prioritise", boss, case_id, Priority.HIGH)
    act(desk, "pick", grace.principal("test"), cases[0])
    act(desk, "pick", boss, cases[1])
    mine = {"all": [HIGH, {"field": "owner", "op": "is one of", "value": ["me"]}]}

    view = saved(desk, boss, condition=mine, sharing=Sharing.EVERYONE)

    assert numbers(desk, saved_views.cases(grace.principal("test"), view, at=NOON)) == [1001]
    assert numbers(desk, saved_views.cases(boss, view, at=NOON)) == [1002]


def test_a_saved_view_with_relative_dates_shows_others_as_time_passes(
    desk: DeskUnderTest, grace: Agent
) -> None:
    by = grace.principal("test")
    opened(desk)
    opened(desk, sender="bob@example.com", at=NOON + timedelta(days=5))
    young = {"field": "opened", "op": "is in the last", "value": "7 days"}
    quiet = {"field": "updated", "op": "is longer ago than", "value": "3 days"}

    opened_lately = saved(desk, by, name="Young", condition=young)
    neglected = saved(desk, by, name="Quiet", condition=quiet)

    def shown(view: SavedView, days: int) -> list[int]:
        return numbers(desk, saved_views.cases(by, view, at=NOON + timedelta(days=days)))

    assert [shown(opened_lately, days) for days in (5, 8, 13)] == [[1001, 1002], [1002], []]
    assert [shown(neglected, days) for days in (3, 6, 9)] == [[], [1001], [1001, 1002]]


def test_a_saved_view_shows_nothing_that_is_hidden(desk: DeskUnderTest, grace: Agent) -> None:
    desk.has_queue("Secret", members=(desk.has_agent("Member"),), address="s@desk.example")
    opened(desk)
    opened(desk, sender="eve@example.com", mailbox="s@desk.example")

    view = saved(desk, grace.principal("test"))

    assert numbers(desk, saved_views.cases(grace.principal("test"), view, at=NOON)) == [1001]


def test_a_view_is_in_the_lists_of_those_it_is_shared_with(
    desk: DeskUnderTest, grace: Agent, boss: Principal
) -> None:
    eve = desk.has_agent("Eve").principal("test")
    crew = team(desk, "Crew", grace)
    me = grace.principal("test")
    saved(desk, me, name="Own")
    shared = saved(desk, me, name="Team's", sharing=Sharing.TEAM, team_id=crew.id)
    saved(desk, boss, name="All's", sharing=Sharing.EVERYONE)
    saved(desk, boss, name="Boss's")

    def listed(by: Principal) -> list[str]:
        with desk.db.reading() as session:
            return [view.name for view in session.scalars(saved_views.seen_by(by))]

    assert listed(me) == ["All's", "Own", "Team's"]
    assert listed(eve) == ["All's"]
    with pytest.raises(NotFound), desk.transaction() as session:
        saved_views.remove(session, eve, shared.id)


@pytest.mark.parametrize(
    ("terms", "field"),
    [
        ({"name": " "}, "name"),
        ({"columns": ()}, "columns"),
        ({"columns": (Column.OWNER, Column.OWNER)}, "columns"),
        ({"condition": {"field": "colour", "op": "is", "value": "red"}}, "condition"),
        ({"condition": {"field": "said", "op": "contains", "value": "refund"}}, "condition"),
        ({"condition": {"field": "number.seats", "op": "is", "value": 1}}, "condition"),
        ({"sharing": Sharing.EVERYONE}, "sharing"),
        ({"sharing": Sharing.TEAM}, "team"),
    ],
)
def test_a_wrong_view_is_refused_by_its_field(
    desk: DeskUnderTest, grace: Agent, terms: dict[str, Any], field: str
) -> None:
    with pytest.raises(WrongView, match=f"^{field}: "):
        saved(desk, grace.principal("test"), **terms)

    assert desk.count(SavedView) == 0


def test_only_its_owner_or_a_manager_changes_a_view(
    desk: DeskUnderTest, grace: Agent, boss: Principal
) -> None:
    view = saved(desk, boss, sharing=Sharing.EVERYONE)
    other = desk.principal("Admin", Role.ADMINISTRATOR)
    later = ViewTerms("Later", {"all": [HIGH]}, sharing=Sharing.EVERYONE)

    with pytest.raises(NotAllowed), desk.transaction() as session:
        saved_views.save(session, grace.principal("test"), later, at=NOON, view_id=view.id)
    with desk.transaction() as session:
        saved_views.save(session, other, later, at=NOON, view_id=view.id, version=view.version)
    with pytest.raises(StaleVersion), desk.transaction() as session:
        saved_views.remove(session, boss, view.id, version=view.version)

    [kept] = desk.all(SavedView)
    assert saved_views.terms_of(kept).name == "Later"
    assert kept.agent_id == boss.id


def test_views_are_asked_and_saved_by_graphql(desk: DeskUnderTest, grace: Agent) -> None:
    office = Office(desk)
    desk.accepts(email(), email("eve@example.com"))
    boss = desk.has_agent("Boss", Role.MANAGER)
    office.asks("mutation { prioritise(caseNumber: 1002, priority: HIGH) { __typename } }", by=boss)
    office.asks("mutation { pick(caseNumber: 1001) { __typename } }", by=grace)
    save = """mutation Save($terms: SavedViewTerms!, $id: UUID) { saveView(terms: $terms, id: $id) {
        __typename ... on WrongInput { field message }
        ... on ViewChanged { view { id words columns order version } } } }"""

    def asked(arguments: str) -> list[int]:
        found = office.asks(
            f"{{ cases({arguments}) {{ totalCount nodes {{ number }} }} }}", by=grace
        )
        return [case["number"] for case in found["cases"]["nodes"]]

    made = office.asks(
        save, by=grace, terms={"name": "Pressing", "condition": HIGH, "columns": ["NUMBER"]}
    )["saveView"]["view"]
    again = office.asks(save, by=grace, id=made["id"], terms={"order": "OPENED"})
    wrong = office.asks(save, by=grace, terms={"name": "x", "condition": {"field": "x"}})

    assert (asked("view: MINE"), asked("view: AVAILABLE"), asked("view: CLOSED")) == (
        [1001], [1002], [],
    )  # fmt: skip
    assert asked("view: ALL, scope: MINE") == []
    assert asked(f'savedView: "{made["id"]}"') == [1002]
    assert (made["words"], made["columns"]) == ("priority is at least high", ["NUMBER"])
    assert again["saveView"]["view"] == {**made, "order": "OPENED", "version": 2}
    assert wrong["saveView"]["field"] == "condition"
    both = office.posts(
        {"query": f'{{ cases(view: ALL, savedView: "{made["id"]}") {{ totalCount }} }}'}, by=grace
    )
    assert "not for both" in both.text
