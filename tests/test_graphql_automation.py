"""Automation and macros by GraphQL: written, tried, put in force, read in the log, applied."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from intake import clock
from intake.agents import Agent, Role
from tests.desk import DeskUnderTest, email
from tests.office import Office

NOW = datetime.now(UTC).replace(microsecond=0)
TERMS: dict[str, Any] = {
    "name": "Money first",
    "trigger": {"events": ["case.opened"]},
    "condition": {"field": "subject", "op": "contains", "value": "refund"},
    "actions": [{"do": "set", "field": "priority", "value": "high"}],
}
DRAFT = """
  mutation ($terms: AutomationTerms!) { draftAutomation(terms: $terms) {
    ... on AutomationChanged { rule { id askedWhen appliesTo does } }
    ... on WrongInput { field } ... on Problem { code message }
  } }
"""
ACTIVATE = """
  mutation ($id: UUID!) { activateAutomation(id: $id) {
    ... on AutomationChanged { rule { state } } ... on Problem { code }
  } }
"""


@pytest.fixture
def office(desk: DeskUnderTest) -> Office:
    return Office(desk)


@pytest.fixture
def root(desk: DeskUnderTest) -> Agent:
    return desk.has_agent("Root", Role.ADMINISTRATOR)


def opens(desk: DeskUnderTest, subject: str) -> int:
    [receipt] = desk.accepts(email(subject=subject, at=NOW - timedelta(hours=1)))
    assert receipt.case is not None
    return receipt.case.number


def test_a_rule_is_tried_put_in_force_and_tells_what_it_did(
    desk: DeskUnderTest, office: Office, root: Agent
) -> None:
    before = opens(desk, "Refund of yesterday")
    rule = office.asks(DRAFT, by=root, terms=TERMS)["draftAutomation"]["rule"]
    tried = office.asks(
        "query ($id: UUID!, $n: Int!) { tryAutomation(id: $id, caseNumber: $n) { outcome did"
        " said { words held } } rehearseAutomation(id: $id) { asked held events { caseNumber } } }",
        by=root, id=rule["id"], n=before,
    )  # fmt: skip
    office.asks(ACTIVATE, by=root, id=rule["id"])
    after = opens(desk, "Refund of today")
    with desk.transaction() as session:
        clock.tick(session, desk.settings, at=NOW)
    log = office.asks(
        "query ($n: Int!) { automationLog(caseNumber: $n) { nodes { rule caseNumber outcome did } }"
        " all: automationLog { totalCount } case(number: $n) { priority } }",
        by=root, n=after,
    )  # fmt: skip

    assert rule["askedWhen"] == "a case is opened"
    assert rule["appliesTo"] == 'subject contains "refund"'
    assert rule["does"] == ["set the priority to high"]
    assert tried["tryAutomation"] == {
        "outcome": "DONE", "did": ["priority set"],
        "said": [{"words": 'subject contains "refund"', "held": True}],
    }  # fmt: skip
    assert tried["rehearseAutomation"]["events"] == [{"caseNumber": before}]
    assert log["automationLog"]["nodes"] == [
        {"rule": "Money first", "caseNumber": after, "outcome": "DONE", "did": ["priority set"]}
    ]
    assert (log["all"]["totalCount"], log["case"]["priority"]) == (1, "HIGH")


def test_what_is_wrong_with_a_rule_is_named(office: Office, root: Agent) -> None:
    wrong = office.asks(DRAFT, by=root, terms={**TERMS, "actions": [{"do": "fly"}]})

    assert wrong["draftAutomation"]["field"] == "actions[0].do"


def test_agents_apply_macros_that_managers_write(
    desk: DeskUnderTest, office: Office, root: Agent
) -> None:
    grace, number = desk.has_agent("Grace"), opens(desk, "Hello")
    write = """
      mutation ($does: JSON!) { writeMacro(name: "Mine", actions: $does) {
        ... on MacroChanged { macro { id does } } ... on Problem { code } } }
    """
    does = [{"do": "assign", "agent": "me"}, {"do": "tag", "tags": ["seen"]}]
    hers = office.asks(write, by=grace, does=does)["writeMacro"]
    macro = office.asks(write, by=root, does=does)["writeMacro"]["macro"]
    apply = """
      mutation ($n: Int!, $m: UUID!, $v: Int) { applyMacro(caseNumber: $n, macro: $m,
        expectedVersion: $v) { ... on CaseChanged { case { owner { name } } }
        ... on Problem { code } } }
    """

    stale = office.asks(apply, by=grace, n=number, m=macro["id"], v=99)["applyMacro"]
    done = office.asks(apply, by=grace, n=number, m=macro["id"])["applyMacro"]

    assert hers["code"] == "not-allowed"
    assert macro["does"] == ["assign it to whoever applies this", "tag it seen"]
    assert stale["code"] == "stale-version"
    assert done["case"]["owner"]["name"] == "Grace"
