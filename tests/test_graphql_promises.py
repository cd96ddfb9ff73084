"""SLAs and business hours, written by programs; what cannot be meant is refused by its field."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from intake.agents import Agent, Role
from intake.db import new_id
from intake.sla import KpiDefinition, ServiceCalendar, Sla, SlaItem, SlaState
from tests.desk import DeskUnderTest
from tests.office import Office
from tests.promised import OFFICE, PRESSING, has_sla, item, open_case, the_clock

CHANGED = """__typename ... on Problem { code message } ... on WrongInput { field }
    ... on SlaChanged { casesMoved sla { id name version state chosenWhen items {
        id kpi startsFrom warnAfterMinutes failAfterMinutes pauses onReopening appliesTo keptWhen
        actions calendar { name } } } }"""
DRAFT = f"""mutation ($name: String!, $items: [SlaItemInput!]!, $when: JSON) {{
    draftSla(name: $name, items: $items, chosenWhen: $when) {{ {CHANGED} }} }}"""
REWRITE = f"""mutation ($id: UUID!, $items: [SlaItemInput!]!) {{
    rewriteSla(id: $id, items: $items) {{ {CHANGED} }} }}"""
HOURS = """__typename ... on Problem { code message } ... on WrongInput { field }
    ... on HoursChanged { clocksMoved calendar { id name version words hours } }"""
ADD = f"""mutation ($name: String!, $hours: JSON!) {{
    addCalendar(name: $name, hours: $hours) {{ {HOURS} }} }}"""
SOLUTION = {"kpi": "RESOLVE_BY", "failAfterMinutes": 240}


@pytest.fixture
def office(desk: DeskUnderTest) -> Office:
    return Office(desk)


@pytest.fixture
def ada(desk: DeskUnderTest) -> Agent:
    return desk.has_agent("Ada", Role.ADMINISTRATOR)


def drafted(office: Office, ada: Agent, *items: dict[str, Any], **more: Any) -> Any:
    given = {"name": "Gold", "items": list(items)} | more
    return office.asks(DRAFT, by=ada, **given)["draftSla"]


def does(office: Office, ada: Agent, act: str) -> Any:
    [result] = office.asks(f"mutation {{ {act} {{ {CHANGED} }} }}", by=ada).values()
    return result


def test_an_sla_is_drafted_edited_and_put_in_force(
    desk: DeskUnderTest, office: Office, ada: Agent
) -> None:
    calendar = ServiceCalendar(id=new_id(), name="Office", hours=OFFICE)
    with desk.transaction() as session:
        session.add(calendar)
    mail = {"on": "warning", "do": "mail", "to": ["agent"], "subject": "Soon", "text": "{number}"}
    full = SOLUTION | {
        "warnAfterMinutes": 180, "startsFrom": "ESCALATED", "applicableWhen": PRESSING,
        "successWhen": {"field": "answered", "op": "is", "value": True},
        "calendar": str(calendar.id), "pauses": ["researching"], "onReopening": "KEEP",
        "actions": [mail],
    }  # fmt: skip

    draft = drafted(office, ada, full, when=PRESSING)["sla"]
    again = office.asks(REWRITE, by=ada, id=draft["id"], items=[full, SOLUTION])["rewriteSla"]
    active = does(office, ada, f'activateSla(id: "{draft["id"]}")')

    assert (draft["state"], draft["chosenWhen"]) == ("DRAFT", PRESSING)
    [written] = draft["items"]
    assert written.pop("id")
    assert written == {
        "kpi": "RESOLVE_BY", "startsFrom": "ESCALATED", "warnAfterMinutes": 180,
        "failAfterMinutes": 240, "pauses": ["researching"], "onReopening": "KEEP",
        "appliesTo": "priority is high", "keptWhen": "answered is yes", "actions": [mail],
        "calendar": {"name": "Office"},
    }  # fmt: skip
    assert len(again["sla"]["items"]) == 2
    assert (active["sla"]["state"], active["casesMoved"]) == ("ACTIVE", 0)


MAIL = {"on": "failure", "do": "mail", "to": ["owner"], "subject": "Late", "text": "{number}"}


# Tried in one desk, for a desk of its own for each would cost seconds.
WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"warnAfterMinutes": 240}, "items[0].warnAfterMinutes", "before the failure"),
    ({"failAfterMinutes": 0}, "items[0].failAfterMinutes", "longer than nothing"),
    ({"failAfterMinutes": -5}, "items[0].failAfterMinutes", "longer than nothing"),
    ({"failAfterMinutes": 10_000 * 1440}, "items[0].failAfterMinutes", "3653 days at most"),
    (
        {"applicableWhen": {"field": "mood", "op": "is", "value": 1}},
        "items[0].applicableWhen",
        'unknown field "mood"',
    ),
    ({"successWhen": ["priority"]}, "items[0].successWhen", "expected"),
    ({"startsFrom": "LAST_MESSAGE"}, "items[0].startsFrom", "cannot count from"),
    ({"pauses": ["asleep"]}, "items[0].pauses", "“asleep” is none of"),
    ({"calendar": str(new_id())}, "items[0].calendar", "no such calendar"),
    ({"actions": [MAIL | {"to": ["boss"]}]}, "items[0].actions[0]", "neither agent"),
    ({"actions": ["mail"]}, "items[0].actions[0]", "not an object"),
]


def test_what_a_draft_cannot_mean_is_refused_by_its_field(
    desk: DeskUnderTest, office: Office, ada: Agent
) -> None:
    draft = drafted(office, ada, SOLUTION)["sla"]

    for wrong, field, why in WRONG:
        for each in (
            drafted(office, ada, SOLUTION | wrong, name="Silver"),
            office.asks(REWRITE, by=ada, id=draft["id"], items=[SOLUTION | wrong])["rewriteSla"],
        ):
            assert (each["__typename"], each["field"]) == ("WrongInput", field), each
            assert why in each["message"]

    assert [each.name for each in desk.all(Sla)] == ["Gold"]
    assert [each.fail_after_minutes for each in desk.all(SlaItem)] == [240]


def test_what_is_in_force_is_revised_and_not_edited(
    desk: DeskUnderTest, office: Office, ada: Agent
) -> None:
    empty = drafted(office, ada)["sla"]["id"]
    nothing = does(office, ada, f'activateSla(id: "{empty}")')
    office.asks(REWRITE, by=ada, id=empty, items=[SOLUTION])
    does(office, ada, f'activateSla(id: "{empty}")')

    edited = office.asks(REWRITE, by=ada, id=empty, items=[SOLUTION])["rewriteSla"]
    gone = does(office, ada, f'discardSla(id: "{empty}")')
    second = does(office, ada, f'reviseSla(id: "{empty}")')["sla"]
    discarded = does(office, ada, f'discardSla(id: "{second["id"]}")')

    assert (nothing["field"], nothing["code"]) == ("items", "sla-incomplete")
    assert (edited["field"], edited["code"]) == ("state", "sla-in-force")
    assert (gone["field"], second["version"]) == ("state", 2)
    assert discarded == {"__typename": "SlaChanged", "casesMoved": 0, "sla": None}
    assert [each.state for each in desk.all(Sla)] == [SlaState.ACTIVE]


@pytest.mark.parametrize(("scope", "minutes"), [("ALL", 60), ("NEW", 240)])
def test_running_clocks_take_a_new_version_when_told_to(
    desk: DeskUnderTest, office: Office, ada: Agent, scope: str, minutes: int
) -> None:
    old = has_sla(desk, item(fail=240))
    at = datetime.now(UTC).replace(microsecond=0)
    open_case(desk, at=at)
    new = does(office, ada, f'reviseSla(id: "{old.id}")')["sla"]["id"]
    office.asks(REWRITE, by=ada, id=new, items=[SOLUTION | {"failAfterMinutes": 60}])

    done = does(office, ada, f'activateSla(id: "{new}", scope: {scope})')

    assert done["casesMoved"] == (scope == "ALL")
    assert the_clock(desk).fail_at == at + timedelta(minutes=minutes)
    if scope == "NEW":
        assert does(office, ada, f'adoptSla(id: "{new}")')["casesMoved"] == 1
        assert the_clock(desk).fail_at == at + timedelta(minutes=60)


def test_a_kpi_is_defined_for_items_to_come(
    desk: DeskUnderTest, office: Office, ada: Agent
) -> None:
    define = """mutation {{ defineKpi(kpi: RESOLVE_BY, startsFrom: {start}, pauses: ["{reason}"]) {{
        __typename ... on WrongInput {{ field message }}
        ... on KpiDefined {{ definition {{ startsFrom pauses }} }} }} }}"""

    done, wrong_start, wrong_status = (
        office.asks(define.format(start=start, reason=reason), by=ada)["defineKpi"]
        for start, reason in (
            ("ESCALATED", "researching"),
            ("RESOLVED", "researching"),
            ("CREATED", "asleep"),
        )
    )
    listed = office.asks("{ kpiDefinitions { kpi startsFrom pauses } }", by=ada)

    assert done["definition"] == {"startsFrom": "ESCALATED", "pauses": ["researching"]}
    assert (wrong_start["field"], wrong_status["field"]) == ("startsFrom", "pauses")
    assert [each["startsFrom"] for each in listed["kpiDefinitions"]] == [
        "CREATED", "LAST_MESSAGE", "FIRST_RESPONSE", "ESCALATED",
    ]  # fmt: skip
    assert desk.count(KpiDefinition) == 1


NOT_HOURS: list[tuple[dict[str, Any], str, str]] = [
    ({"zone": "UTC", "weekly": {}}, "never-open", "weekly"),
    (OFFICE | {"zone": "Europe/Madird"}, "bad-calendar", "zone"),
    (
        {"zone": "UTC", "weekly": {"mon": [["09:00", "12:00"], ["11:00", "13:00"]]}},
        "bad-calendar",
        "weekly.mon",
    ),
    (OFFICE | {"weekly": {"mon": [["09:00", "25:00"]]}}, "bad-calendar", "weekly.mon[0]"),
    (
        OFFICE | {"exceptions": {"2026-12-24": [["9", "12"]]}},
        "bad-calendar",
        "exceptions.2026-12-24[0]",
    ),
    (OFFICE | {"changes": [{"from": "soon", "weekly": {}}]}, "bad-calendar", "changes[0].from"),
    (
        OFFICE
        | {
            "changes": [
                {"from": "2027-01-01", "weekly": {"mon": [["09:00", "12:00"], ["11:00", "13:00"]]}}
            ]
        },
        "bad-calendar",
        "changes.2027-01-01.mon",
    ),
    (OFFICE | {"holidays": {"Christmas": "25"}}, "bad-calendar", "holidays"),
]


def test_hours_that_cannot_be_meant_are_refused_by_their_field(
    desk: DeskUnderTest, office: Office, ada: Agent
) -> None:
    for hours, code, field in NOT_HOURS:
        refused = office.asks(ADD, by=ada, name="Office", hours=hours)["addCalendar"]
        assert (refused["__typename"], refused["code"]) == ("WrongInput", code)
        assert refused["field"] == field

    assert desk.count(ServiceCalendar) == 0


def test_a_calendar_is_made_named_and_given_holidays(
    desk: DeskUnderTest, office: Office, ada: Agent
) -> None:
    def asks(act: str, **given: Any) -> Any:
        signature = "($hours: JSON)" if given else ""
        [result] = office.asks(
            f"mutation {signature} {{ {act} {{ {HOURS} }} }}", by=ada, **given
        ).values()
        return result

    made = office.asks(ADD, by=ada, name=" Office ", hours=OFFICE)["addCalendar"]["calendar"]
    twice = office.asks(ADD, by=ada, name="Office", hours=OFFICE)["addCalendar"]
    named = asks(f'renameCalendar(calendar: "{made["id"]}", name: "Madrid")')["calendar"]
    source = 'source: {country: "ES", region: "MD", years: 1}'
    days = office.asks(f"{{ publicHolidays({source}) {{ day name }} }}", by=ada)["publicHolidays"]
    madrid = f'calendar: "{made["id"]}", scope: ALL'
    added = asks(f"addHolidays({madrid}, {source}, expectedVersion: 1)")["calendar"]
    stale = asks(f"addHolidays({madrid}, {source}, expectedVersion: 1)")
    wrong = asks(f'addHolidays({madrid}, source: {{country: "ES", region: "XX"}})')
    neither = asks(f"addHolidays({madrid}, source: {{}})")

    assert (made["name"], twice["field"], named["name"]) == ("Office", "name", "Madrid")
    assert len(days) > 8
    assert added["hours"]["holidays"] == {each["day"]: each["name"] for each in days}
    assert (stale["code"], wrong["field"], neither["field"]) == (
        "stale-version",
        "region",
        "country",
    )
    assert {each.name for each in desk.all(ServiceCalendar)} == {"Madrid"}


def test_only_administrators_write_promises(desk: DeskUnderTest, office: Office) -> None:
    mara = desk.has_agent("Mara", Role.MANAGER)

    refused = [
        drafted(office, mara, SOLUTION),
        office.asks(ADD, by=mara, name="Office", hours=OFFICE)["addCalendar"],
    ]

    assert [each["__typename"] for each in refused] == ["NotAllowed", "NotAllowed"]
    assert desk.count(Sla) == desk.count(ServiceCalendar) == 0


def test_a_draft_is_tried_on_past_cases(desk: DeskUnderTest, office: Office, ada: Agent) -> None:
    at = datetime.now(UTC) - timedelta(days=2)
    has_sla(desk, item(fail=240))
    open_case(desk, at=at)
    draft = drafted(office, ada, SOLUTION)["sla"]["id"]
    query = """query ($id: UUID!, $since: DateTime!, $until: DateTime!) {
        trySla(id: $id, since: $since, until: $until) { cases cut more
            promises { kpi counts { outcome was would } }
            changed { caseNumber kpi was would dueAt } } }"""
    given = {"id": draft, "since": str(at - timedelta(1)), "until": str(at + timedelta(1))}

    found = office.asks(query, by=ada, **given)["trySla"]

    assert (found["cases"], found["cut"], found["more"]) == (1, False, False)
    [verdict] = found["changed"]
    assert (verdict["was"], verdict["would"]) == ("RUNNING", "BROKEN")
    assert datetime.fromisoformat(verdict["dueAt"]) == at + timedelta(hours=4)
    counts = {c["outcome"]: (c["was"], c["would"]) for c in found["promises"][0]["counts"]}
    assert (counts["RUNNING"], counts["BROKEN"]) == ((1, 0), (0, 1))


@pytest.mark.parametrize("slack", [True, False])
def test_a_post_in_slack_is_drafted_where_a_workspace_is_connected(
    desk: DeskUnderTest, slack: bool
) -> None:
    desk.settings = replace(desk.settings, slack=slack)
    office, ada = Office(desk), desk.has_agent("Ada", Role.ADMINISTRATOR)
    post = {"on": "failure", "do": "slack", "channel": "#late"}

    made = drafted(office, ada, SOLUTION | {"actions": [post]})
    wrong = drafted(office, ada, SOLUTION | {"actions": [post | {"channel": "late"}]}, name="Tin")

    assert (wrong["__typename"], wrong["field"]) == ("WrongInput", "items[0].actions[0]")
    if slack:
        assert made["sla"]["items"][0]["actions"] == [post]
    else:
        assert (made["__typename"], made["field"]) == ("WrongInput", "items[0].actions[0].do")
