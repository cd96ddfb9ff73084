"""Routing rules by GraphQL: written, put in force, tried on the past, run again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from intake.agents import Agent, Role
from tests.desk import DeskUnderTest, email
from tests.office import Office

NOW = datetime.now(UTC).replace(microsecond=0)
DRAFT = """
  mutation ($rules: [RoutingRuleInput!]!) {
    draftRouting(name: "Ours", rules: $rules) {
      ... on RoutingChanged { ruleSet { id version state } }
      ... on WrongInput { field message }
      ... on Problem { code }
    }
  }
"""
ACT = """
  mutation ($id: UUID!) {
    %s(id: $id) {
      ... on RoutingChanged { ruleSet { id state rules { name appliesTo queue { name } } } }
      ... on Problem { code message }
    }
  }
"""


@pytest.fixture
def office(desk: DeskUnderTest) -> Office:
    return Office(desk)


@pytest.fixture
def root(desk: DeskUnderTest) -> Agent:
    return desk.has_agent("Root", Role.ADMINISTRATOR)


def money(desk: DeskUnderTest) -> dict[str, Any]:
    condition = {"field": "subject", "op": "contains", "value": "refund"}
    return {"name": "money", "condition": condition, "queue": str(desk.has_queue("Billing").id)}


def test_rules_are_drafted_rehearsed_activated_and_run_again(
    desk: DeskUnderTest, office: Office, root: Agent
) -> None:
    desk.accepts(email(subject="Refund, please", at=NOW - timedelta(hours=2)))
    [case] = office.asks("{ cases { nodes { number } } }", by=root)["cases"]["nodes"]
    drafted = office.asks(DRAFT, by=root, rules=[money(desk)])["draftRouting"]["ruleSet"]

    rehearsed = office.asks(
        "query ($id: UUID!) { rehearseRouting(id: $id) { cases moved approximated"
        " moves { was becomes cases } rules { rule cases } differ { caseNumber why } } }",
        by=root, id=drafted["id"],
    )["rehearseRouting"]  # fmt: skip
    active = office.asks(ACT % "activateRouting", by=root, id=drafted["id"])
    again = office.asks(
        "mutation ($n: [Int!]!) { routeAgain(caseNumbers: $n) {"
        " ... on RoutedTogether { cases { caseNumber moved problem } } } }",
        by=root, n=[case["number"], 999_999],
    )  # fmt: skip
    told = office.asks(
        "query ($n: Int!) { case(number: $n) { routedBy queue { name }"
        " routing { rule held said { words held } } } }",
        by=root, n=case["number"],
    )["case"]  # fmt: skip

    assert (drafted["version"], drafted["state"]) == (1, "DRAFT")
    assert rehearsed == {
        "cases": 1, "moved": 1, "approximated": [],
        "moves": [{"was": "Support", "becomes": "Billing", "cases": 1}],
        "rules": [{"rule": "money", "cases": 1}, {"rule": "", "cases": 0}],
        "differ": [{"caseNumber": case["number"], "why": "rule “money”"}],
    }  # fmt: skip
    assert active["activateRouting"]["ruleSet"]["rules"] == [
        {"name": "money", "appliesTo": 'subject contains "refund"', "queue": {"name": "Billing"}}
    ]
    assert again["routeAgain"]["cases"] == [
        {"caseNumber": case["number"], "moved": True, "problem": ""}
    ]
    assert told == {
        "routedBy": "rule “money”", "queue": {"name": "Billing"},
        "routing": [
            {"rule": "money", "held": True,
             "said": [{"words": 'subject contains "refund"', "held": True}]}
        ],
    }  # fmt: skip


def test_what_is_wrong_with_a_rule_is_named(
    desk: DeskUnderTest, office: Office, root: Agent
) -> None:
    rule = {**money(desk), "condition": {"field": "subjekt", "op": "is", "value": "x"}}

    wrong = office.asks(DRAFT, by=root, rules=[rule])["draftRouting"]

    assert wrong["field"] == "rules[0].condition"
    assert 'did you mean "subject"' in wrong["message"]


def test_a_set_in_force_is_read_only_and_rules_are_not_for_agents(
    desk: DeskUnderTest, office: Office, root: Agent
) -> None:
    grace = desk.has_agent("Grace")
    drafted = office.asks(DRAFT, by=root, rules=[money(desk)])["draftRouting"]["ruleSet"]
    office.asks(ACT % "activateRouting", by=root, id=drafted["id"])

    twice = office.asks(ACT % "discardRouting", by=root, id=drafted["id"])["discardRouting"]
    hers = office.asks(ACT % "retireRouting", by=grace, id=drafted["id"])["retireRouting"]
    seen = office.posts({"query": "{ routingRuleSets { name } }"}, by=grace).json()

    assert (twice["code"], hers["code"]) == ("rule-set-in-force", "not-allowed")
    assert seen["errors"][0]["message"]
