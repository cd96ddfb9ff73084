"""Clocks by GraphQL: taken apart to the second, rehearsed, and set by those who may."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from intake import work
from intake.agents import Agent, Role
from intake.sla import Kpi, ServiceCalendar, Sla, SlaState
from tests.desk import DeskUnderTest
from tests.office import Office
from tests.promised import OFFICE, clocks, has_sla, item, march, open_case, the_clock

ALWAYS = {"zone": "UTC", "weekly": {d: [["00:00", "24:00"]] for d in OFFICE["weekly"]}}


@pytest.fixture
def office(desk: DeskUnderTest) -> Office:
    return Office(desk)


@pytest.fixture
def mara(desk: DeskUnderTest) -> Agent:
    return desk.has_agent("Mara", Role.MANAGER)


@pytest.fixture
def ada(desk: DeskUnderTest) -> Agent:
    return desk.has_agent("Ada", Role.ADMINISTRATOR)


def hours(desk: DeskUnderTest) -> str:
    """The id of the one calendar in its present version."""
    [present] = [each for each in desk.all(ServiceCalendar) if each.current_id is None]
    return str(present.id)


def ahead(hour: int = 9, **more: Any) -> datetime:
    """A Monday at that hour, far enough ahead that no clock of a case opened then is due."""
    return datetime(2035, 3, 5, hour, tzinfo=UTC) + timedelta(**more)


def test_a_clock_is_taken_apart_and_its_parts_add_up(
    desk: DeskUnderTest, office: Office, mara: Agent
) -> None:
    holiday = OFFICE | {"holidays": {"2026-03-03": "Carnival"}}
    has_sla(desk, item(fail=240, warn=60), hours=holiday)
    case_id = open_case(desk, at=march(2, 15))
    with desk.transaction() as session:
        work.hold(session, mara.principal("test"), case_id, at=march(2, 15, 30))
    with desk.transaction() as session:
        work.resume(session, mara.principal("test"), case_id, at=march(2, 16))
    query = """{ case(number: 1001) { sla { name version } kpis { allowedMinutes sentence
        startedAt failAt intervals { start end kind name seconds }
        totals { countingSeconds closedSeconds holidaySeconds onHoldSeconds }
        clause { kpi failAfterMinutes warnAfterMinutes calendar { name timeZone words } } } } }"""

    [kpi] = office.asks(query, by=mara)["case"]["kpis"]

    parts = kpi["intervals"]
    whole = datetime.fromisoformat(kpi["failAt"]) - datetime.fromisoformat(kpi["startedAt"])
    assert [(part["kind"], part["name"]) for part in parts] == [
        ("COUNTING", ""), ("ON_HOLD", "waiting for details"), ("COUNTING", ""), ("CLOSED", ""),
        ("HOLIDAY", "Carnival"), ("CLOSED", ""), ("COUNTING", ""),
    ]  # fmt: skip
    assert all(one["end"] == next_["start"] for one, next_ in pairwise(parts))
    assert sum(kpi["totals"].values()) == whole.total_seconds()
    assert kpi["totals"]["countingSeconds"] == kpi["allowedMinutes"] * 60
    assert kpi["totals"]["onHoldSeconds"] == 30 * 60
    assert kpi["clause"]["failAfterMinutes"] == 240
    assert kpi["clause"]["calendar"]["timeZone"] == "UTC"


def test_slas_are_read_with_their_items_conditions_and_versions(
    desk: DeskUnderTest, office: Office, ada: Agent
) -> None:
    pressing = {"field": "priority", "op": "is", "value": "high"}
    first = has_sla(desk, item(fail=60, applicable_when=pressing), item(fail=240), hours=OFFICE)

    revised = office.asks(
        f'mutation {{ reviseSla(id: "{first.id}") {{ ... on SlaChanged {{ sla {{ id }} }} }} }}',
        by=ada,
    )["reviseSla"]["sla"]
    activated = office.asks(
        f'mutation {{ activateSla(id: "{revised["id"]}") {{ __typename }} }}', by=ada
    )["activateSla"]
    [found] = office.asks(
        """{ slas { name version state isDefault items { position startsFrom appliesTo keptWhen
            failAfterMinutes calendar { name } } versions { version state } } }""",
        by=ada,
    )["slas"]

    assert activated == {"__typename": "SlaChanged"}
    assert (found["version"], found["state"], found["isDefault"]) == (2, "ACTIVE", True)
    assert [each["failAfterMinutes"] for each in found["items"]] == [60, 240]
    assert found["items"][0]["startsFrom"] == "CREATED"
    assert "high" in found["items"][0]["appliesTo"]
    assert found["items"][1]["appliesTo"] == ""
    assert found["versions"] == [
        {"version": 2, "state": "ACTIVE"}, {"version": 1, "state": "RETIRED"},
    ]  # fmt: skip


def test_an_sla_that_cannot_be_kept_is_refused_by_its_field(
    desk: DeskUnderTest, office: Office, ada: Agent
) -> None:
    draft = has_sla(desk, item(fail=60, warn=90), state=SlaState.DRAFT, is_default=False)
    activate = f"""mutation {{ activateSla(id: "{draft.id}") {{ __typename
        ... on WrongInput {{ field code }} }} }}"""

    refused = office.asks(activate, by=ada)["activateSla"]

    assert refused == {
        "__typename": "WrongInput", "field": "items[0].warnAfterMinutes", "code": "sla-incomplete",
    }  # fmt: skip
    assert [row.state for row in desk.all(Sla)] == [SlaState.DRAFT]


def test_a_change_of_hours_is_rehearsed_and_then_does_what_was_said(
    desk: DeskUnderTest, office: Office, mara: Agent, ada: Agent
) -> None:
    has_sla(desk, item(fail=600), item(Kpi.FIRST_RESPONSE, fail=60), hours=OFFICE)
    open_case(desk, at=ahead(9))
    rehearse = """query ($id: UUID!, $hours: JSON!) { rehearseHours(calendar: $id, hours: $hours) {
        more moves { caseNumber kpi was becomes } } }"""
    change = """mutation ($id: UUID!, $hours: JSON!, $scope: ChangeScope!) {
        changeHours(calendar: $id, hours: $hours, scope: $scope) { __typename
            ... on HoursChanged { clocksMoved calendar { version } } } }"""
    given = {"id": hours(desk), "hours": ALWAYS}

    rehearsed = office.asks(rehearse, by=mara, **given)["rehearseHours"]
    before = the_clock(desk, Kpi.RESOLVE_BY).fail_at
    changed = office.asks(change, by=ada, scope="ALL", **given)["changeHours"]

    [move] = rehearsed["moves"]
    assert (move["caseNumber"], move["kpi"], rehearsed["more"]) == (1001, "RESOLVE_BY", False)
    assert datetime.fromisoformat(move["was"]) == before == ahead(11, days=1)
    assert datetime.fromisoformat(move["becomes"]) == ahead(19)
    assert the_clock(desk, Kpi.RESOLVE_BY).fail_at == ahead(19)
    assert changed["calendar"] == {"version": 2}


def test_hours_that_cannot_be_read_are_refused_by_their_field(
    desk: DeskUnderTest, office: Office, ada: Agent
) -> None:
    has_sla(desk, item(), hours=OFFICE)
    change = """mutation ($id: UUID!, $hours: JSON!) {
        changeHours(calendar: $id, hours: $hours, scope: ALL) { __typename
            ... on Problem { code } } }"""
    rehearse = """query ($id: UUID!, $hours: JSON!) {
        rehearseHours(calendar: $id, hours: $hours) { more } }"""

    unreadable: list[Any] = [{"zone": "Mars", "weekly": {}}, {"weekly": {}}, [], "always", 7]
    for wrong in unreadable:
        given = {"id": hours(desk), "hours": wrong}
        refused = office.asks(change, by=ada, **given)["changeHours"]
        answer = office.posts({"query": rehearse, "variables": given}, by=ada).json()
        assert refused["code"] == "bad-calendar"
        assert answer["errors"][0]["extensions"]["code"] == "bad-calendar"

    assert desk.count(ServiceCalendar) == 1


def test_a_version_of_an_sla_is_rehearsed_and_nothing_moves(
    desk: DeskUnderTest, office: Office, mara: Agent
) -> None:
    old = has_sla(desk, item(fail=60), hours=ALWAYS)
    open_case(desk, at=ahead(9))
    with desk.transaction() as session:
        new = Sla(name=old.name, version=2, family_id=old.id, state=SlaState.DRAFT)
        session.add(new)
        session.flush()
        session.add(longer := item(fail=120))
        longer.sla_id, longer.position = new.id, 1

    found = office.asks(
        f'{{ rehearseSla(id: "{new.id}") {{ moves {{ caseNumber was becomes }} }} }}', by=mara
    )["rehearseSla"]

    [move] = found["moves"]
    assert (move["caseNumber"], datetime.fromisoformat(move["becomes"])) == (1001, ahead(11))
    assert the_clock(desk).fail_at == ahead(10)
    assert desk.case(1001).sla_id == old.id


def test_a_rehearsal_is_cut_where_it_was_asked_to_be(
    desk: DeskUnderTest, office: Office, mara: Agent
) -> None:
    has_sla(desk, item(fail=600), hours=OFFICE)
    for minutes in range(3):
        open_case(desk, at=ahead(9, minutes=minutes))
    rehearse = """query ($id: UUID!, $hours: JSON!) {
        rehearseHours(calendar: $id, hours: $hours, first: 2) { more moves { caseNumber } } }"""

    found = office.asks(rehearse, by=mara, id=hours(desk), hours=ALWAYS)["rehearseHours"]

    assert found == {"more": True, "moves": [{"caseNumber": 1001}, {"caseNumber": 1002}]}


def test_an_agent_escalates_prioritises_agrees_and_chooses_an_sla(
    desk: DeskUnderTest, office: Office
) -> None:
    grace = desk.has_agent()
    second = desk.has_queue("Second line")
    has_sla(desk, item(fail=240))
    quick = has_sla(desk, item(fail=30), name="Quick", is_default=False)
    open_case(desk)

    def does(act: str) -> Any:
        shown = """... on Problem { code } ... on CaseChanged { case { priority escalatedAt
            followUpAt slaByHand sla { name } queue { name } } }"""
        [result] = office.asks(f"mutation {{ {act} {{ __typename {shown} }} }}", by=grace).values()
        return result

    pressing = does("prioritise(caseNumber: 1001, priority: HIGH)")["case"]
    agreed = does('agreeFollowUp(caseNumber: 1001, followUpAt: "2999-03-05T10:00:00Z")')["case"]
    chosen = does(f'setSla(caseNumber: 1001, sla: "{quick.id}")')["case"]
    given_back = does("setSla(caseNumber: 1001, sla: null)")["case"]
    escalated = does(f'escalate(caseNumber: 1001, text: "Too deep", queue: "{second.id}")')["case"]
    empty = does('escalate(caseNumber: 1001, text: " ")')

    assert pressing["priority"] == "HIGH"
    assert agreed["followUpAt"] == "2999-03-05T10:00:00+00:00"
    assert (chosen["sla"], chosen["slaByHand"]) == ({"name": "Quick"}, True)
    assert (given_back["sla"], given_back["slaByHand"]) == ({"name": "Standard"}, False)
    assert escalated["escalatedAt"]
    assert escalated["queue"] == {"name": "Second line"}
    assert empty == {"__typename": "Refused", "code": "empty-text"}
    assert {clock.state.value for clock in clocks(desk)} >= {"cancelled"}


def test_a_moment_without_a_zone_is_refused_and_not_guessed(
    desk: DeskUnderTest, office: Office
) -> None:
    grace = desk.has_agent()
    open_case(desk)
    act = 'agreeFollowUp(caseNumber: 1001, followUpAt: "2999-03-05T10:00:00")'

    answer = office.posts({"query": f"mutation {{ {act} {{ __typename }} }}"}, by=grace).json()

    assert answer["errors"][0]["extensions"]["code"] == "bad-query"
    assert "with its zone" in answer["errors"][0]["message"]
    assert desk.case(1001).follow_up_at is None


def test_clocks_of_many_cases_cost_the_same_as_of_two(
    desk: DeskUnderTest, office: Office, mara: Agent
) -> None:
    has_sla(desk, item(fail=240), item(Kpi.FIRST_RESPONSE, fail=60), hours=OFFICE)
    for n in range(30):
        case_id = open_case(desk, at=march(2, 9, n))
        with desk.transaction() as session:
            work.hold(session, mara.principal("test"), case_id, at=march(2, 9, n))
    query = """query ($first: Int!) { cases(first: $first) { nodes {
        sla { name versions { version } }
        kpis { sentence totals { onHoldSeconds } intervals { kind seconds }
            clause { kpi calendar { name } } } } } }"""
    office.asks(query, by=mara, first=1)

    with office.counts_statements() as for_two:
        office.asks(query, by=mara, first=2)
    with office.counts_statements() as for_all:
        found = office.asks(query, by=mara, first=30)["cases"]["nodes"]

    assert len(found) == 30
    assert all(len(case["kpis"]) == 2 for case in found)
    assert len(for_all) == len(for_two) <= 8, for_all


def test_slas_and_calendars_cost_the_same_however_many(
    desk: DeskUnderTest, office: Office, mara: Agent
) -> None:
    def statements() -> int:
        query = """{ slas { name items { kpi calendar { words } } versions { version } }
            calendars { name version hours } }"""
        office.asks(query, by=mara)
        with office.counts_statements() as seen:
            office.asks(query, by=mara)
        return len(seen)

    has_sla(desk, item(), hours=OFFICE)
    for_one = statements()
    for n in range(10):
        has_sla(desk, item(), item(), name=f"Other {n}", hours=OFFICE, is_default=False)

    assert statements() == for_one <= 7
