"""Webhooks: what happens here other programs hear, signed, at least once, and nowhere inside."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import update
from typer.testing import CliRunner

from channels import REGISTRY, dispatch, guarded
from channels.dispatch import Dispatch
from channels.sandbox import Sandbox
from graph import cli
from graph.worker import OURS, THEIRS
from intake import endpoints, events, notices, webhooks, work
from intake.agents import Principal, Role
from intake.cases import Case
from intake.events import Delivery, DeliveryState, Event
from intake.settings import Settings
from intake.webhooks import Endpoint, Try, trying
from tests.certificates import certificate_for
from tests.console import Console, words
from tests.desk import DeskUnderTest, email
from tests.office import Office
from tests.receiver import Receiver, receiving, signed
from tests.statements import statements_of


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


@pytest.fixture
def desk(desk: DeskUnderTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DeskUnderTest:
    """Its own network begins and ends with this machine; nothing else wants sending."""
    monkeypatch.chdir(tmp_path)  # the outbox of mails is made there
    desk.settings = replace(desk.settings, webhook_hosts=("127.0.0.1",))
    desk.queue.acknowledge = False
    with desk.transaction() as session:
        session.merge(desk.queue)
    return desk


@pytest.fixture
def root(desk: DeskUnderTest) -> Principal:
    return desk.principal("Root", Role.ADMINISTRATOR)


def register(
    desk: DeskUnderTest, root: Principal, receiver: Receiver, *kinds: str
) -> tuple[UUID, str]:
    at = datetime.now(UTC)
    with desk.transaction() as session:
        made = webhooks.register(
            session, root, url=receiver.url, kinds=kinds or ("*",), desk=desk.settings, at=at
        )
        return made.id, webhooks.secrets_of(made, desk.settings, at=at)[0]


def send(
    desk: DeskUnderTest, *, later: timedelta = timedelta(), hosts: tuple[str, ...] = ("127.0.0.1",)
) -> int:
    sender = Dispatch(desk.db, Settings(webhook_hosts=hosts), desk.settings)
    try:
        return sender.send_due(at=datetime.now(UTC) + later)
    finally:
        sender.close()


def say(desk: DeskUnderTest, root: Principal, kind: str = "case.noted", **data: Any) -> None:
    with desk.transaction() as session:
        events.record(session, kind, at=datetime.now(UTC), actor=root, **data)


def endpoint(desk: DeskUnderTest) -> Endpoint:
    [found] = desk.all(Endpoint)
    return found


def untold(desk: DeskUnderTest, *, since: int = 0) -> list[str]:
    """The events that no webhook will tell of."""
    promised = {d.event_sequence for d in desk.all(Delivery) if d.channel == "webhook"}
    happened = (e for e in desk.all(Event) if e.sequence > since)
    return [e.kind for e in happened if e.sequence not in promised]


def a_case_worked_on(desk: DeskUnderTest, root: Principal) -> None:
    [receipt] = desk.accepts(email())
    assert receipt.case is not None
    at = datetime.now(UTC)
    for act in (work.pick, work.hold, work.resume):
        with desk.transaction() as session:
            act(session, root, receipt.case.id, at=at)
    with desk.transaction() as session:
        work.resolve(session, root, receipt.case.id, "Done", desk=desk.settings, at=at)


def test_whatever_history_shows_is_promised_with_it(
    desk: DeskUnderTest, root: Principal, receiver: Receiver
) -> None:
    register(desk, root, receiver)

    a_case_worked_on(desk, root)

    assert len(desk.all(Event)) > 5
    assert untold(desk) == []


def test_an_event_without_its_promise_would_be_seen(
    desk: DeskUnderTest, root: Principal, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(desk, root, receiver)
    since = max(e.sequence for e in desk.all(Event))
    monkeypatch.setattr(endpoints, "listening", lambda *_: [])

    a_case_worked_on(desk, root)

    assert "case.resolved" in untold(desk, since=since)


def test_what_was_undone_is_not_told(
    desk: DeskUnderTest, root: Principal, receiver: Receiver
) -> None:
    register(desk, root, receiver)
    before = len(desk.all(Delivery))

    def noted_but_not_done() -> None:
        with desk.transaction() as session:
            events.record(session, "case.noted", at=datetime.now(UTC), actor=root)
            session.flush()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        noted_but_not_done()

    assert len(desk.all(Delivery)) == before


def test_who_listens_is_asked_once_in_a_transaction(desk: DeskUnderTest, root: Principal) -> None:
    with statements_of(desk.db) as asked, desk.transaction() as session:
        for _ in range(20):
            events.record(session, "case.noted", at=datetime.now(UTC), actor=root)

    assert sum("webhook_endpoints" in statement for statement in asked) == 1
    assert not any("deliveries" in statement for statement in asked)


@pytest.mark.parametrize(
    ("patterns", "kind", "wanted"),
    [
        (["*"], "invoice.requested", True),
        (["case.*"], "case.resolved", True),
        (["case.*"], "case-template.added", False),
        (["case.resolved"], "case.reopened", False),
        (["sla.*", "case.resolved"], "case.resolved", True),
    ],
)
def test_an_endpoint_hears_what_it_asked_for(patterns: list[str], kind: str, wanted: bool) -> None:
    assert endpoints.wanted(endpoints.patterns(patterns), kind) is wanted


def test_a_call_says_what_happened_and_is_signed(
    desk: DeskUnderTest, root: Principal, receiver: Receiver
) -> None:
    _id, secret = register(desk, root, receiver, "case.*")

    [receipt] = desk.accepts(email())
    send(desk)

    assert receipt.case is not None
    [said], [headers] = receiver.heard, receiver.headers
    assert said["kind"] == "case.opened"
    assert said["record"]["number"] == receipt.case.number
    assert said["record"]["url"].endswith(f"/cases/{receipt.case.number}")
    assert said["sequence"] in [e.sequence for e in desk.all(Event)]
    assert said["id"] == headers["webhook-id"]
    assert signed(secret, headers, receiver.bodies[0])
    assert not signed("whsec_" + "A" * 43 + "=", headers, receiver.bodies[0])
    assert not signed(secret, headers, receiver.bodies[0] + b" ")
    assert abs(int(headers["webhook-timestamp"]) - datetime.now(UTC).timestamp()) < 60


def test_a_receiver_that_was_away_hears_it_with_the_same_id(
    desk: DeskUnderTest, root: Principal, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trying, "QUIET", timedelta())
    register(desk, root, receiver, "case.noted")
    receiver.answers = [500, (503, {"retry-after": "7"}, b"busy"), 500, 500, 500]
    say(desk, root)

    for _ in range(6):
        send(desk, later=timedelta(days=1))

    [delivery] = [d for d in desk.all(Delivery) if d.channel == "webhook"]
    assert delivery.state is DeliveryState.SENT
    assert len({headers["webhook-id"] for headers in receiver.headers}) == 1
    assert len(set(receiver.bodies)) == 1
    tries = sorted(desk.all(Try), key=lambda t: t.at)
    assert [t.status for t in tries] == [500, 503, 500, 500, 500, 200]
    assert "busy" in tries[1].said
    assert all(t.took_ms >= 0 for t in tries)
    kinds = [e.kind for e in desk.all(Event)]
    assert kinds[-2:] == ["webhook.failing", "webhook.recovered"]
    [mail] = [d for d in desk.all(Delivery) if d.channel == "email"]
    assert mail.target == "root@desk.example"
    assert "takes nothing any more" in mail.payload["subject"]
    assert (endpoint(desk).failures, endpoint(desk).failing_since) == (0, None)


def test_one_that_keeps_failing_is_left_alone_and_loses_nothing(
    desk: DeskUnderTest, root: Principal, receiver: Receiver
) -> None:
    register(desk, root, receiver, "case.noted")
    receiver.answers = [500] * 99
    for _ in range(15):
        say(desk, root)

    send(desk)
    called = len(receiver.bodies)
    send(desk, later=timedelta(days=1))
    called_again = len(receiver.bodies) - called
    receiver.answers = []
    with desk.transaction() as session:
        session.execute(update(Endpoint).values(quiet_until=datetime.now(UTC)))
    send(desk, later=timedelta(days=1))

    assert trying.QUIET_AFTER <= called < trying.QUIET_AFTER + dispatch.AT_ONCE
    assert called_again == 0
    told = [d for d in desk.all(Delivery) if d.channel == "webhook"]
    assert {d.state for d in told} == {DeliveryState.SENT}
    assert len(told) == 15


def test_mail_is_not_sent_where_webhooks_are(
    desk: DeskUnderTest, root: Principal, receiver: Receiver
) -> None:
    register(desk, root, receiver, "case.noted")
    say(desk, root)
    at = datetime.now(UTC)
    with desk.transaction() as session:
        notices.mail(session, "a@b.example", "Hi", "Hi", desk=desk.settings, key="x", at=at)

    calls = Dispatch(desk.db, Settings(webhook_hosts=("127.0.0.1",)), desk.settings, THEIRS)
    tried = calls.send_due(at=at)
    calls.close()

    assert tried == 1
    assert set(REGISTRY) == THEIRS | OURS
    assert {d.channel: d.state.value for d in desk.all(Delivery)} == {
        "webhook": "sent",
        "email": "due",
    }


def test_one_that_is_gone_is_paused_and_an_administrator_hears_of_it(
    desk: DeskUnderTest, root: Principal, receiver: Receiver
) -> None:
    register(desk, root, receiver, "case.noted")
    receiver.answers = [410]
    say(desk, root)

    send(desk)
    say(desk, root)

    assert endpoint(desk).active is False
    assert "webhook.gone" in [e.kind for e in desk.all(Event)]
    told = [d for d in desk.all(Delivery) if d.channel == "webhook"]
    assert [d.state for d in told] == [DeliveryState.FAILED]
    assert [d.target for d in desk.all(Delivery) if d.channel == "email"] == ["root@desk.example"]


def test_at_a_change_of_the_secret_both_are_good_for_a_day(
    desk: DeskUnderTest, root: Principal, receiver: Receiver
) -> None:
    id, old = register(desk, root, receiver, "case.noted")
    with desk.transaction() as session:
        _, new = webhooks.rotate(session, root, id, desk=desk.settings, at=datetime.now(UTC))
    say(desk, root)
    send(desk)
    with desk.transaction() as session:
        session.execute(update(Endpoint).values(rotated_at=datetime.now(UTC) - timedelta(days=1)))
    say(desk, root)
    send(desk)

    at_once, a_day_later = zip(receiver.headers, receiver.bodies, strict=True)
    assert signed(old, *at_once)
    assert signed(new, *at_once)
    assert not signed(old, *a_day_later)
    assert signed(new, *a_day_later)


def test_nothing_kept_or_recorded_holds_a_secret(
    desk: DeskUnderTest, root: Principal, receiver: Receiver
) -> None:
    _id, secret = register(desk, root, receiver)
    say(desk, root)
    send(desk)

    kept = repr(
        [vars(row) for table in (Endpoint, Event, Delivery, Try) for row in desk.all(table)]
    )
    assert secret.removeprefix("whsec_") not in kept


def test_a_test_is_sent_even_to_one_that_is_paused_and_anything_again(
    desk: DeskUnderTest, root: Principal, receiver: Receiver
) -> None:
    id, _secret = register(desk, root, receiver, "case.noted")
    at = datetime.now(UTC)
    say(desk, root)
    send(desk)
    with desk.transaction() as session:
        webhooks.pause(session, root, id, at=at)
        webhooks.send_test(session, root, id, at=at)
    send(desk)
    with desk.transaction() as session:
        webhooks.resume(session, root, id, at=at)
        [told] = [d for d in desk.all(Delivery) if d.kind == "event"]
        webhooks.send_again(session, root, told.id, at=at)
        with pytest.raises(webhooks.StillDue):
            webhooks.send_again(session, root, told.id, at=at)
    send(desk)

    assert receiver.kinds == ["case.noted", "webhook.test", "case.noted"]
    assert receiver.bodies[0] == receiver.bodies[2]
    assert {d.state for d in desk.all(Delivery)} == {DeliveryState.SENT}


def test_what_waits_for_one_that_was_paused_or_removed_is_given_up_and_says_so(
    desk: DeskUnderTest, root: Principal, receiver: Receiver
) -> None:
    id, _secret = register(desk, root, receiver, "case.noted")
    say(desk, root)
    with desk.transaction() as session:
        webhooks.pause(session, root, id, at=datetime.now(UTC))
    send(desk)
    with desk.transaction() as session:
        webhooks.resume(session, root, id, at=datetime.now(UTC))
    say(desk, root)
    with desk.transaction() as session:
        webhooks.remove(session, root, id, at=datetime.now(UTC))
    send(desk)

    given_up = sorted(d.error for d in desk.all(Delivery))
    assert given_up == ["the endpoint is paused: paused by Root", "the endpoint was removed"]
    assert receiver.bodies == []


INSIDE = [
    *("http://127.0.0.1", "https://127.1", "https://0x7f.1", "https://2130706433", "https://0"),
    *("https://017700000001", "https://[::1]", "https://[::]", "https://[::ffff:127.0.0.1]"),
    *("https://[::ffff:7f00:1]", "https://[64:ff9b::7f00:1]", "https://[2002:7f00:1::]"),
    *("https://localhost", "https://localhost.", "https://a.localhost", "https://LOCALHOST"),
    *("https://10.0.0.8", "https://172.16.3.4", "https://192.168.1.1", "https://100.64.0.1"),
    *("https://169.254.169.254", "https://[fd00:ec2::254]", "https://[fe80::1]"),
    *("https://１２７.0.0.1", "https://①②⑦.0.0.1", "https://224.0.0.1", "https://0.0.0.0"),
    *("file:///etc/passwd", "gopher://127.0.0.1", "https://me:pw@127.0.0.1", "//127.0.0.1"),
    *("https://inside.example.com", "https://both.example.com"),
]


@pytest.mark.parametrize("url", INSIDE)
def test_nothing_inside_is_ever_connected_to(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    resolve = socket.getaddrinfo
    means = {
        "inside.example.com": ["10.1.2.3"],
        "both.example.com": ["93.184.216.34", "127.0.0.1"],
    }

    def resolver(host: str, port: int, **more: Any) -> Any:
        if host in means:
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port)) for ip in means[host]]
        return resolve(host, port, **more)

    connected: list[object] = []
    monkeypatch.setattr(socket, "getaddrinfo", resolver)
    monkeypatch.setattr(socket, "create_connection", lambda *a, **_: connected.append(a))

    with pytest.raises((guarded.Forbidden, guarded.NoAnswer)):
        guarded.post(url, b"{}", {})
    with pytest.raises((guarded.Forbidden, guarded.NoAnswer)):
        guarded.get(url, {}, most_bytes=100)

    assert connected == []


def test_the_address_that_was_checked_is_the_one_that_is_called(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A resolver that answers otherwise the second time gets nobody anywhere else."""
    port = int(receiver.url.rpartition(":")[2].partition("/")[0])
    answers = iter(["127.0.0.1", "203.0.113.9"])
    resolve = socket.getaddrinfo

    def rebinding(host: str, port: int, *more: Any, **named: Any) -> Any:
        return resolve(next(answers) if host == "hook.test" else host, port, *more, **named)

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)

    answer = guarded.post(f"http://hook.test:{port}/hook", b"{}", {}, own_hosts=("hook.test",))

    assert answer.status == 200
    assert receiver.headers[0]["host"] == f"hook.test:{port}"


