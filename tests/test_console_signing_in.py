"""Signing in to the console without a password, staying signed in, and leaving."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import select

from channels.sandbox import Sandbox
from intake import agents
from intake.agents import Agent, Role, SignIn, SignInLink
from intake.db import Busy, Database
from intake.events import Delivery
from tests.console import OURS, Console
from tests.desk import NOON, DeskUnderTest


@pytest.fixture
def console(sqlite_url: str) -> Iterator[Console]:
    with Sandbox() as sandbox:
        db = Database(sqlite_url)
        yield Console(DeskUnderTest(db), sandbox)
        db.close()


def mailed_link(console: Console) -> str:
    """The path of the newest sign-in link that was promised."""
    with console.desk.db.reading() as session:
        newest = select(Delivery).where(Delivery.kind == "sign-in").order_by(Delivery.id.desc())
        payload = session.scalars(newest.limit(1)).one().payload
    found = re.search(re.escape(console.base_url) + r"(/sign-in\?\S+)", payload["text"])
    assert found is not None
    return found[1]


def link_in(path: str) -> str:
    return path.partition("link=")[2].partition("&")[0]


def test_a_link_by_mail_signs_its_agent_in(console: Console) -> None:
    console.desk.has_agent("Grace")
    browser = console.stranger()

    browser.post("/sign-in/link", data={"address": " Grace@Desk.example "})
    shown = browser.get(mailed_link(console))
    answer = browser.post("/sign-in", data={"link": link_in(mailed_link(console))})

    assert "Sign in" in shown.text
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert "Grace" in browser.get("/").text


def test_a_program_that_opens_links_does_not_use_one_up(console: Console) -> None:
    console.desk.has_agent("Grace")
    browser = console.stranger()
    browser.post("/sign-in/link", data={"address": "grace@desk.example"})
    link = mailed_link(console)

    for _ in range(3):
        assert console.stranger().get(link).status_code == 200
        assert console.stranger().head(link).status_code == 200
    answer = browser.post("/sign-in", data={"link": link_in(link)})

    assert answer.status_code == 303


def test_a_link_works_once(console: Console) -> None:
    console.desk.has_agent("Grace")
    console.stranger().post("/sign-in/link", data={"address": "grace@desk.example"})
    link = link_in(mailed_link(console))

    first = console.stranger().post("/sign-in", data={"link": link})
    second = console.stranger().post("/sign-in", data={"link": link})

    assert (first.status_code, second.status_code) == (303, 403)
    assert "set-cookie" not in second.headers
    assert "does not work any more" in second.text


@pytest.mark.parametrize("address", ["nobody@desk.example", "", "a" * 5000, "grace@desk.example\n"])
def test_every_address_hears_the_same(console: Console, address: str) -> None:
    console.desk.has_agent("Grace", active=False)
    console.desk.has_agent("Known")

    unknown = console.stranger().post("/sign-in/link", data={"address": address})
    promised = console.desk.count(Delivery)
    known = console.stranger().post("/sign-in/link", data={"address": "known@desk.example"})

    def without_nonce(text: str) -> str:
        return re.sub(r'nonce="[^"]+"', "", text)

    assert without_nonce(unknown.text) == without_nonce(known.text)
    assert unknown.status_code == known.status_code == 200
    assert (promised, console.desk.count(Delivery)) == (0, 1)


def test_links_are_counted_per_address_and_those_sent_keep_working(console: Console) -> None:
    console.desk.has_agent("Grace")
    console.desk.has_agent("Luis")
    browser = console.stranger()

    for _ in range(5):
        browser.post("/sign-in/link", data={"address": "grace@desk.example"})
    browser.post("/sign-in/link", data={"address": "luis@desk.example"})

    targets = sorted(delivery.target for delivery in console.desk.all(Delivery))
    assert targets == ["grace@desk.example"] * 3 + ["luis@desk.example"]
    assert console.desk.count(SignInLink) == 4


def test_what_is_kept_is_only_the_hash_of_a_session(console: Console) -> None:
    secret = console.session(console.desk.has_agent("Grace"))

    [kept] = console.desk.all(SignIn)

    assert kept.digest == agents.digest(secret)
    assert secret not in repr(kept.__dict__)


@pytest.mark.parametrize(
    ("base_url", "name", "secure"),
    [("http://desk.example", "sid", False), ("https://desk.example", "__Host-sid", True)],
)
def test_the_cookie_is_kept_from_scripts_and_other_sites(
    sqlite_url: str, base_url: str, name: str, secure: bool
) -> None:
    with Sandbox() as sandbox:
        db = Database(sqlite_url)
        console = Console(DeskUnderTest(db), sandbox, base_url)
        console.desk.has_agent("Grace")
        console.stranger().post("/sign-in/link", data={"address": "grace@desk.example"})
        link = link_in(mailed_link(console))

        cookie = console.stranger().post("/sign-in", data={"link": link}).headers["set-cookie"]
        db.close()

    flags = {flag.strip().lower() for flag in cookie.split(";")[1:]}
    assert cookie.startswith(f"{name}=")
    assert {"httponly", "samesite=lax", "path=/"} <= flags
    assert ("secure" in flags) is secure
    assert not any(flag.startswith("domain") for flag in flags)


def test_a_session_ends_when_its_agent_signs_out(console: Console) -> None:
    browser = console.browser(console.desk.has_agent("Grace"))
    copied = console.stranger()
    copied.cookies.set("sid", browser.cookies["sid"])

    browser.post("/sign-out")

    assert copied.get("/").headers["location"] == "/sign-in"
    assert browser.get("/").headers["location"] == "/sign-in"


def test_a_session_ends_when_its_agent_leaves(console: Console) -> None:
    agent = console.desk.has_agent("Grace")
    browser = console.browser(agent)
    assert browser.get("/").status_code == 200

    with console.desk.transaction() as session:
        session.get_one(Agent, agent.id).active = False

    assert browser.get("/").headers["location"] == "/sign-in"


def test_a_lost_role_is_lost_at_the_next_request(console: Console) -> None:
    agent = console.desk.has_agent("Marta", Role.MANAGER)
    browser = console.browser(agent)
    assert browser.get("/inbound").status_code == 200

    with console.desk.transaction() as session:
        session.get_one(Agent, agent.id).role = Role.AGENT

    assert browser.get("/inbound").status_code == 403


def test_signing_in_again_ends_the_session_before(console: Console) -> None:
    agent = console.desk.has_agent("Grace")
    browser = console.browser(agent)
    before = browser.cookies["sid"]
    browser.post("/sign-in/link", data={"address": "grace@desk.example"})

    browser.post("/sign-in", data={"link": link_in(mailed_link(console))})

    stolen = console.stranger()
    stolen.cookies.set("sid", before)
    assert stolen.get("/").headers["location"] == "/sign-in"
    assert browser.get("/").status_code == 200


def test_a_session_in_use_does_not_idle_out(console: Console) -> None:
    agent, secret = console.desk.has_agent("Grace"), "a secret of the browser"
    with console.desk.transaction() as session:
        digest = agents.digest(secret)
        session.add(SignIn(digest=digest, agent_id=agent.id, created_at=NOON, used_at=NOON))

    with console.desk.transaction() as session:
        kept = session.get_one(SignIn, digest)
        assert not kept.wants_noting(NOON + timedelta(minutes=9))
        kept.note_use(NOON + timedelta(hours=11))

    with console.desk.db.reading() as session:
        assert agents.by_session(session, secret, at=NOON + timedelta(hours=22)) is not None
        assert agents.by_session(session, secret, at=NOON + timedelta(hours=23, minutes=1)) is None


@pytest.mark.parametrize(
    ("onward", "lands"),
    [
        ("/cases/1001", "/cases/1001"),
        ("/inbound", "/inbound"),
        ("//evil.example", "/"),
        ("https://evil.example/cases/1", "/"),
        ("/cases/1001\r\nSet-Cookie: a=b", "/"),
        ("/\\evil.example", "/"),
        ("/cases/1001?next=//evil.example", "/"),
    ],
)
def test_after_signing_in_one_lands_on_our_own_pages_only(
    console: Console, onward: str, lands: str
) -> None:
    console.desk.has_agent("Grace")
    browser = console.stranger()
    browser.post("/sign-in/link", data={"address": "grace@desk.example"})

    answer = browser.post("/sign-in", data={"link": link_in(mailed_link(console)), "next": onward})

    assert answer.headers["location"] == lands


def test_a_page_that_needs_a_session_is_remembered_on_the_way_through_the_mail(
    console: Console,
) -> None:
    console.desk.has_agent("Grace")
    browser = console.stranger()

    away = browser.get("/cases/1001").headers["location"]
    browser.post("/sign-in/link", data={"address": "grace@desk.example", "next": "/cases/1001"})

    assert away == "/sign-in?next=%2Fcases%2F1001"
    assert mailed_link(console).endswith("&next=%2Fcases%2F1001")


def test_an_https_desk_asks_for_https_for_a_year(sqlite_url: str) -> None:
    with Sandbox() as sandbox:
        db = Database(sqlite_url)
        console = Console(DeskUnderTest(db), sandbox, "https://desk.example")

        headers = console.stranger().get("/sign-in", headers=OURS).headers
        db.close()

    assert headers["strict-transport-security"] == "max-age=31536000"


@pytest.mark.parametrize("page", ["/sign-in", "/sign-in/link", "/sign-out"])
def test_while_the_database_is_away_signing_in_is_put_off_in_words(
    console: Console, page: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_db: Database) -> None:
        raise Busy("the database is busy")

    monkeypatch.setattr(Database, "reading", away)
    monkeypatch.setattr(Database, "transaction", away)

    answer = console.stranger().post(page, data={"link": "x", "address": "grace@desk.example"})

    assert answer.status_code == 503
    assert "does not answer at the moment" in answer.text
