"""Queues, teams and who gets what, by GraphQL."""

from __future__ import annotations

from typing import Any

import pytest

from intake.agents import Role
from intake.db import Database
from tests.desk import DeskUnderTest, email
from tests.office import Office

PROBLEM = "... on Problem { code message } ... on WrongInput { field }"
OF_QUEUE = f"""{{ {PROBLEM} ... on QueueChanged {{ queue {{
    id version name address private assignment absentMinutes archivedAt members {{ name }}
    ownerTeam {{ name }} }} }} }}"""
OF_TEAM = f"""{{ {PROBLEM} ... on TeamChanged {{ team {{
    id version name archivedAt lead {{ name }} members {{ name }} }} }} }}"""
OF_CASE = f"""{{ {PROBLEM} ... on CaseChanged {{ case {{
    owner {{ name }} team {{ name }} waitingSinceAt
    queueItem {{ workedBy {{ name }} workedByTeam {{ name }} }} }} }} }}"""


@pytest.fixture
def desk(sqlite_url: str) -> Any:
    database = Database(sqlite_url)
    yield DeskUnderTest(database)
    database.close()


def test_queues_and_teams_are_set_up_and_a_case_goes_through_them(desk: DeskUnderTest) -> None:
    office = Office(desk)
    admin, ana = desk.has_agent("Admin", Role.ADMINISTRATOR), desk.has_agent("Ana")
    desk.accepts(email())

    def done(mutation: str, **variables: Any) -> Any:
        name = mutation.partition("(")[0]
        return office.asks(f"mutation {{ {mutation} }}", by=admin, **variables)[name]

    team = done(
        f'addTeam(terms: {{name: "Crew", lead: "{ana.id}", members: ["{ana.id}"]}}) {OF_TEAM}'
    )["team"]
    queue = done(
        f'addQueue(terms: {{name: "Hardware", private: true, members: ["{ana.id}"],'
        f' ownerTeam: "{team["id"]}", absentMinutes: 30}}) {OF_QUEUE}'
    )["queue"]
    done(f'route(caseNumber: 1001, queue: "{queue["id"]}") {OF_CASE}')
    given = done(f'assignTeam(caseNumber: 1001, team: "{team["id"]}") {OF_CASE}')["case"]
    again = done(
        f'changeQueue(id: "{queue["id"]}", terms: {{absentMinutes: null, address: "hw@x.example"}},'
        f" expectedVersion: {queue['version']}) {OF_QUEUE}"
    )["queue"]
    stale = done(
        f'changeQueue(id: "{queue["id"]}", terms: {{private: false}},'
        f" expectedVersion: {queue['version']}) {OF_QUEUE}"
    )
    wrong = done(f'archiveQueue(id: "{queue["id"]}") {OF_QUEUE}')

    assert (team["lead"], team["members"]) == ({"name": "Ana"}, [{"name": "Ana"}])
    assert (queue["ownerTeam"], queue["absentMinutes"]) == ({"name": "Crew"}, 30)
    assert given["team"] == {"name": "Crew"}
    assert given["queueItem"] == {"workedBy": None, "workedByTeam": {"name": "Crew"}}
    assert given["waitingSinceAt"]
    assert (again["absentMinutes"], again["address"]) == (None, "hw@x.example")
    assert again["private"], "what is left out stays"
    assert stale["code"] == "stale-version"
    assert (wrong["code"], wrong["field"]) == ("wrong-queue", "moveTo")


def test_whoever_is_second_is_told_who_was_first(desk: DeskUnderTest) -> None:
    office = Office(desk)
    ana, luis = desk.has_agent("Ana"), desk.has_agent("Luis")
    desk.accepts(email())
    pick = f"mutation {{ pick(caseNumber: 1001) {OF_CASE} }}"

    office.asks(pick, by=ana)
    second = office.asks(pick, by=luis)["pick"]

    assert second == {"code": "already-taken", "message": "Ana already works on case 1001"}


def test_a_private_queue_is_in_the_lists_of_its_members(desk: DeskUnderTest) -> None:
    office = Office(desk)
    admin, ana, luis = (
        desk.has_agent("Admin", Role.ADMINISTRATOR), desk.has_agent("Ana"), desk.has_agent("Luis")
    )  # fmt: skip
    office.asks(
        f'mutation {{ addQueue(terms: {{name: "Own", private: true, members: ["{ana.id}"]}})'
        " { __typename } }",
        by=admin,
    )

    listed = {
        agent.name: [
            queue["name"] for queue in office.asks("{ queues { name } }", by=agent)["queues"]
        ]
        for agent in (admin, ana, luis)
    }

    assert listed == {
        "Admin": ["Own", "Support"], "Ana": ["Own", "Support"], "Luis": ["Support"],
    }  # fmt: skip