def test_the_certificate_is_that_of_the_name_and_not_of_the_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = certificate_for("hook.test", tmp_path)
    resolve = socket.getaddrinfo
    named = ("hook.test", "other.test")

    def resolver(host: str, port: int, *more: Any, **rest: Any) -> Any:
        return resolve("127.0.0.1" if host in named else host, port, *more, **rest)

    monkeypatch.setattr(socket, "getaddrinfo", resolver)
    with receiving(tls=certificate.server_context()) as receiver:
        port = receiver.url.rpartition(":")[2].partition("/")[0]
        with pytest.raises(guarded.NoAnswer, match="certificate"):
            guarded.post(f"https://hook.test:{port}/", b"{}", {}, own_hosts=named)
        monkeypatch.setattr(guarded, "_tls", certificate.trusting_context)
        with pytest.raises(guarded.NoAnswer, match="certificate"):
            guarded.post(f"https://other.test:{port}/", b"{}", {}, own_hosts=named)
        answer = guarded.post(f"https://hook.test:{port}/", b"{}", {}, own_hosts=named)

    assert (answer.status, len(receiver.bodies)) == (200, 1)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(receiver: Receiver, status: int) -> None:
    receiver.answers = [(status, {"location": receiver.url}, b"")]

    answer = guarded.post(receiver.url, b"{}", {}, own_hosts=("127.0.0.1",))

    assert (answer.status, len(receiver.bodies)) == (status, 1)


