"""Merging, parting, splitting and moving by GraphQL, with types for what cannot be done."""

from __future__ import annotations

from typing import Any

import pytest

from intake.agents import Agent
from tests.desk import DeskUnderTest, email
from tests.office import Office

PREVIEW = """query($survivor: Int!, $sources: [Int!]!) {
  previewMerge(survivor: $survivor, sources: $sources) { __typename
    ... on MergePreview { survivor { number }
      shares { activities files participants givesBack case { number } } }
    ... on Problem { code message } } }"""
CHANGED = """{ __typename ... on CaseChanged { case { number version mergedInto { number }
  merges { source { number } agent { name } }
  messageMoves { id split source { number } target { number } } } }
  ... on Problem { code message } }"""


@pytest.fixture
def office(desk: DeskUnderTest) -> Office:
    return Office(desk)


@pytest.fixture
def grace(desk: DeskUnderTest) -> Agent:
    return desk.has_agent("Grace")


def does(office: Office, grace: Agent, act: str) -> Any:
    [result] = office.asks(f"mutation {{ it: {act} {CHANGED} }}", by=grace).values()
    return result


def two_cases(desk: DeskUnderTest) -> list[str]:
    """Two cases, the first with two messages; the ids of the messages in their order."""
    desk.has_customer("bob@example.com", allotment=5)
    desk.accepts(email(message_id="a@example.com"), email("bob@example.com", "The same printer"))
    desk.accepts(email(text="Another matter.", in_reply_to="a@example.com"))
    return [str(activity.id) for activity in desk.activities(desk.case(1001))]


def times(office: Office, by: Agent) -> dict[int, list[int]]:
    """The minutes on each case."""
    entries = "{ number timeEntries { minutes } }"
    asked = f"{{ a: case(number: 1001) {entries} b: case(number: 1002) {entries} }}"
    return {
        case["number"]: [entry["minutes"] for entry in case["timeEntries"]]
        for case in office.asks(asked, by=by).values()
    }


def test_a_merge_is_seen_before_done_and_undone(
    desk: DeskUnderTest, office: Office, grace: Agent
) -> None:
    two_cases(desk)

    does(office, grace, 'note(caseNumber: 1002, text: "Looked.", minutes: 7)')
    assert times(office, grace) == {1001: [], 1002: [7]}

    [share] = office.asks(PREVIEW, by=grace, survivor=1001, sources=[1002])["previewMerge"][
        "shares"
    ]
    merged = does(office, grace, "mergeCases(survivor: 1001, sources: [1002])")["case"]
    source = office.asks("{ case(number: 1002) { mergedInto { number } } }", by=grace)["case"]
    with_it = times(office, grace)
    parted = does(office, grace, "unmergeCase(caseNumber: 1002)")["case"]

    assert (with_it, times(office, grace)) == ({1001: [7], 1002: []}, {1001: [], 1002: [7]})
    assert share == {
        "activities": 2, "files": 0, "participants": ["bob@example.com"],
        "givesBack": "Support plan", "case": {"number": 1002},
    }  # fmt: skip
    assert merged["merges"] == [{"source": {"number": 1002}, "agent": {"name": "Grace"}}]
    assert source == {"mergedInto": {"number": 1001}}
    assert (parted["number"], parted["mergedInto"]) == (1002, None)


def test_a_message_is_split_off_moved_and_put_back(
    desk: DeskUnderTest, office: Office, grace: Agent
) -> None:
    [_first, second] = two_cases(desk)

    split = does(office, grace, f'splitCase(activity: "{second}", subject: "Apart")')["case"]
    [record] = split["messageMoves"]
    late = does(office, grace, f'undoMove(move: "{record["id"]}", expectedVersion: 77)')
    back = does(office, grace, f'undoMove(move: "{record["id"]}")')["case"]
    moved = does(office, grace, f'moveMessage(activity: "{second}", caseNumber: 1002)')["case"]

    assert (split["number"], record["split"]) == (1003, True)
    assert (record["source"], record["target"]) == ({"number": 1001}, {"number": 1003})
    assert late["__typename"] == "StaleVersion"
    assert (back["number"], back["messageMoves"]) == (1001, [])
    assert moved["number"] == 1002


@pytest.mark.parametrize(
    ("act", "kind"),
    [
        ("mergeCases(survivor: 1001, sources: [1001])", "CannotMerge"),
        ("mergeCases(survivor: 1001, sources: [4711])", "NotFound"),
        ("mergeCases(survivor: 1001, sources: [1002], expectedVersion: 77)", "StaleVersion"),
        ("unmergeCase(caseNumber: 1001)", "CannotUndo"),
        ('moveMessage(activity: "{first}", caseNumber: 1001)', "CannotMove"),
        ('moveMessage(activity: "{first}", caseNumber: 1002, expectedVersion: 77)', "StaleVersion"),
        ('splitCase(activity: "{only}")', "CannotMove"),
        ('undoMove(move: "{first}")', "NotFound"),
    ],
)
def test_what_cannot_be_done_is_told_as_a_type_and_changes_nothing(
    desk: DeskUnderTest, office: Office, grace: Agent, act: str, kind: str
) -> None:
    [first, _] = two_cases(desk)
    [only] = [str(activity.id) for activity in desk.activities(desk.case(1002))]

    refused = does(office, grace, act.replace("{first}", first).replace("{only}", only))

    assert refused["__typename"] == kind, refused
    assert desk.case(1001).open
    assert desk.case(1002).open
    assert len(desk.activities(desk.case(1001))) == 2


def test_an_undo_that_would_not_be_exact_is_a_type_of_its_own(
    desk: DeskUnderTest, office: Office, grace: Agent
) -> None:
    two_cases(desk)
    does(office, grace, "mergeCases(survivor: 1001, sources: [1002])")
    done = does(office, grace, 'resolve(caseNumber: 1001, text: "done")')
    assert done["__typename"] == "CaseChanged"

    assert does(office, grace, "unmergeCase(caseNumber: 1002)")["__typename"] == "CannotUndo"


def test_lists_of_merges_and_moves_ask_once_however_many_cases(
    desk: DeskUnderTest, office: Office, grace: Agent
) -> None:
    two_cases(desk)
    asked = (
        "{ cases { nodes { merges { source { number } } messageMoves { target { number } } } } }"
    )
    with office.counts_statements() as few:
        office.asks(asked, by=grace)
    desk.accepts(*(email(f"c{n}@example.com") for n in range(12)))
    does(office, grace, "mergeCases(survivor: 1001, sources: [1002, 1003, 1004])")

    with office.counts_statements() as many:
        office.asks(asked, by=grace)

    assert len(many) <= len(few) + 1
