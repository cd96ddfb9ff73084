"""Articles in the console: what comes and goes is seen, planned, cancelled, and done at once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from channels.sandbox import Sandbox
from intake.agents import Role
from kb.articles import Article, State
from tests.console import Console, words
from tests.desk import NOON, DeskUnderTest


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def console(desk: DeskUnderTest, sandbox: Sandbox) -> Console:
    rows = [
        Article(number="KB-1", title="Printers", body="Turn it on.", updated_at=NOON),
        Article(number="KB-2", title="Routers", body="x", updated_at=NOON, state=State.DRAFT),
        Article(number="KB/3", title="50% off", body="x", updated_at=NOON),
    ]
    with desk.transaction() as session:
        session.add_all(rows)
    return Console(desk, sandbox)


def article(console: Console, number: str) -> Article:
    return next(each for each in console.desk.all(Article) if each.number == number)


def test_a_manager_plans_sees_and_cancels(console: Console) -> None:
    mara = console.browser(console.desk.has_agent("Mara", Role.MANAGER))
    at = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(days=2)
    times = {"publish_at": f"{at:%Y-%m-%dT%H:%M}", "expire_at": f"{at:%Y-%m-%dT%H:%M}"}

    wrong = mara.post("/articles/KB-2/plan", data=times)
    unread = mara.post("/articles/KB-2/plan", data={"publish_at": "soon"})
    past = mara.post("/articles/KB-2/plan", data={"publish_at": "2026-01-01T09:00"})
    saved = mara.post("/articles/KB-2/plan", data=times | {"expire_at": ""})
    page, planned = mara.get(saved.headers["location"]), mara.get("/articles?show=planned")
    before = article(console, "KB-2").publish_at
    mara.post("/articles/KB-2/unplan")

    assert [answer.status_code for answer in (wrong, unread, past, saved)] == [422, 422, 422, 303]
    assert "an article expires after it was published" in words(wrong)
    assert "write a time as 2026" in words(unread)
    assert before == at
    assert f'value="{times["publish_at"]}"' in page.text
    assert "Routers" in words(planned)
    assert "Printers" not in words(planned)
    assert article(console, "KB-2").publish_at is None
    assert "Nothing planned" in words(mara.get("/articles?show=planned"))


def test_a_manager_publishes_and_takes_back_at_once(console: Console) -> None:
    mara = console.browser(console.desk.has_agent("Mara", Role.MANAGER))

    mara.post("/articles/KB-2/publish")
    mara.post("/articles/KB-1/withdraw")

    assert [article(console, n).state.value for n in ("KB-1", "KB-2")] == ["draft", "published"]
    assert "Publish now" in words(mara.get("/articles/KB-1/page"))
    assert "Take back" in words(mara.get("/articles/KB-2/page"))
    assert mara.post("/articles/KB-9/publish").status_code == 404


def test_an_agent_reads_what_is_published_and_plans_nothing(console: Console) -> None:
    grace = console.browser(console.desk.has_agent("Grace"))

    listed = words(grace.get("/articles?show=draft"))

    assert "Printers" in listed
    assert "Routers" not in listed
    assert "50% off" in words(grace.get("/articles?q=50%25"))
    assert "Printers" not in words(grace.get("/articles?q=50%25"))
    assert grace.get("/articles/KB-2/page").status_code == 404
    assert "Turn it on." in words(grace.get("/articles/KB-1/page"))
    assert grace.post("/articles/KB-1/withdraw").status_code == 403