@contextmanager
def dripping(opening: bytes, drip: bytes) -> Iterator[int]:
    """The port of a server that answers a little at a time, for ever."""
    stop = threading.Event()

    def answer() -> None:
        with suppress(OSError), closing(server.accept()[0]) as peer:
            peer.sendall(opening)
            while not stop.wait(0.05):
                peer.sendall(drip)

    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        server.settimeout(5)  # whoever is too slow to call is not waited for
        thread = threading.Thread(target=answer)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            stop.set()
            thread.join()


@pytest.mark.parametrize(
    ("opening", "drip"),
    [
        (b"", b""),
        (b"HTTP/1.1 200 OK\r\nx: ", b"y"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", b"1\r\nz\r\n"),
    ],
    ids=["nothing", "headers", "body"],
)
def test_an_answer_that_never_ends_is_cut(
    opening: bytes, drip: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guarded, "TOTAL_SECONDS", 0.3)

    with dripping(opening, drip) as port, pytest.raises(guarded.NoAnswer, match="within"):
        guarded.post(f"http://127.0.0.1:{port}/", b"{}", {}, own_hosts=("127.0.0.1",))


def test_no_more_of_an_answer_is_read_than_is_kept(receiver: Receiver) -> None:
    receiver.answers = [(200, {}, b"x" * (10 * guarded.ANSWER_BYTES))]

    answer = guarded.post(receiver.url, b"{}", {}, own_hosts=("127.0.0.1",))

    assert len(answer.text) == guarded.ANSWER_BYTES


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"url": "http://books.example.com"}, "url"),
        ({"url": "https://192.168.0.1/x"}, "url"),
        ({"url": "books"}, "url"),
        ({"kinds": []}, "kinds"),
        ({"kinds": ["case*"]}, "kinds"),
        ({"description": "x" * 201}, "description"),
    ],
)
def test_a_wrong_endpoint_names_the_field(
    desk: DeskUnderTest, root: Principal, wrong: dict[str, Any], field: str
) -> None:
    given = {"url": "https://books.example.com", "kinds": ["*"], **wrong}

    with pytest.raises(webhooks.WrongEndpoint, match=f"^{field}: "), desk.transaction() as session:
        webhooks.register(session, root, **given, desk=desk.settings, at=datetime.now(UTC))

    assert desk.all(Endpoint) == []


