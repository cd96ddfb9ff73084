"""What a case says of itself is changed in one act, and those who follow it are told."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from intake import clock, mentions, work
from intake.agents import SYSTEM, Agent, HearsBy, Principal, Role
from intake.cases import Case, Severity, State
from intake.db import new_id
from intake.desk import Desk
from intake.entitlements import Entitlement
from intake.events import Delivery, Event
from intake.fields import FieldKind, Required, WrongField, case_types, custom, topics
from intake.messages import Outgoing
from intake.work import NotFilledIn
from tests.desk import NOON, DeskUnderTest, email
from tests.office import Office

LATER = NOON + timedelta(minutes=3)


@pytest.fixture
def grace(desk: DeskUnderTest) -> Principal:
    return desk.principal("Grace")


def opened(desk: DeskUnderTest, **fields: Any) -> Case:
    [receipt] = desk.accepts(email(**fields))
    assert receipt.case
    return receipt.case


def has_field(desk: DeskUnderTest, key: str, kind: FieldKind, **more: Any) -> None:
    with desk.transaction() as session:
        custom.add_field(session, SYSTEM, key=key, label=key.title(), kind=kind, at=NOON, **more)


def has_type(desk: DeskUnderTest, name: str) -> UUID:
    with desk.transaction() as session:
        return case_types.add_type(session, SYSTEM, name, at=NOON).id


def change(desk: DeskUnderTest, by: Principal, case: Case, said: dict[str, object]) -> None:
    with desk.transaction() as session:
        work.change_fields(session, by, case.id, said, desk=desk.settings, at=NOON)


def changed(desk: DeskUnderTest) -> list[dict[str, list[Any]]]:
    return [e.data["changes"] for e in desk.all(Event) if e.kind == "case.changed"]


def test_many_fields_change_in_one_act_with_one_event(
    desk: DeskUnderTest, grace: Principal
) -> None:
    problem = has_type(desk, "Problem")
    has_field(desk, "seats", FieldKind.NUMBER)
    with desk.transaction() as session:
        hardware = topics.add_topic(session, SYSTEM, "Hardware", at=NOON)
        printers = topics.add_topic(session, SYSTEM, "Printers", parent_id=hardware.id, at=NOON)
    case = opened(desk)
    said = {
        "severity": "major", "type": problem, "topic": printers.id, "tags": ["VIP", "toner"],
        "number.seats": 12, "subject": " Printer\non fire ", "priority": "normal",
    }  # fmt: skip

    change(desk, grace, case, said)
    change(desk, grace, case, said)
    change(desk, grace, case, {"number.seats": None, "tags": ["vip"]})

    assert changed(desk) == [
        {
            "subject": ["Printer offline", "Printer on fire"],
            "severity": ["normal", "major"],
            "type": [None, "Problem"],
            "topic": [None, "Hardware › Printers"],
            "tags": [[], ["toner", "VIP"]],
            "number.seats": [None, 12],
        },
        {"tags": [["toner", "VIP"], ["VIP"]], "number.seats": [12, None]},
    ]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"severity": "awful"}, "severity: say one of minor, normal, major, critical"),
        ({"type": new_id()}, "type: there is no such type"),
        ({"topic": "nowhere"}, "topic: nowhere is not an id"),
        ({"number.seats": "many"}, r"number\.seats: write a number"),
        ({"text.seats": "12"}, r"text\.seats: a case has no such field"),
        ({"yes_no.insured": True}, r"yes_no\.insured: it is not asked of cases of this type"),
        ({"tags": "vip"}, "tags: give a list of words"),
        ({"subject": " "}, "subject: write 1 to 500"),
        ({"channel": "pigeon"}, "channel: say one of chat, email"),
    ],
)
def test_a_field_that_cannot_be_meant_changes_none(
    desk: DeskUnderTest, grace: Principal, said: dict[str, object], why: str
) -> None:
    incident = has_type(desk, "Incident")
    has_field(desk, "seats", FieldKind.NUMBER)
    has_field(desk, "insured", FieldKind.YES_NO, type_id=incident)
    case = opened(desk)

    with pytest.raises(WrongField, match=why):
        change(desk, grace, case, {"priority": "high", **said})

    assert desk.case(case.number).priority == "normal"
    change(desk, grace, case, {"type": incident, "yes_no.insured": True})
    assert changed(desk)[-1]["yes_no.insured"] == [None, True]


def test_an_archived_type_stays_where_it_is_and_goes_nowhere_else(
    desk: DeskUnderTest, grace: Principal
) -> None:
    question = has_type(desk, "Question")
    old, new = opened(desk), opened(desk)
    change(desk, grace, old, {"type": question})
    with desk.transaction() as session:
        case_types.archive_type(session, SYSTEM, question, at=NOON)

    change(desk, grace, old, {"type": question, "severity": "minor"})
    with pytest.raises(WrongField, match="or none any more"):
        change(desk, grace, new, {"type": question})

    assert desk.case(old.number).type_id == question
    assert desk.case(old.number).severity is Severity.MINOR


def test_the_term_moves_with_the_channel(desk: DeskUnderTest, grace: Principal) -> None:
    ada = desk.has_customer("ada@example.com")
    held = desk.has_entitlement(ada.account_id, total=10, channels={"email": 5, "phone": 5})
    case = opened(desk)

    change(desk, grace, case, {"channel": "phone"})

    with desk.db.reading() as session:
        rows = session.get_one(Entitlement, held.id).channels
        assert {row.channel: row.remaining for row in rows} == {"email": 5, "phone": 4}


def test_what_must_be_known_is_asked_before_a_case_is_resolved(
    desk: DeskUnderTest, grace: Principal
) -> None:
    incident = has_type(desk, "Incident")
    has_field(desk, "cause", FieldKind.TEXT, required=Required.RESOLVING, type_id=incident)
    other, case = opened(desk), opened(desk)
    change(desk, grace, case, {"type": incident})

    def resolve(which: Case) -> None:
        with desk.transaction() as session:
            work.resolve(session, grace, which.id, "ok", desk=desk.settings, at=NOON)

    resolve(other)
    with pytest.raises(NotFilledIn, match=r"text\.cause: fill in Cause before you resolve it"):
        resolve(case)
    change(desk, grace, case, {"text.cause": "Dust"})
    resolve(case)

    assert {desk.case(c.number).state for c in (other, case)} == {State.RESOLVED}


def notices(desk: DeskUnderTest) -> list[Outgoing]:
    return [Outgoing.from_json(d.payload) for d in desk.all(Delivery) if d.kind == "notice"]


def tick(desk: DeskUnderTest, at: Any = LATER) -> None:
    with desk.transaction() as session:
        clock.tick(session, desk.settings, at=at)


def test_who_is_named_in_a_note_follows_the_case_and_is_told_once_of_all(
    desk: DeskUnderTest, grace: Principal
) -> None:
    case, _ = opened(desk, message_id="q@x"), desk.has_agent("Luis")
    with desk.transaction() as session:
        work.note(session, grace, case.id, "@luis please look", at=NOON)
        work.pick(session, grace, case.id, at=NOON)
    desk.accepts(email(in_reply_to="q@x", at=NOON + timedelta(minutes=1)))

    tick(desk, NOON + timedelta(minutes=1))
    assert notices(desk) == []
    tick(desk)
    tick(desk, LATER + timedelta(hours=1))

    [told] = notices(desk)
    assert told.to == ("luis@desk.example",)
    assert told.subject == "Case 1001, Printer offline"
    said = ["- Grace noted “@luis please look”", "- Grace took it", "- Ada wrote"]
    assert [line for line in told.text.splitlines() if line.startswith("-")] == said


@pytest.mark.parametrize("why", ["their own act", "wants nothing", "cannot see it", "left"])
def test_a_follower_is_not_told(desk: DeskUnderTest, grace: Principal, why: str) -> None:
    case, luis = opened(desk), desk.has_agent("Luis")
    closed = desk.has_queue("Board", members=(desk.has_agent("Ada"),))
    with desk.transaction() as session:
        work.follow(session, luis.principal("test"), case.id, at=NOON)
        by = luis.principal("test") if why == "their own act" else grace
        work.note(session, by, case.id, "hm", at=NOON)
        if why == "wants nothing":
            work.hear_by(session, luis.principal("test"), HearsBy.NOTHING)
        if why == "cannot see it":
            work.route_to(session, grace, case.id, closed.id, at=NOON)
        if why == "left":
            session.get_one(Agent, luis.id).active = False
    tick(desk)

    assert notices(desk) == []


def test_a_follower_hears_in_slack_unless_they_would_rather_have_mail(
    desk: DeskUnderTest, grace: Principal
) -> None:
    case = opened(desk)
    luis, mia = desk.has_agent("Luis", slack_user="U1"), desk.has_agent("Mia", slack_user="U2")
    with desk.transaction() as session:
        work.hear_by(session, mia.principal("test"), HearsBy.MAIL)
        work.follow(session, grace, case.id, [luis.id, mia.id], at=NOON)
        work.note(session, grace, case.id, "hm", at=NOON)
    with desk.transaction() as session:
        clock.tick(session, Desk("Example", b"secret", slack=True), at=LATER)

    told = [d for d in desk.all(Delivery) if d.kind == "notice"]
    assert {(d.channel, d.target) for d in told} == {("slack", "U1"), ("email", "mia@desk.example")}
    [slack] = [d for d in told if d.channel == "slack"]
    assert slack.payload["text"] == "Case 1001, Printer offline: Grace noted “hm”"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("@Grace and @GRACE again", ["Grace"]),
        ("ask @Luis Agent, please", ["Luis Agent"]),
        ("ask @luis.agent", ["Luis Agent"]),
        ("@Luis", []),
        ("@luis agentura", []),
        ("mail grace@grace and x.@grace", []),
        ("(@Mia) @nobody @", ["Mia"]),
    ],
)
def test_names_in_a_note(desk: DeskUnderTest, text: str, names: list[str]) -> None:
    for name in ("Grace", "Luis Agent", "Luis Other", "Mia"):
        address = f"{name.lower().replace(' ', '.')}@desk.example"
        desk._add(Agent(id=new_id(), name=name, email=address, created_at=NOON))

    with desk.db.reading() as session:
        assert [agent.name for agent in mentions.named_in(session, text)] == names


def test_graphql_changes_and_shows_what_a_case_says_of_itself(desk: DeskUnderTest) -> None:
    office, grace = Office(desk), desk.has_agent("Grace")
    problem = has_type(desk, "Problem")
    has_field(desk, "serial_no", FieldKind.TEXT)
    opened(desk)
    asked = """mutation ($fields: FieldChanges!) { changeFields(caseNumber: 1001, fields: $fields) {
        ... on CaseChanged { case { severity type { name } tags { name colour } version
            customFields { text field { name label } } followers { name } } }
        ... on WrongInput { field message } } }"""
    office.asks("mutation { followCase(caseNumber: 1001) { __typename } }", by=grace)

    done = office.asks(
        asked, by=grace,
        fields={
            "severity": "CRITICAL", "type": str(problem), "tags": ["vip"],
            "custom": [{"field": "text.serial_no", "value": "K-7"}],
        },
    )["changeFields"]["case"]  # fmt: skip
    wrong = office.asks(
        asked, by=grace, fields={"custom": [{"field": "text.serial_no", "value": 7}]}
    )["changeFields"]

    assert done["severity"] == "CRITICAL"
    assert done["type"] == {"name": "Problem"}
    assert done["tags"] == [{"name": "vip", "colour": "GREY"}]
    assert done["customFields"] == [
        {"text": "K-7", "field": {"name": "text.serial_no", "label": "Serial_No"}}
    ]
    assert done["followers"] == [{"name": "Grace"}]
    assert wrong == {"field": "text.serial_no", "message": "text.serial_no: write a text"}
    assert office.asks('{ tags(search: "VI") { name } }', by=grace) == {"tags": [{"name": "vip"}]}


def test_an_administrator_lays_out_and_anybody_filters_by_it(desk: DeskUnderTest) -> None:
    office, ada = Office(desk), desk.has_agent("Ada", Role.ADMINISTRATOR)
    grace = desk.has_agent("Grace")
    add = "mutation { %s { ... on LaidOut { %s } ... on Problem { code } } }"
    hardware = office.asks(add % ('addTopic(name: "Hardware")', "topic { id }"), by=ada)
    top = hardware["addTopic"]["topic"]["id"]
    inside = office.asks(
        add % (f'addTopic(name: "Printers", parent: "{top}")', "topic { id path }"), by=ada
    )["addTopic"]["topic"]
    asked = 'addCustomField(key: "seats", kind: NUMBER, field: {label: "Seats", public: true})'
    seats = office.asks(add % (asked, "customField { name public }"), by=ada)["addCustomField"]
    refused = office.asks(add % ('addCaseType(name: "Bug")', "type { name }"), by=grace)
    [few, many, none] = [opened(desk).number for _ in range(3)]
    for number, count in ((few, 3), (many, 12)):
        office.asks(
            """mutation ($number: Int!, $fields: FieldChanges!) {
            changeFields(caseNumber: $number, fields: $fields) { __typename } }""",
            by=grace, number=number,
            fields={
                "topic": inside["id"], "tags": ["vip"],
                "custom": [{"field": "number.seats", "value": count}],
            },
        )  # fmt: skip

    def found(where: dict[str, Any]) -> set[int]:
        query = "query ($where: CaseFilter) { cases(where: $where) { nodes { number } } }"
        return {n["number"] for n in office.asks(query, by=grace, where=where)["cases"]["nodes"]}

    assert inside["path"] == "Hardware › Printers"
    assert seats["customField"] == {"name": "number.seats", "public": True}
    assert refused["addCaseType"] == {"code": "not-allowed"}
    assert found({"topic": top}) == {few, many}
    assert found({"tags": ["VIP"], "severities": ["NORMAL"]}) == {few, many}
    assert found({"tags": ["vip", "other"]}) == set()
    at_least = {"field": "number.seats", "op": "is at least", "value": 10}
    assert found({"condition": at_least}) == {many}
    assert found({"condition": {"not": at_least}}) == {few, none}
