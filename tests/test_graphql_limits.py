"""GraphQL under attack: what is refused, how soon, and that nothing ran."""

from __future__ import annotations

import time
from typing import Any

import pytest
from graphql import get_introspection_query, parse

from graph.api import limits, queues
from graph.api.limits import TooCostly, refuse_odd_shapes
from intake.agents import Agent, Role
from intake.db import Busy, Database
from tests.desk import DeskUnderTest, email
from tests.office import Office

# An attack that is not refused takes minutes; one that is, a few milliseconds.
SOON_SECONDS = 2.0


@pytest.fixture
def desk(sqlite_url: str) -> Any:
    database = Database(sqlite_url)
    yield DeskUnderTest(database)
    database.close()


@pytest.fixture
def office(desk: DeskUnderTest) -> Office:
    return Office(desk)


@pytest.fixture
def grace(desk: DeskUnderTest) -> Agent:
    return desk.has_agent()


def fragments(count: int, spreads: int = 2) -> str:
    """Fragments that each spread the next one several times: 2 to the power of `count` in all."""
    chain = [f"fragment f{n} on Query {{ {f'...f{n + 1} ' * spreads} }}" for n in range(count - 1)]
    last = f"fragment f{count - 1} on Query {{ me {{ name }} }}"
    return " ".join(["{ ...f0 }", *chain, last])


def nested(depth: int) -> str:
    """A case's customer's cases' customer …, so many levels in all."""
    inner = "number"
    for level in range(depth - 1, 0, -1):
        inner = f"nodes {{ {inner} }}" if level % 2 == 0 else f"cases {{ {inner} }}"
    return f"{{ {inner} }}"


@pytest.mark.parametrize("count", [11, 22, 40, 100])
def test_a_fragment_bomb_is_refused_at_once(office: Office, grace: Agent, count: int) -> None:
    started = time.perf_counter()

    why = office.refuses(fragments(count), by=grace)

    assert why in ("too many fragments: 10 at most in one query", "Syntax Error: " + why[14:])
    assert time.perf_counter() - started < SOON_SECONDS


def test_the_rules_look_at_a_fragment_once_however_often_it_is_spread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    visits = []
    original = limits._ShapeWalk.shape

    def counted(self: Any, *rest: Any) -> Any:
        visits.append(1)
        return original(self, *rest)

    monkeypatch.setattr(limits._ShapeWalk, "shape", counted)

    refuse_odd_shapes(parse(fragments(10)))

    assert len(visits) == 12  # the operation, the ten fragments and the last one's `me`


def test_an_alias_counts_each_time_its_fragment_is_spread() -> None:
    query = """{ a1: me { ...w } a2: me { ...w } a3: me { ...w } }
        fragment w on Me { b1: name b2: name b3: name b4: name b5: name
            b6: name b7: name b8: name b9: name b10: name }"""

    with pytest.raises(TooCostly, match="too many aliases: 30"):
        refuse_odd_shapes(parse(query))


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("{" + " ".join(f"a{n}: me {{ name }}" for n in range(40)) + "}", "aliases: 30"),
        ("{" + " ".join(f"a{n}: me {{ name }}" for n in range(10_000)) + "}", "Syntax Error"),
        ("{ me { name " + "name " * 400 + "} }", "too many fields: 300"),
        ("{ me " + "@include(if: true) " * 400 + "{ name } }", "Syntax Error"),
        (
            "query (" + " ".join(f"$v{n}: Int" for n in range(1000)) + ") { me { name } }",
            "Syntax Error",
        ),
        ("{ cases(where: {subject: " + "[" * 1000 + "]" * 1000 + "}) { totalCount } }", "Syntax"),
        ("{ me { " + "...x " * 30 + "} } fragment x on Me { name }", "fragment spreads: 20"),
        ("{ a: me { ...x } } fragment x on Me { ...y } fragment y on Me { ...x }", "itself"),
        ("#" * 200_000 + "\n{ me { name } }", "Syntax Error"),
        ("#\n" * 300 + "{ me { name } }", "Syntax Error"),
        ('{ articles(search: "a\\u{0}b") { totalCount } }', "NUL"),
        ("{ me { name } } { me { acts } }", "anonymous operation"),
        ("query a { me { name } } query b { me { acts } }", "operationName"),
        ("{ me @unknown { name } }", "Unknown directive"),
        ("{ ... @defer { me { name } } }", "Unknown directive '@defer'"),
        ("subscription { caseEvents { kind } }", "WebSocket"),
        ("{", "Syntax Error"),
        ("type Query { me: Int }", "not executable"),
    ],
    ids=lambda value: value[:30],
)
def test_an_odd_query_is_refused_before_anything_runs(
    desk: DeskUnderTest, office: Office, grace: Agent, query: str, why: str
) -> None:
    office.asks("{ me { name } }", by=grace)
    started = time.perf_counter()

    with office.counts_statements() as statements:
        message = office.refuses(query, by=grace)

    assert why in message
    assert len(statements) == 1  # who asks
    assert time.perf_counter() - started < SOON_SECONDS


