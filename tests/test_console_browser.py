"""The console in a real browser: nothing of a stranger's runs, and an agent's keys work."""

from __future__ import annotations

import shutil
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
import uvicorn
from playwright.sync_api import BrowserContext, Error, Page, sync_playwright

from channels.sandbox import Sandbox
from intake import attention, work
from intake.agents import Agent
from intake.cases import Activity, ActivityKind, Attachment, Case, Direction
from intake.db import Database, new_id
from intake.events import Delivery
from kb.articles import Article
from kb.suggestions import Suggestion
from tests.console import Console
from tests.desk import DeskUnderTest, email
from tests.payloads import PAYLOADS

NOW = datetime.now(UTC).replace(microsecond=0)
TRIPWIRES = """
window.boom = () => console.log("TRIPPED");
window.alert = window.prompt = window.confirm = window.print = window.boom;
"""


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@pytest.fixture
def console(sqlite_url: str) -> Iterator[Console]:
    """A console at a port of this machine."""
    with Sandbox() as sandbox:
        db = Database(sqlite_url)
        console = Console(DeskUnderTest(db), sandbox, "http://127.0.0.1")
        options = uvicorn.Config(console.app, port=0, log_level="error", lifespan="off", ws="none")
        server = _Server(options)
        thread = threading.Thread(target=server.run)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        console.base_url = f"http://127.0.0.1:{port}"
        yield console
        server.should_exit = True
        thread.join()
        db.close()


Opens = Callable[[Agent], Page]


