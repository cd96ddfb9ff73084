"""Activities by GraphQL: planned, listed by when they are due, completed; and how cases end."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from intake.agents import Agent
from tests.desk import NOON, DeskUnderTest, email
from tests.office import Office

ADD = """mutation ($about: Regarding!, $plan: Plan!, $owner: UUID, $completed: Boolean = false) {
    addActivity(about: $about, plan: $plan, owner: $owner, completed: $completed) {
      __typename ... on Problem { code message } ... on WrongInput { field }
      ... on ActivityChanged { activity { id version state subject owner { name } dueAt } } } }"""


@pytest.fixture
def office(desk: DeskUnderTest) -> Office:
    return Office(desk)


@pytest.fixture
def grace(desk: DeskUnderTest) -> Agent:
    desk.has_customer()
    desk.accepts(email())
    return desk.has_agent("Grace")


def adds(
    office: Office, by: Agent, subject: str, *, hours: float | None = None, **more: Any
) -> Any:
    plan = {"subject": subject, "dueAt": None, **more.pop("plan", {})}
    if hours is not None:
        plan["dueAt"] = (NOON + timedelta(hours=hours)).isoformat()
    about = more.pop("about", {"caseNumber": 1001})
    return office.asks(ADD, by=by, about=about, plan=plan, **more)["addActivity"]


def does(office: Office, by: Agent, act: str) -> Any:
    shown = """... on Problem { code message } ... on WrongInput { field }
        ... on OpenActivities { count activities { subject owner { name } } }"""
    [result] = office.asks(f"mutation {{ {act} {{ __typename {shown} }} }}", by=by).values()
    return result


def test_what_is_planned_is_listed_by_when_it_is_due_and_paged(
    office: Office, grace: Agent
) -> None:
    for subject, hours in (("Never", None), ("Late", 5), ("Soon", 1), ("Next", 2)):
        adds(office, grace, subject, hours=hours)
    query = """query ($after: String, $before: DateTime) {
        activities(first: 2, after: $after, where: {mine: true, dueBefore: $before}) {
            totalCount nodes { subject case { number } } pageInfo { endCursor } } }"""

    first = office.asks(query, by=grace)["activities"]
    second = office.asks(query, by=grace, after=first["pageInfo"]["endCursor"])["activities"]
    before = (NOON + timedelta(hours=1.5)).isoformat()
    overdue = office.asks(query, by=grace, before=before)["activities"]

    assert [node["subject"] for node in first["nodes"] + second["nodes"]] == [
        "Soon", "Next", "Late", "Never",
    ]  # fmt: skip
    assert first["nodes"][0]["case"] == {"number": 1001}
    assert [node["subject"] for node in overdue["nodes"]] == ["Soon"]


def test_an_activity_goes_from_hand_to_hand_and_into_the_story(
    desk: DeskUnderTest, office: Office, grace: Agent
) -> None:
    luis = desk.has_agent("Luis")
    added = adds(office, grace, "Call Ada", plan={"kind": "PHONE_CALL"})["activity"]
    assert (added["state"], added["owner"], added["version"]) == ("OPEN", {"name": "Grace"}, 1)
    story = "{ case(number: 1001) { totalMinutes openActivities { subject } timeline { nodes { text subject } } } }"  # noqa: E501
    assert [a["subject"] for a in office.asks(story, by=grace)["case"]["openActivities"]] == [
        "Call Ada"
    ]
    assert len(office.asks(story, by=grace)["case"]["timeline"]["nodes"]) == 1

    id = added["id"]
    given = does(office, grace, f'assignActivity(id: "{id}", agent: "{luis.id}")')
    done = does(office, luis, f'completeActivity(id: "{id}", minutes: 9, text: "Solved.")')
    again = does(office, luis, f'completeActivity(id: "{id}")')

    assert [given["__typename"], done["__typename"]] == ["ActivityChanged"] * 2
    assert again["__typename"] == "ActivityInWrongState"
    case = office.asks(story, by=grace)["case"]
    assert (case["totalMinutes"], case["openActivities"]) == (9, [])
    assert case["timeline"]["nodes"][-1] == {"text": "Solved.", "subject": "Call Ada"}


def test_customers_and_contracts_have_activities_of_their_own(
    desk: DeskUnderTest, office: Office, grace: Agent
) -> None:
    account = desk.case(1001).account_id
    adds(office, grace, "Visit them", about={"account": str(account)})

    query = """query ($id: UUID!) { account(id: $id) {
        activities { nodes { subject state account { name } case { number } } } } }"""
    [node] = office.asks(query, by=grace, id=str(account))["account"]["activities"]["nodes"]

    assert node == {
        "subject": "Visit them", "state": "OPEN", "account": {"name": "example.com"}, "case": None,
    }  # fmt: skip


def test_a_wrong_activity_names_its_field(office: Office, grace: Agent) -> None:
    said = adds(office, grace, " ")
    assert (said["__typename"], said["field"]) == ("WrongInput", "subject")
    said = adds(office, grace, "Visit", about={})
    assert (said["__typename"], said["field"]) == ("WrongInput", "regarding")
    said = adds(office, grace, "Visit", about={"caseNumber": 9})
    assert said["__typename"] == "NotFound"


@pytest.mark.parametrize("act", ["resolve", "cancel"])
def test_a_case_ends_over_open_activities_only_when_that_is_confirmed(
    office: Office, grace: Agent, act: str
) -> None:
    adds(office, grace, "Call Ada", hours=1)
    adds(office, grace, "Order a part")

    refused = does(office, grace, f'{act}(caseNumber: 1001, text: "x")')
    done = does(office, grace, f'{act}(caseNumber: 1001, text: "x", cancelOpenActivities: true)')

    assert (refused["__typename"], refused["code"], refused["count"]) == (
        "OpenActivities", "open-activities", 2,
    )  # fmt: skip
    assert refused["activities"] == [
        {"subject": "Call Ada", "owner": {"name": "Grace"}},
        {"subject": "Order a part", "owner": {"name": "Grace"}},
    ]
    assert done["__typename"] == "CaseChanged"


def test_every_resolution_of_a_case_is_kept_with_its_time(office: Office, grace: Agent) -> None:
    adds(office, grace, "Look", plan={"minutes": 20}, completed=True)
    does(office, grace, 'resolve(caseNumber: 1001, text: "First.", billableMinutes: 15)')
    does(office, grace, "reopen(caseNumber: 1001)")
    does(
        office,
        grace,
        'resolve(caseNumber: 1001, text: "Again.", reason: {given: INFORMATION_PROVIDED})',
    )

    query = """{ case(number: 1001) { totalMinutes billableMinutes
        resolutions { kind text totalMinutes billableMinutes agent { name } } } }"""
    case = office.asks(query, by=grace)["case"]

    assert (case["totalMinutes"], case["billableMinutes"]) == (20, 20)
    assert [(r["text"], r["totalMinutes"], r["billableMinutes"]) for r in case["resolutions"]] == [
        ("Again.", 20, 20),
        ("First.", 20, 15),
    ]
    assert case["resolutions"][0]["kind"] == "INFORMATION_PROVIDED"


def test_what_is_loaded_for_a_list_costs_the_same_for_two_and_for_many(
    office: Office, grace: Agent
) -> None:
    for number in range(12):
        adds(office, grace, f"Task {number}", hours=number)
    query = """query ($first: Int) { activities(first: $first) { nodes {
        subject owner { name } case { number openActivities { subject } resolutions { text }
        totalMinutes } account { name } contact { name } contract { number } } } }"""
    office.asks(query, by=grace, first=1)

    with office.counts_statements() as for_two:
        office.asks(query, by=grace, first=2)
    with office.counts_statements() as for_many:
        office.asks(query, by=grace, first=12)

    assert len(for_many) == len(for_two) <= 10


@pytest.mark.parametrize(
    "act",
    [
        'openChild(caseNumber: 1001, subject: "x"',
        "linkChild(caseNumber: 1001, child: 1002",
        "unlinkChild(caseNumber: 1003",
        "setChildrenClose(caseNumber: 1001, policy: BEFORE_PARENT",
        'addItems(caseNumber: 1001, items: ["Ask for the serial number"]',
    ],
)
def test_who_read_an_older_case_changes_no_family_and_no_checklist(
    desk: DeskUnderTest, office: Office, grace: Agent, act: str
) -> None:
    desk.accepts(email("bob@example.com"))
    does(office, grace, 'openChild(caseNumber: 1001, subject: "Order a fuser")')
    version = desk.case(1003 if "1003" in act else 1001).version

    late = does(office, grace, f"{act}, expectedVersion: {version + 1})")
    done = does(office, grace, f"{act}, expectedVersion: {version})")

    assert (late["__typename"], done["__typename"]) == ("StaleVersion", "CaseChanged")


def test_children_are_opened_linked_and_hold_their_parent(
    desk: DeskUnderTest, office: Office, grace: Agent
) -> None:
    desk.accepts(email("bob@example.com"))

    born = does(office, grace, 'openChild(caseNumber: 1001, subject: "Order a fuser")')
    linked = does(office, grace, "linkChild(caseNumber: 1001, child: 1002)")
    grandchild = does(office, grace, "linkChild(caseNumber: 1002, child: 1003)")
    does(office, grace, "setChildrenClose(caseNumber: 1001, policy: BEFORE_PARENT)")
    held = does(office, grace, 'resolve(caseNumber: 1001, text: "Done")')
    does(office, grace, "unlinkChild(caseNumber: 1002)")

    assert [born["__typename"], linked["__typename"]] == ["CaseChanged"] * 2
    assert (grandchild["__typename"], grandchild["code"]) == ("Refused", "wrong-family")
    assert held["__typename"] == "OpenChildren"
    query = """{ case(number: 1001) { childrenClose parent { number }
        children { number subject state parent { number } } } }"""
    case = office.asks(query, by=grace)["case"]
    assert (case["childrenClose"], case["parent"]) == ("BEFORE_PARENT", None)
    assert case["children"] == [
        {"number": 1003, "subject": "Order a fuser", "state": "ACTIVE", "parent": {"number": 1001}}
    ]
