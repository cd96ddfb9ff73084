"""Who may ask what: every root field by every kind of principal, and what leaks to nobody.

The matrix is checked against the schema, so a new query or mutation without a line in it fails.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from channels.sandbox import Sandbox
from graph.api.schema import SCHEMA
from intake import agents
from intake.agents import Act, Agent
from intake.db import Database, new_id
from tests.access_matrix import (
    ANSWERED,
    CANARY,
    DOING,
    MANAGING,
    MUTATIONS,
    NUMBER,
    PEOPLE,
    QUERIES,
    SEEING,
    SEES,
    SUBSCRIPTIONS,
    WORKS,
)
from tests.access_stage import Stage, staged
from tests.conftest import fresh_sqlite
from tests.desk import DeskUnderTest, email
from tests.office import Office


@pytest.fixture
def desk(sqlite_url: str) -> Any:
    database = Database(sqlite_url)
    yield DeskUnderTest(database)
    database.close()


@pytest.fixture(scope="module")
def written(
    sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[Path], Stage]]:
    """A function that copies the stage, written once, into a folder."""
    desk = DeskUnderTest(Database(fresh_sqlite(sqlite_template, tmp_path_factory.mktemp("stage"))))
    people, ids = staged(desk)
    desk.db.close()
    with Sandbox() as sandbox:

        def copied(folder: Path) -> Stage:
            db = Database(fresh_sqlite(desk.db.path, folder))
            copy = DeskUnderTest(db, queue=desk.queue)
            return Stage(Office(copy, sandbox), dict(people), ids)

        yield copied


@pytest.fixture
def stage(written: Callable[[Path], Stage], tmp_path: Path) -> Iterator[Stage]:
    found = written(tmp_path)
    yield found
    found.office.desk.db.close()


def test_a_token_that_may_only_work_reads_nothing(stage: Stage) -> None:
    [grace] = [agent for agent in stage.office.desk.all(Agent) if agent.name == "Grace"]
    stage.people["working"] = stage.office.token(grace, scopes=frozenset({Act.WORK}))

    for name, (_rule, query) in QUERIES.items():
        response = stage.says("working", f"{{ {query} }}")
        assert response.status_code == 403, name
        assert "data" not in response.json(), name


def test_the_matrix_has_a_line_for_every_root_field() -> None:
    query, mutation, subscription = (
        SCHEMA.query_type, SCHEMA.mutation_type, SCHEMA.subscription_type,
    )  # fmt: skip
    assert query is not None
    assert mutation is not None
    assert subscription is not None
    assert set(query.fields) == set(QUERIES)
    assert set(mutation.fields) == set(MUTATIONS)
    assert set(subscription.fields) == SUBSCRIPTIONS


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_shows_the_hidden_case_to_those_who_see_it_and_to_nobody_else(
    stage: Stage, name: str
) -> None:
    rule, query = QUERIES[name]

    for who in PEOPLE:
        response = stage.says(who, f"{{ {query} }}")
        answer = response.json()
        if who == "nobody":
            assert response.status_code == 401
        elif who not in ANSWERED.get(rule, PEOPLE):
            assert [e["extensions"]["code"] for e in answer["errors"]] == ["not-allowed"], who
        else:
            assert "errors" not in answer, (who, answer)
        seeing = MANAGING if name == "inbound" else SEEING if rule is SEES else set()
        assert (CANARY in response.text) == (who in seeing), who


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_mutation_is_done_for_those_who_may_and_tells_others_nothing(
    stage: Stage, name: str
) -> None:
    rule, mutation = MUTATIONS[name]
    unknown = str(new_id())

    for who in PEOPLE:
        response = stage.says(who, f"mutation {{ {mutation} }}")
        if who == "nobody":
            assert response.status_code == 401
            continue
        result = response.json()["data"][name]
        if rule is not WORKS:
            refusals = ("NotAllowed", "NotFound") if NUMBER in mutation else ("NotAllowed",)
            refused = result["__typename"] in refusals
            assert refused == (who not in DOING[rule]), (who, result)
            assert who in SEEING or CANARY not in response.text
            continue
        if who in SEEING:
            assert result["__typename"] not in ("NotFound", "NotAllowed"), (who, result)
            continue
        elsewhere = mutation.replace("1002", "9999").replace("{delivery}", unknown)
        elsewhere = elsewhere.replace("{activity}", unknown)
        nowhere = stage.says(who, f"mutation {{ {elsewhere} }}").json()["data"][name]
        assert result["__typename"] in ("NotFound", "NotAllowed")
        assert {**result, "message": ""} == {**nowhere, "message": ""}
        assert result["message"].replace("1002", "9999") == nowhere["message"]
        assert CANARY not in response.text


@pytest.mark.parametrize("who", ["outside", "reader", "scoped"])
@pytest.mark.parametrize(
    "query",
    [
        'case(id: "{case}") { number }',
        'cases(where: {queue: "{hidden}"}) { totalCount nodes { number } }',
        'cases(where: {subject: "canary"}) { totalCount nodes { number } }',
        'searchCases(text: "cnaary") { number }',
        'cases(where: {contact: "{contact}", subject: "canary"}) { totalCount nodes { number } }',
        "cases(orderBy: DEADLINE) { totalCount nodes { number } }",
        'entitlement(id: "{entitlement}") { ledger { nodes { case { number } } } }',
        "queues { name waiting worked }",
    ],
    ids=lambda query: query[:30],
)
def test_what_is_hidden_is_neither_listed_nor_counted_nor_found(
    stage: Stage, who: str, query: str
) -> None:
    seen = stage.says(who, f"{{ {query} }}").json()["data"]
    known = stage.says("manager", f"{{ {query} }}").json()["data"]

    assert seen != known
    assert "1002" not in str(seen)
    assert "2" not in str([v for v in _leaves(seen) if isinstance(v, int)])


def _leaves(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [leaf for one in value.values() for leaf in _leaves(one)]
    if isinstance(value, list):
        return [leaf for one in value for leaf in _leaves(one)]
    return [value]


def test_reports_count_only_what_who_asks_may_see(stage: Stage) -> None:
    query = """{ reports { caseSummary { count percent }
        casesBySlaStatus(weeks: 53) { inWork nearDeadline missed inTime without } } }"""

    outside = stage.says("outside", query).json()["data"]["reports"]
    manager = stage.says("manager", query).json()["data"]["reports"]

    assert outside["caseSummary"] == [{"count": 1, "percent": 100.0}]
    assert manager["caseSummary"] == [{"count": 2, "percent": 100.0}]
    assert sum(sum(week.values()) for week in outside["casesBySlaStatus"]) == 1
    assert sum(sum(week.values()) for week in manager["casesBySlaStatus"]) == 2


def test_who_owns_a_hidden_case_sees_it_but_not_its_queue(stage: Stage) -> None:
    stage.says("manager", f'mutation {{ assign({NUMBER}, agent: "{{agent}}") {{ __typename }} }}')

    seen = stage.says("outside", "{ case(number: 1002) { queue { waiting } } queues { name } }")

    assert seen.json()["data"] == {
        "case": {"queue": {"waiting": 1}}, "queues": [{"name": "Other"}, {"name": "Support"}],
    }  # fmt: skip


def test_a_reader_may_look_and_not_touch(stage: Stage) -> None:
    act = 'mutation { note(caseNumber: 1001, text: "x") { __typename ... on Problem { code } } }'

    assert stage.says("reader", "{ case(number: 1001) { subject } }").json()["data"]["case"]
    for who in ("reader", "scoped"):
        result = stage.says(who, act).json()["data"]["note"]
        assert result == {"__typename": "NotAllowed", "code": "not-allowed"}


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "Bearer dbt_wrong", "Basic {token}", "{token}", "Bearer {token}x",
     "Bearer {cut}"],
)  # fmt: skip
def test_a_wrong_token_is_nobody(desk: DeskUnderTest, header: str) -> None:
    office = Office(desk)
    token = office.token(desk.has_agent())
    value = header.format(token=token, cut=token[:-1])

    response = office.posts({"query": "{ me { name } }"}, Authorization=value)

    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    assert response.json()["errors"][0]["extensions"]["code"] == "not-signed-in"


def test_a_token_in_the_address_or_given_twice_is_nobody(desk: DeskUnderTest) -> None:
    office = Office(desk)
    token = office.token(desk.has_agent())
    body = b'{"query": "{ me { name } }"}'
    json = ("Content-Type", "application/json")
    good = ("Authorization", f"Bearer {token}")

    in_address = office.client.post(
        "/graphql", params={"access_token": token, "token": token}, content=body, headers=[json]
    )
    twice = office.client.post("/graphql", content=body, headers=[json, good, good])
    once = office.client.post("/graphql", content=body, headers=[json, good])

    assert (in_address.status_code, twice.status_code, once.status_code) == (401, 401, 200)


def test_a_token_ends_with_the_next_request(desk: DeskUnderTest) -> None:
    office = Office(desk)
    grace = desk.has_agent()
    token = office.token(grace)
    asks = {"query": "{ me { name } }"}
    assert office.posts(asks, Authorization=f"bearer {token}").status_code == 200

    with desk.transaction() as session:
        session.get_one(Agent, grace.id).active = False

    assert office.posts(asks, Authorization=f"Bearer {token}").status_code == 401


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Origin": "http://127.0.0.1:8001"}, 200),
        ({"Origin": "http://testserver"}, 200),
        ({}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "https://evil.test"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1:8001.evil.test"}, 403),
        ({"Origin": "http://testserver", "Sec-Fetch-Site": "cross-site"}, 403),
    ],
    ids=str,
)
def test_a_session_counts_only_when_our_own_page_asks(
    desk: DeskUnderTest, headers: dict[str, str], status: int
) -> None:
    office = Office(desk)
    grace = desk.has_agent()
    desk.accepts(email())
    now = datetime.now(UTC)
    with desk.transaction() as session:
        link = agents.sign_in_link(session, grace, at=now, lasts=timedelta(minutes=5))
        secret = agents.sign_in(session, link, at=now)
    act = {"query": 'mutation { note(caseNumber: 1001, text: "x") { __typename } }'}

    response = office.posts(act, Cookie=f"sid={secret}", **headers)

    assert response.status_code == status, response.text
    assert len(desk.activities(desk.case(1001))) == (2 if status == 200 else 1)