def test_only_an_administrator_touches_endpoints(desk: DeskUnderTest, receiver: Receiver) -> None:
    manager = desk.principal("Max", Role.MANAGER)

    with pytest.raises(Exception, match="may not administer"), desk.transaction() as session:
        webhooks.register(
            session, manager, url=receiver.url, kinds=["*"], desk=desk.settings,
            at=datetime.now(UTC),
        )  # fmt: skip

    assert desk.all(Case) == []


def test_the_page_says_how_to_check_a_call(
    desk: DeskUnderTest, root: Principal, receiver: Receiver
) -> None:
    page = (Path(__file__).parents[1] / "docs/how-to/receive-webhooks.md").read_text()
    [snippet] = re.findall(r"```python\n(.*?)```", page, re.S)
    shown: dict[str, Any] = {}
    exec(snippet, shown)
    _id, secret = register(desk, root, receiver, "case.noted")
    say(desk, root)
    send(desk)

    [headers], [body] = receiver.headers, receiver.bodies
    late = {**headers, "webhook-timestamp": str(int(headers["webhook-timestamp"]) - 600)}
    assert shown["is_ours"](secret, headers, body)
    assert not shown["is_ours"](secret, headers, body + b" ")
    assert not shown["is_ours"](secret, late, body)


REGISTER = """mutation($url: String!, $kinds: [String!]!) {
  registerWebhook(url: $url, kinds: $kinds) {
  __typename ... on WebhookChanged { secret webhook { id version kinds active } }
  ... on WrongInput { field } } }"""