@pytest.mark.parametrize("depth", [13, 30, 150, 3000])
def test_a_query_that_is_too_deep_is_refused(office: Office, grace: Agent, depth: int) -> None:
    why = office.refuses(nested(depth), by=grace)

    assert why.startswith(("too many levels: 12", "Syntax Error"))


def test_an_honest_query_of_twelve_levels_is_answered(office: Office, grace: Agent) -> None:
    deep = """{ cases { nodes { contact { cases(first: 3) { nodes { account {
        cases(first: 3) { nodes { timeline(first: 3) { nodes {
            attachments { name } } } } } } } } } } } }"""

    assert office.asks(deep, by=grace) == {"cases": {"nodes": []}}


@pytest.mark.parametrize(
    "query",
    [
        "{ cases(first: 100000) { totalCount } }",
        "{ cases(first: 101) { totalCount } }",
        "{ cases(first: 0) { totalCount } }",
        "{ cases(first: -1) { totalCount } }",
        "query ($n: Int! = 101) { cases(first: $n) { totalCount } }",
        '{ customers(search: "a", first: 101) { name } }',
        "{ queues { cases(first: 101) { totalCount } } }",
    ],
)
def test_a_list_that_is_too_long_is_refused(office: Office, grace: Agent, query: str) -> None:
    assert office.refuses(query, by=grace) == "`first` is a number from 1 to 100"


@pytest.mark.parametrize(
    "query",
    [
        """{ cases(first: 100) { nodes { timeline(first: 100) { nodes { text subject } } } } }""",
        """{ queues { cases(first: 100) { nodes { timeline(first: 50) { nodes { text } } } } } }""",
        """{ cases(first: 100) { nodes { ...big } } }
           fragment big on Case { contact { cases(first: 100) { nodes { number subject } } } }""",
        """{ cases(first: 100) { nodes { number } edges { node { contact {
             cases(first: 100) { edges { node { number } } } } } } } }""",
    ],
)
def test_lists_within_lists_are_refused_by_their_product(
    office: Office, grace: Agent, query: str
) -> None:
    assert office.refuses(query, by=grace) == "too many values: 20000 at most in one query"


def test_the_product_counts_what_the_variables_say(office: Office, grace: Agent) -> None:
    query = """query ($a: Int!, $b: Int! = 100) { cases(first: $a) { nodes {
        timeline(first: $b) { nodes { text subject } } } } }"""

    assert office.asks(query, by=grace, a=50, b=10)
    assert "too many values" in office.refuses(query, by=grace, a=100, b=100)
    assert "too many values" in office.refuses(query, by=grace, a=100)
    assert "`first`" in office.refuses(query, by=grace, a=1000, b=1)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'[{"query": "{ me { name } }"}]',
        b'"{ me { name } }"',
        b'{"query": 1}',
        b'{"query": ""}',
        b'{"query": null}',
        b'{"query": "{ me { name } }", "variables": []}',
        b'{"query": "{ me { name } }", "variables": NaN}',
        b'{"query": "{ me { name } }", "operationName": 7}',
        b'{"query": "{ me { name } }", "operationName": "absent"}',
        b'{"query": "{ me { name } }"',
        b'{"query": "{ me { name } }\xff"}',
        b'{"query": "{ me { name } } \\ud800"}',
        b'\xef\xbb\xbf{"query": "{ me { name } }"}',
        '{"query": "{ me { name } }"}'.encode("utf-16"),
        b'{"query": "{ case(number: ' + b"9" * 5000 + b') { number } }"}',
        b'{"query": "query ($n: Int) { case(number: $n) { id } }", "variables": {"n": '
        + b"9" * 5000
        + b"}}",
        b'{"query": "query ($n: Int) { case(number: $n) { id } }", "variables": {"n": 1.5}}',
        b'{"query": "query ($i: UUID) { case(id: $i) { id } }", "variables": {"i": "x"}}',
        b'{"query": "query ($s: String!) { customers(search: $s) { name } }",'
        b' "variables": {"s": "a\\u0000"}}',
        b'{"query": "{ me { name } }", "variables": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"query": "query ($c: CaseFilter) { cases(where: $c) { totalCount } }", "variables":'
        b' {"c": ' + b'{"states":' * 1000 + b"1" + b"}" * 1000 + b"}}",
    ],
    ids=lambda body: repr(body[:40]),
)
def test_strange_json_is_a_bad_request_and_never_our_fault(
    office: Office, grace: Agent, body: bytes
) -> None:
    response = office.posts(body, by=grace)

    assert response.status_code == 400, response.text
    assert response.json()["errors"][0]["message"]


