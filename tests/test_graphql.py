"""GraphQL as programs use it: lists and their cost, one case in full, and the acts."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from graphql import is_scalar_type

from channels.sandbox import Sandbox
from graph.api.kpis import spelt
from graph.api.schema import SCHEMA, sdl
from intake import inbound
from intake.agents import Role
from intake.events import Delivery, DeliveryState
from intake.inbound import Inbound, State
from intake.messages import Attachment
from intake.sla import KpiInstance
from kb.articles import Article
from kb.suggestions import Suggestion
from tests.desk import NOON, SUPPORT, DeskUnderTest, email
from tests.office import Office


@pytest.fixture
def office(desk: DeskUnderTest) -> Office:
    return Office(desk)


def opens(desk: DeskUnderTest, count: int, **fields: object) -> list[int]:
    """Open so many cases, each of a customer and a minute of its own."""
    receipts = desk.accepts(
        *[
            email(
                f"customer{n}@company{n % 7}.example",
                f"Question {n}",
                at=NOON + timedelta(minutes=n),
                **fields,
            )
            for n in range(count)
        ]
    )
    return [receipt.case.number for receipt in receipts if receipt.case]


def test_the_schema_file_is_the_schema_of_the_code() -> None:
    committed = Path(__file__).parents[1] / "schema.graphql"

    assert committed.read_text() == sdl(), "run `make schema` and look at the difference"


def test_every_type_field_and_mutation_is_described() -> None:
    bare = [
        f"{type_.name}.{name}"
        for type_ in SCHEMA.type_map.values()
        if not type_.name.startswith("__")
        for name, field in getattr(type_, "fields", {}).items()
        if not field.description
    ]
    bare += [
        name
        for name, type_ in SCHEMA.type_map.items()
        if not name.startswith("__") and not is_scalar_type(type_) and not type_.description
    ]
    assert bare == []


def test_a_hundred_cases_with_all_around_them_take_few_statements(
    desk: DeskUnderTest, office: Office
) -> None:
    desk.has_sla()
    grace = desk.has_agent()
    numbers = opens(desk, 100)
    query = """{ cases(first: 100) { nodes {
        number customer { name } queue { name } lastActivity { text } } } }"""
    office.asks("{ me { name } }", by=grace)

    with office.counts_statements() as few:
        found = office.asks(query, by=grace)["cases"]["nodes"]

    assert [case["number"] for case in found] == sorted(numbers, reverse=True)
    assert all(case["customer"] and case["lastActivity"] for case in found)
    assert len(few) <= 8, few


def test_what_is_loaded_for_cases_costs_the_same_for_two_and_for_a_hundred(
    desk: DeskUnderTest, office: Office
) -> None:
    desk.has_sla()
    grace = desk.has_agent()
    article = Article(number="KB-1", title="Printing", body="Paper.", updated_at=NOON)
    with desk.transaction() as session:
        session.add(article)
    opens(desk, 100)
    with desk.transaction() as session:
        session.add_all(
            Suggestion(
                case_id=kpi.case_id, article_id=article.id, position=1, score=0.5, reason="x",
                at=NOON,
            )
            for kpi in desk.all(KpiInstance)
        )  # fmt: skip
    query = """query ($first: Int!) { cases(first: $first) { nodes {
        entitlement { left channels { remaining } } kpis { state sentence }
        suggestions { score article { number } } owner { name } queueItem { enteredAt }
        contact { name points { value } account { name domains } } attachments { name }
        deliveries { state } relatedCase { number } decision { words }
        timeline(first: 2) { nodes { text attachments { name } agent { name } } } } } }"""

    office.asks(query, by=grace, first=1)

    with office.counts_statements() as for_two:
        office.asks(query, by=grace, first=2)
    with office.counts_statements() as for_hundred:
        found = office.asks(query, by=grace, first=100)["cases"]["nodes"]

    assert all(case["suggestions"][0]["article"]["number"] == "KB-1" for case in found)
    assert len(for_hundred) == len(for_two) <= 20


@pytest.mark.parametrize("order", ["OPENED", "DEADLINE"])
def test_pages_follow_each_other_without_a_gap_or_a_repeat(
    desk: DeskUnderTest, office: Office, order: str
) -> None:
    grace = desk.has_agent()
    numbers = opens(desk, 7)
    query = """query ($after: String, $order: CaseOrder!) {
        cases(first: 3, after: $after, orderBy: $order) { totalCount
            edges { node { number } } pageInfo { hasNextPage hasPreviousPage endCursor } } }"""

    first = office.asks(query, by=grace, order=order)["cases"]
    second = office.asks(query, by=grace, order=order, after=end(first))["cases"]
    third = office.asks(query, by=grace, order=order, after=end(second))["cases"]

    seen = [edge["node"]["number"] for page in (first, second, third) for edge in page["edges"]]
    assert sorted(seen) == numbers
    assert [page["totalCount"] for page in (first, second, third)] == [7, 7, 7]
    assert first["pageInfo"]["hasNextPage"]
    assert not first["pageInfo"]["hasPreviousPage"]
    assert not third["pageInfo"]["hasNextPage"]


def end(page: dict[str, dict[str, str]]) -> str:
    return page["pageInfo"]["endCursor"]


def test_a_cursor_that_we_did_not_give_is_refused_in_words(
    desk: DeskUnderTest, office: Office
) -> None:
    grace = desk.has_agent()
    desk.has_customer()
    opens(desk, 3)
    query = "query ($after: String) { cases(first: 1, after: $after) { pageInfo { endCursor } } }"
    other = "{ agents { name } accounts(first: 1) { pageInfo { endCursor } } }"
    good = end(office.asks(query, by=grace)["cases"])
    of_another_list = end(office.asks(other, by=grace)["accounts"])

    changed = good[:-4] + ("AAAA" if good[-4:] != "AAAA" else "BBBB")
    for cursor in (changed, "", "é", "%%%", "AAAA", of_another_list, good[:20], good * 2):
        answer = office.posts({"query": query, "variables": {"after": cursor}}, by=grace).json()
        assert "errors" in answer, cursor
        assert answer["errors"][0]["extensions"]["code"] == "wrong-cursor", cursor
        assert answer["errors"][0]["message"].startswith("this cursor is not of this list")


def test_cases_are_found_by_what_is_known_of_them(desk: DeskUnderTest, office: Office) -> None:
    grace = desk.has_agent()
    billing = desk.has_queue("Billing", address="billing@desk.example")
    contact = desk.has_customer("nora@northwind.example")
    desk.accepts(
        email("nora@northwind.example", "100% of_it", to=("billing@desk.example",)),
        email("alba@adventure.example", "Something else", channel="web"),
        email("alba@adventure.example", "Taken"),
    )
    desk.accepts(email("nora@northwind.example", "Invoice", mailbox="billing@desk.example"))

    def found(where: str) -> list[str]:
        query = f"{{ cases(where: {{{where}}}) {{ nodes {{ subject }} }} }}"
        return sorted(c["subject"] for c in office.asks(query, by=grace)["cases"]["nodes"])

    act = """mutation { pick(caseNumber: 1003) { __typename }
        resolve(caseNumber: 1003, text: "done") { __typename } }"""
    office.asks(act, by=grace)

    assert found("") == ["100% of_it", "Invoice", "Something else", "Taken"]
    assert found("states: [RESOLVED]") == ["Taken"]
    assert found("states: []") == []
    assert found(f'queue: "{billing.id}"') == ["Invoice"]
    assert found(f'account: "{contact.account_id}"') == ["100% of_it", "Invoice"]
    assert found(f'contact: "{contact.id}", queue: "{billing.id}"') == ["Invoice"]
    assert found('channel: "web"') == ["Something else"]
    assert found(f'owner: "{grace.id}"') == ["Taken"]
    assert found("unowned: true, states: [ACTIVE]") == ["100% of_it", "Invoice", "Something else"]
    assert found('subject: "0% OF_"') == ["100% of_it"]


def test_a_case_is_shown_whole(desk: DeskUnderTest, office: Office) -> None:
    grace = desk.has_agent()
    desk.has_sla(first_response=timedelta(hours=4))
    desk.has_customer("ada@example.com", allotment=5, channels={"email": 3})
    file = Attachment(0, "photo.png", "image/png", 12, "ab" * 32)
    desk.accepts(email(text="It does not print.", attachments=(file,)))
    query = """query ($number: Int!) { case(number: $number) {
        subject state channel customer { __typename name } contact { name points { value } }
        entitlement { left channels { channel remaining }
            ledger { nodes { kind amount reason case { number } } } }
        decision { covered words candidates { name tests { name passed words } } }
        kpis { kpi state allowedMinutes countedMinutes failAt sentence
            intervals { kind seconds } }
        timeline { nodes { kind direction newText attachments { name sizeBytes } } }
        history { nodes { kind data } } queueItem { workedBy { name } } version } }"""

    case = office.asks(query, by=grace, number=1001)["case"]

    assert case["customer"] == {"__typename": "Account", "name": "example.com"}
    assert case["contact"]["points"] == [{"value": "ada@example.com"}]
    assert case["entitlement"]["left"] == "4 of 5 cases"
    assert case["entitlement"]["channels"] == [{"channel": "email", "remaining": 2}]
    assert [e["amount"] for e in case["entitlement"]["ledger"]["nodes"]] == [-1, 0, 5]
    assert case["decision"]["covered"]
    assert case["decision"]["words"] == "Support plan: 4 of 5 cases left, 2 of 3 by email."
    assert all(test["passed"] for test in case["decision"]["candidates"][0]["tests"])
    [kpi] = case["kpis"]
    assert (kpi["kpi"], kpi["state"], kpi["allowedMinutes"]) == (
        "FIRST_RESPONSE", "IN_PROGRESS", 240,
    )  # fmt: skip
    assert kpi["intervals"] == [{"kind": "COUNTING", "seconds": 4 * 3600}]
    [said] = case["timeline"]["nodes"]
    assert said["newText"] == "It does not print."
    assert said["attachments"] == [{"name": "photo.png", "sizeBytes": 12}]
    assert case["history"]["nodes"][0]["kind"] == "case.opened"


def test_a_promise_says_how_far_its_clock_has_counted() -> None:
    assert spelt(timedelta(hours=2, minutes=15)) == "2 h 15 min"
    assert spelt(timedelta(hours=4)) == "4 h"
    assert spelt(timedelta(minutes=59, seconds=59)) == "59 min"


def test_a_story_is_read_in_pages_both_ways(desk: DeskUnderTest, office: Office) -> None:
    grace = desk.has_agent()
    opens(desk, 1)
    for word in ("one", "two", "three"):
        office.asks(
            "mutation ($t: String!) { note(caseNumber: 1001, text: $t) { __typename } }",
            by=grace, t=word,
        )  # fmt: skip
    query = """query ($back: Boolean!, $after: String) { case(number: 1001) {
        timeline(first: 2, newestFirst: $back, after: $after) {
            nodes { text } pageInfo { endCursor hasNextPage } } } }"""

    told = []
    for back in (False, True):
        page = office.asks(query, by=grace, back=back)["case"]["timeline"]
        rest = office.asks(query, by=grace, back=back, after=end(page))["case"]["timeline"]
        told.append([entry["text"] for entry in page["nodes"] + rest["nodes"]])
        assert not rest["pageInfo"]["hasNextPage"]

    assert told[0] == ["It does not print.", "one", "two", "three"]
    assert told[1] == told[0][::-1]


def test_an_agent_works_a_case_from_pick_to_reopen(desk: DeskUnderTest, office: Office) -> None:
    grace = desk.has_agent()
    linus = desk.has_agent("Linus")
    billing = desk.has_queue("Billing")
    opens(desk, 1)

    def does(act: str) -> dict[str, object]:
        shown = "... on CaseChanged { case { state reason owner { name } queue { name } } }"
        query = f"mutation {{ {act} {{ __typename {shown} ... on Problem {{ code }} }} }}"
        [result] = office.asks(query, by=grace).values()
        return result

    picked = does("pick(caseNumber: 1001)")
    assigned = does(f'assign(caseNumber: 1001, agent: "{linus.id}")')
    taken = does("pick(caseNumber: 1001)")
    released = does("release(caseNumber: 1001)")
    routed = does(f'route(caseNumber: 1001, queue: "{billing.id}")')
    held = does("hold(caseNumber: 1001, reason: {given: ON_HOLD})")
    resumed = does("resume(caseNumber: 1001)")
    replied = does('reply(caseNumber: 1001, text: "Turn it on.")')
    resolved = does('resolve(caseNumber: 1001, text: "It was off.", billableMinutes: 5)')
    closed = does('reply(caseNumber: 1001, text: "Another word")')
    reopened = does("reopen(caseNumber: 1001)")
    cancelled = does('cancel(caseNumber: 1001, text: "spam")')

    assert picked["case"]["owner"] == {"name": "Grace"}
    assert assigned["case"]["owner"] == {"name": "Linus"}
    assert taken == {"__typename": "AlreadyTaken", "code": "already-taken"}
    assert released["case"]["owner"] is None
    assert routed["case"]["queue"] == {"name": "Billing"}
    assert held["case"]["reason"] == "ON_HOLD"
    assert resumed["case"]["reason"] == "IN_PROGRESS"
    assert replied["__typename"] == "CaseChanged"
    assert resolved["case"]["state"] == "RESOLVED"
    assert closed == {"__typename": "NotOpen", "code": "case-not-open"}
    assert reopened["case"]["state"] == "ACTIVE"
    assert cancelled["case"]["state"] == "CANCELLED"


def test_an_act_on_a_case_that_changed_meanwhile_does_nothing(
    desk: DeskUnderTest, office: Office
) -> None:
    grace = desk.has_agent()
    opens(desk, 1)
    read = office.asks("{ case(number: 1001) { version } }", by=grace)["case"]["version"]
    act = """mutation ($version: Int) { reply(caseNumber: 1001, text: "Hello",
        expectedVersion: $version) { __typename ... on Problem { message } } }"""
    assert office.asks(act, by=grace, version=read)["reply"]["__typename"] == "CaseChanged"

    second = office.asks(act, by=grace, version=read)["reply"]

    assert second["__typename"] == "StaleVersion"
    assert len(desk.activities(desk.case(1001))) == 2


def test_two_acts_in_one_request_are_two_transactions(desk: DeskUnderTest, office: Office) -> None:
    grace = desk.has_agent()
    opens(desk, 1)

    both = office.asks(
        """mutation { note(caseNumber: 1001, text: "kept") { ...r }
        resolve(caseNumber: 1001, text: "x", reason: {given: ON_HOLD}) { ...r } }
        fragment r on CaseResult { __typename ... on Refused { code }
            ... on CaseChanged { activity { text } case { lastActivity { text } } } }""",
        by=grace,
    )

    assert both["note"]["activity"] == {"text": "kept"}
    assert both["note"]["case"]["lastActivity"] == {"text": "kept"}
    assert both["resolve"] == {"__typename": "Refused", "code": "wrong-reason"}
    assert [a.text for a in desk.activities(desk.case(1001))] == ["It does not print.", "kept"]


def test_a_case_that_moved_out_of_sight_is_not_shown_after_the_act(
    desk: DeskUnderTest, office: Office
) -> None:
    grace = desk.has_agent()
    secret = desk.has_queue("Secret", members=(desk.has_agent("Linus"),))
    opens(desk, 1)

    moved = office.asks(
        f"""mutation {{ route(caseNumber: 1001, queue: "{secret.id}") {{
            ... on CaseChanged {{ case {{ number }} }} }} }}""",
        by=grace,
    )["route"]

    assert moved == {"case": None}


def test_a_call_that_is_logged_is_a_case_at_once(desk: DeskUnderTest) -> None:
    grace = desk.has_agent()
    log = """mutation ($call: PhoneCall!) { logPhoneCall(call: $call) {
        ... on PhoneCallLogged { state case { number channel contact { points { kind value } }
            timeline { nodes { kind durationMinutes text } } } }
        ... on Problem { __typename code message } } }"""
    call = {"caller": "+34 600 123 456", "subject": "No tone", "text": "The line is dead.",
            "durationMinutes": 7, "externalId": "pbx-1"}  # fmt: skip
    with Sandbox() as sandbox:
        office = Office(desk, sandbox)

        logged = office.asks(log, by=grace, call=call)["logPhoneCall"]
        again = office.asks(log, by=grace, call=call)["logPhoneCall"]
        wrong = office.asks(log, by=grace, call={**call, "caller": "abc"})["logPhoneCall"]

    assert logged["state"] == "FILED"
    assert logged["case"]["channel"] == "phone"
    assert logged["case"]["contact"]["points"] == [{"kind": "PHONE", "value": "+34600123456"}]
    [entry] = logged["case"]["timeline"]["nodes"]
    assert (entry["kind"], entry["durationMinutes"]) == ("PHONE_CALL", 7)
    assert again == logged
    assert (wrong["__typename"], wrong["code"]) == ("Refused", "wrong-call")


def test_quarantined_mail_is_listed_counted_and_tried_again(
    desk: DeskUnderTest, office: Office
) -> None:
    mara = desk.has_agent("Mara", Role.MANAGER)
    rows = [
        Inbound(channel="email", mailbox=SUPPORT, content_key=f"{n}", raw=b"x", size_bytes=1,
                envelope={}, received_at=NOON, state=state, reason="unreadable: cut off")
        for n, state in enumerate((State.QUARANTINED, State.PENDING, State.FILED))
    ]  # fmt: skip
    with desk.transaction() as session:
        session.add_all(rows)
    query = """{ inbound(state: QUARANTINED) { nodes { id reason sizeBytes case { number } } }
        inboundAccount { pending filed filtered quarantined total } }"""
    again = """mutation ($id: UUID!) { retryInbound(id: $id) {
        ... on InboundRetried { inbound { state } } ... on Problem { code } } }"""

    found = office.asks(query, by=mara)
    [kept] = found["inbound"]["nodes"]
    retried = office.asks(again, by=mara, id=kept["id"])["retryInbound"]
    twice = office.asks(again, by=mara, id=kept["id"])["retryInbound"]

    assert kept["reason"] == "unreadable: cut off"
    assert found["inboundAccount"] == {
        "pending": 1, "filed": 1, "filtered": 0, "quarantined": 1, "total": 3,
    }  # fmt: skip
    assert retried == {"inbound": {"state": "PENDING"}}
    assert twice == {"code": "not-quarantined"}
    with desk.transaction() as session:
        assert len(inbound.claim(session, at=NOON, limit=5)) == 2


def test_customers_are_found_by_name_and_by_address(desk: DeskUnderTest, office: Office) -> None:
    grace = desk.has_agent()
    desk.has_customer("nora@northwind.example", allotment=3)
    desk.has_customer("fabio@fabrikam.example")
    query = """query ($s: String!) { customers(search: $s) { __typename name
        entitlements { left } cases { nodes { number } } } }"""

    by_domain = office.asks(query, by=grace, s="NORTHWIND")["customers"]
    by_name = office.asks(query, by=grace, s="fabio")["customers"]

    assert [(c["__typename"], c["name"]) for c in by_domain] == [
        ("Contact", "Nora"), ("Account", "northwind.example"),
    ]  # fmt: skip
    assert by_domain[1]["entitlements"] == [{"left": "3 of 3 cases"}]
    assert [c["name"] for c in by_name] == ["Fabio"]
    assert office.asks(query, by=grace, s="%")["customers"] == []


def test_articles_are_found_in_four_ways(desk: DeskUnderTest, office: Office) -> None:
    grace = desk.has_agent()
    shelf = (
        ("KB-1", "Reset a password", ["login", "credentials"], "Open the settings."),
        ("KB-2", "Clean the printer", ["paper jam"], "Take the tray out and remove the paper."),
        ("KB-10", "Pay an invoice", ["money"], "Transfer the amount."),
    )
    with desk.transaction() as session:
        for number, title, keywords, body in shelf:
            session.add(
                Article(number=number, title=title, keywords=keywords, body=body, updated_at=NOON)
            )

    def found(search: str, by: str) -> list[str]:
        query = "query ($s: String!, $by: ArticleSearch!) { articles(search: $s, by: $by) { nodes { number } } }"  # noqa: E501
        response = office.posts({"query": query, "variables": {"s": search, "by": by}}, by=grace)
        return [a["number"] for a in response.json()["data"]["articles"]["nodes"]]

    assert found("kb-1", "NUMBER") == ["KB-1", "KB-10"]
    assert found("PRINTER", "TITLE") == ["KB-2"]
    assert found("paper jam", "KEYWORD") == ["KB-2"]
    assert found("remove paper from tray", "FULL_TEXT")[0] == "KB-2"
    assert found("", "TITLE") == ["KB-1", "KB-10", "KB-2"]
    assert found("zebra", "TITLE") == []


def test_the_best_articles_of_a_search_come_in_pages(desk: DeskUnderTest, office: Office) -> None:
    grace = desk.has_agent()
    with desk.transaction() as session:
        for n in range(5):
            session.add(
                Article(number=f"KB-{n}", title=f"Printer {n}", body="print", updated_at=NOON)
            )
    query = """query ($after: String) { articles(search: "printer", by: FULL_TEXT, first: 2,
        after: $after) { nodes { number } pageInfo { endCursor hasNextPage } } }"""

    pages, after = [], None
    while after is None or pages[-1]["pageInfo"]["hasNextPage"]:
        pages.append(office.asks(query, by=grace, after=after)["articles"])
        after = end(pages[-1])

    seen = [article["number"] for page in pages for article in page["nodes"]]
    assert sorted(seen) == [f"KB-{n}" for n in range(5)]


def test_queues_say_how_many_wait_and_how_many_are_worked(
    desk: DeskUnderTest, office: Office
) -> None:
    grace = desk.has_agent()
    opens(desk, 3)
    office.asks("mutation { pick(caseNumber: 1002) { __typename } }", by=grace)

    [queue] = office.asks(
        "{ queues { name waiting worked cases(first: 2) { nodes { number } } } }", by=grace
    )["queues"]

    assert queue == {
        "name": "Support", "waiting": 3, "worked": 1,
        "cases": {"nodes": [{"number": 1001}, {"number": 1002}]},
    }  # fmt: skip


def test_a_delivery_that_was_given_up_is_tried_again(desk: DeskUnderTest, office: Office) -> None:
    grace = desk.has_agent()
    opens(desk, 1)
    query = """{ case(number: 1001) { deliveries { id kind state } } }"""
    [promised] = office.asks(query, by=grace)["case"]["deliveries"]
    assert promised["kind"] == "acknowledgement"
    assert promised["state"] == "DUE"
    with desk.transaction() as session:
        session.get_one(Delivery, UUID(promised["id"])).state = DeliveryState.FAILED

    again = office.asks(
        """mutation ($id: UUID!) { retryDelivery(id: $id) {
            ... on DeliveryRetried { delivery { state attempts } } } }""",
        by=grace, id=promised["id"],
    )  # fmt: skip

    assert again["retryDelivery"] == {"delivery": {"state": "DUE", "attempts": 0}}


def test_me_says_what_this_token_may_do(desk: DeskUnderTest, office: Office) -> None:
    grace = desk.has_agent()

    me = office.asks("{ me { name acts via agent { email } } }", by=grace)["me"]

    assert me == {
        "name": "Grace", "acts": ["READ", "WORK"], "via": "graphql",
        "agent": {"email": "grace@desk.example"},
    }  # fmt: skip