def test_an_administrator_does_it_all_by_graphql(desk: DeskUnderTest, receiver: Receiver) -> None:
    office, boss = Office(desk), desk.has_agent("Root", Role.ADMINISTRATOR)

    wrong = office.asks(REGISTER, by=boss, url="http://10.0.0.1/", kinds=["*"])
    made = office.asks(REGISTER, by=boss, url=receiver.url, kinds=["case.opened"])
    id = made["registerWebhook"]["webhook"]["id"]
    stale = office.asks(
        "mutation($id: UUID!) { pauseWebhook(id: $id, expectedVersion: 7) { __typename } }",
        by=boss, id=id,
    )  # fmt: skip
    office.asks("mutation($id: UUID!) { testWebhook(id: $id) { __typename } }", by=boss, id=id)
    desk.accepts(email())
    send(desk)
    seen = office.asks(
        """{ webhooks { url failures deliveries(first: 5) { totalCount nodes { id kind state
        attempts body tries { status tookMs said } } } } }""",
        by=boss,
    )["webhooks"]
    again = office.asks(
        """mutation($id: UUID!) { sendWebhookAgain(delivery: $id) { __typename
        ... on WebhookPromised { delivery { state } } } }""",
        by=boss, id=seen[0]["deliveries"]["nodes"][0]["id"],
    )  # fmt: skip

    assert wrong["registerWebhook"] == {"__typename": "WrongInput", "field": "url"}
    assert made["registerWebhook"]["secret"].startswith("whsec_")
    assert stale["pauseWebhook"] == {"__typename": "StaleVersion"}
    nodes = seen[0]["deliveries"]["nodes"]
    assert {node["kind"] for node in nodes} == {"webhook.test", "case.opened"}
    assert [node["tries"][0]["status"] for node in nodes] == [200, 200]
    assert all(node["body"]["id"] == node["id"] for node in nodes)
    assert again["sendWebhookAgain"]["delivery"]["state"] == "DUE"