def test_text_that_only_looks_like_an_escape_is_kept(
    desk: DeskUnderTest, office: Office, grace: Agent
) -> None:
    desk.accepts(email())
    said = r"the file holds \u0000, C:\users and \n"

    act = "mutation ($t: String!) { note(caseNumber: 1001, text: $t) { ... on CaseChanged { activity { text } } } }"  # noqa: E501
    assert office.asks(act, by=grace, t=said)["note"]["activity"]["text"] == said


def test_a_body_that_is_too_large_is_not_read(office: Office, grace: Agent) -> None:
    response = office.posts(b'{"query": "' + b"#" * 300_000 + b'"}', by=grace)

    assert response.status_code == 413


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""],
)
def test_only_json_is_taken(
    desk: DeskUnderTest, office: Office, grace: Agent, content_type: str
) -> None:
    desk.accepts(email())
    act = {"query": 'mutation { note(caseNumber: 1001, text: "x") { __typename } }'}

    response = office.posts(act, by=grace, **{"Content-Type": content_type})

    assert response.status_code == 415
    assert len(desk.activities(desk.case(1001))) == 1


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])
def test_nothing_but_post_is_offered(office: Office, grace: Agent, method: str) -> None:
    response = office.client.request(
        method,
        "/graphql",
        params={"query": 'mutation { note(caseNumber: 1001, text: "x") { __typename } }'},
        headers={"Authorization": f"Bearer {office.token(grace)}", "Origin": "https://evil.test"},
    )

    assert response.status_code == 405
    assert "access-control-allow-origin" not in response.headers


def test_the_schema_is_an_open_book_for_managers_only(desk: DeskUnderTest, office: Office) -> None:
    mara = desk.has_agent("Mara", Role.MANAGER)
    rita = desk.has_agent("Rita", Role.READ_ONLY)
    question = get_introspection_query(descriptions=True)

    assert office.asks(question, by=mara)["__schema"]["queryType"]["name"] == "Query"
    assert "introspection" in office.refuses(question, by=rita)
    assert "introspection" in office.refuses('{ __type(name: "Case") { name } }', by=rita)
    assert "Did you mean" in office.refuses("{ casses { totalCount } }", by=mara)
    assert "Did you mean" not in office.refuses("{ casses { totalCount } }", by=rita)
    assert "Did you mean" not in office.refuses("{ cases(frist: 1) { totalCount } }", by=rita)
    assert office.asks("{ __typename }", by=rita) == {"__typename": "Query"}


def test_a_fault_of_ours_is_told_as_a_number(
    office: Office, grace: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_arguments: object) -> None:
        raise RuntimeError("/var/lib/secret/path.db is locked: SELECT digest FROM api_tokens")

    monkeypatch.setattr(queues, "queues_listed_for", broken)

    response = office.posts({"query": "{ me { name } queues { name } }"}, by=grace)

    [error] = response.json()["errors"]
    assert error["message"].startswith("internal error [")
    assert error["path"] == ["queues"]
    assert not {"secret", "RuntimeError", "SELECT", "Traceback"} & set(response.text.split())
    assert "path.db" not in response.text


def test_a_database_that_is_away_says_later(
    office: Office, grace: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = office.token(grace)

    def away(*_arguments: object) -> None:
        raise Busy("another process holds the write lock")

    monkeypatch.setattr(type(office.desk.db), "reading", away)

    response = office.posts({"query": "{ me { name } }"}, Authorization=f"Bearer {token}")

    assert response.status_code == 503
    assert response.json()["errors"][0]["extensions"]["code"] == "busy"