@pytest.fixture
def opens(console: Console) -> Iterator[Opens]:
    """Opens a page of a browser in which the agent is signed in."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        warnings.warn(
            "NO BROWSER, so the console is not tried in one: install chromium", stacklevel=1
        )
        pytest.skip("no chromium on this machine")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        contexts: list[BrowserContext] = []

        def page_of(agent: Agent) -> Page:
            context = browser.new_context(base_url=console.base_url)
            context.add_init_script(TRIPWIRES)
            context.add_cookies(
                [{"name": "sid", "value": console.session(agent), "url": console.base_url}]
            )
            contexts.append(context)
            return context.new_page()

        yield page_of
        for context in contexts:
            context.close()
        browser.close()


def mail(case: Case, words: str, html: str = "") -> tuple[Activity, Attachment]:
    """A mail in that case, with those words wherever words can stand."""
    activity = Activity(
        id=new_id(), case_id=case.id, kind=ActivityKind.EMAIL, direction=Direction.INCOMING, at=NOW,
        author_name=words, author_address="a@b.example", text=words + "\n> old", new_text=words,
        sender_doubt=words, notes=[words], html=html,
    )  # fmt: skip
    file = Attachment(
        activity_id=activity.id, part=0, name=words[:255], content_type="text/html", size_bytes=1,
        sha256="",
    )  # fmt: skip
    return activity, file


def test_nothing_a_stranger_wrote_runs_or_calls_out(console: Console, opens: Opens) -> None:
    payloads = [payload.replace("\0", "") for payload in PAYLOADS]
    [receipt] = console.desk.accepts(email("a@b.example", payloads[0]))
    console.desk.accepts(*(email(f"a{i}@b.example", p) for i, p in enumerate(payloads[:40])))
    assert receipt.case is not None
    everything = "".join(f"<div>{payload}</div>" for payload in payloads)
    with console.desk.transaction() as session:
        for payload in payloads[:190]:
            session.add_all(mail(receipt.case, payload))
        session.add_all(framed := mail(receipt.case, "framed", everything))
        # By itself each piece is well formed; together they are as broken as mail can be.
        apart = [mail(receipt.case, "apart", payload)[0] for payload in payloads[::20]]
        session.add_all(apart)
    page = opens(console.desk.has_agent())
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))

    page.goto("/")
    page.goto("/?q=b.example")
    page.goto(f"/cases/{receipt.case.number}")
    for summary in page.locator("details.html > summary").all():
        summary.click()
    page.wait_for_load_state("networkidle")
    frames = [frame.url for frame in page.frames if frame.url.endswith("/html")]
    for activity in (framed[0], *apart):
        page.goto(f"/activities/{activity.id}/html")
        for link in page.locator("a[href]").all()[:3]:
            assert link.get_attribute("target") == "_blank"

    assert len(frames) == 1 + len(apart)
    # Neither a script that ran, nor one that only the policy stopped.
    assert [words for words in said if "TRIPPED" in words or "script" in words.lower()] == []
    assert {url.split("/")[2] for url in asked} == {console.base_url.split("/")[2]}


def test_the_tripwires_of_that_test_trip(console: Console, opens: Opens) -> None:
    page = opens(console.desk.has_agent())
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))

    page.goto("/")
    page.evaluate("boom()")
    handler = "document.createElement('img').setAttribute('onerror', 'boom()')"
    with pytest.raises(Error, match="TrustedScript"):
        page.evaluate(handler)

    assert said[0] == "TRIPPED"
    assert "TrustedScript" in said[1]


def test_an_agent_works_by_keyboard(console: Console, opens: Opens) -> None:
    first, second = console.desk.accepts(
        email("ada@example.com", "First"), email("bob@example.com", "Second")
    )
    assert first.case is not None
    assert second.case is not None
    grace = console.desk.has_agent("Grace")
    page = opens(grace)

    page.goto("/")
    for key in ("j", "j", "k", "j", "Enter"):
        page.keyboard.press(key)
    page.wait_for_url(f"**/cases/{second.case.number}")
    page.keyboard.press("t")
    page.locator("text=Release").wait_for()
    page.keyboard.press("n")
    page.keyboard.type("For us: try the other socket")
    page.keyboard.press("Escape")
    page.keyboard.press("r")
    page.keyboard.type("Dear Bob")
    with page.expect_navigation():
        page.keyboard.press("Control+Enter")

    assert console.changed(second.case).owner_id == grace.id
    [promise] = [d for d in console.desk.all(Delivery) if d.kind == "reply"]
    assert promise.payload["text"] == "Dear Bob"


def test_an_article_goes_into_the_answer_and_never_into_a_note(
    console: Console, opens: Opens
) -> None:
    [receipt] = console.desk.accepts(email("ada@example.com"))
    assert receipt.case is not None
    with console.desk.transaction() as session:
        article = Article(id=new_id(), number="KB-1", title="T", body="Hold it.", updated_at=NOW)
        session.add(article)
        session.flush()
        session.add(
            Suggestion(
                case_id=receipt.case.id, article_id=article.id, position=1, score=1, reason="r",
                at=NOW,
            )
        )  # fmt: skip
    page = opens(console.desk.has_agent())

    page.goto(f"/cases/{receipt.case.number}")
    page.keyboard.press("n")
    page.keyboard.type("Only for us.")
    page.locator("text=Insert into answer").click()
    page.wait_for_function("document.querySelector('[name=reply]').value !== ''")

    assert page.locator("[name=reply]").input_value() == "Hold it.\n"
    assert page.locator("#answer [name=note]").input_value() == "Only for us."
    assert page.locator("text=Send answer").is_visible()
    assert not page.locator("#answer [name=note]").is_visible()


def test_minutes_that_are_offered_are_filled_in_by_whoever_takes_them(
    console: Console, opens: Opens
) -> None:
    grace = console.desk.has_agent("Grace")
    [receipt] = console.desk.accepts(email("ada@example.com", at=NOW))
    assert receipt.case is not None
    with console.desk.transaction() as session:
        by, span = grace.principal("console"), timedelta(minutes=7)
        attention.looked(session, by, receipt.case.id, span, at=datetime.now(UTC))
    page = opens(grace)
    page.goto(f"/cases/{receipt.case.number}")

    assert page.input_value("#answer-took") == ""
    page.click("[data-fills=answer-took]")

    assert page.input_value("#answer-took") == "7"


def test_a_page_hears_news_and_keeps_what_is_being_typed(console: Console, opens: Opens) -> None:
    [receipt] = console.desk.accepts(email("ada@example.com"))
    assert receipt.case is not None
    luis = console.desk.principal("Luis")
    page = opens(console.desk.has_agent("Grace"))

    page.goto(f"/cases/{receipt.case.number}")
    page.locator("[name=reply]").fill("Dear Ada")
    with console.desk.transaction() as session:
        work.note(session, luis, receipt.case.id, "I know this one.", at=NOW)
    page.locator("text=I know this one.").wait_for(timeout=30_000)
    typed = page.locator("[name=reply]").input_value()
    page.locator("text=Send answer").click()
    page.locator("text=Somebody was faster.").wait_for()

    assert typed == "Dear Ada"
    assert "Luis wrote a note" in page.locator("#refused").inner_text()
    assert page.locator("[name=reply]").input_value() == "Dear Ada"
    assert [d for d in console.desk.all(Delivery) if d.kind == "reply"] == []