def test_the_console_shows_the_secret_once_and_every_try(
    desk: DeskUnderTest, receiver: Receiver
) -> None:
    with Sandbox() as sandbox:
        console = Console(desk, sandbox)
        browser = console.browser(desk.has_agent("Root", Role.ADMINISTRATOR))
        given = {"url": receiver.url, "kinds": "case.opened, sla.*", "description": "The books"}

        refused = browser.post("/webhooks", data={**given, "kinds": "cases"})
        made = browser.post("/webhooks", data=given)
        receiver.answers = [(503, {}, b"<b>busy</b>")]
        desk.accepts(email())
        send(desk)
        [listed] = desk.all(Endpoint)
        page = browser.get(f"/webhooks/{listed.id}")
        browser.post(f"/webhooks/{listed.id}/pause", data={"version": str(listed.version)})
        stale = browser.post(f"/webhooks/{listed.id}/remove", data={"version": "1"})

    assert refused.status_code == 422
    assert "is no kind of event" in refused.text
    assert "whsec_" in made.text
    assert "whsec_" not in page.text
    assert "503" in words(page)
    assert "<b>busy" not in page.text
    assert stale.status_code == 422
    assert endpoint(desk).active is False


def test_a_manager_does_not_see_who_listens(desk: DeskUnderTest) -> None:
    with Sandbox() as sandbox:
        browser = Console(desk, sandbox).browser(desk.has_agent("Max", Role.MANAGER))
        assert browser.get("/webhooks").status_code == 403
        assert "/webhooks" not in browser.get("/").text


def test_an_administrator_does_it_all_by_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    command = CliRunner()

    def deskbell(*words: str) -> str:
        done = command.invoke(cli.app, ["webhook", *words], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.output

    added = deskbell("add", "https://books.example.com/x", "invoice.*", "case.resolved")
    id, secret = added.split()[0], added.split()[-1]
    deskbell("test", id)
    tried = deskbell("tries", id)
    rotated = deskbell("rotate", id).strip()
    deskbell("pause", id)
    listed = deskbell("list")
    deskbell("resume", id)
    deskbell("remove", id, "--yes")

    assert secret.startswith("whsec_")
    assert rotated.startswith("whsec_")
    assert rotated != secret
    assert "webhook.test" in tried
    assert "books.example.com" in listed
    assert "case.resolved" in listed
    assert "invoice.*" in listed
    assert "paused" in listed
    assert id not in deskbell("list")
