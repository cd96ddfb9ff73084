"""Articles come and go by the clock, and only then."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from intake import clock
from intake.agents import NotAllowed, Principal, Role
from intake.events import Event
from kb import publishing
from kb.articles import Article, State, versions
from kb.publishing import WrongTime
from tests.desk import NOON, DeskUnderTest
from tests.plans import plan

HOUR = timedelta(hours=1)


@pytest.fixture
def mara(desk: DeskUnderTest) -> Principal:
    with desk.transaction() as session:
        session.add(Article(number="KB-1", title="Printers", body="Turn it on.", updated_at=NOON))
    return desk.principal("Mara", Role.MANAGER)


def scheduled(desk: DeskUnderTest, by: Principal, at: datetime = NOON, **when: Any) -> None:
    when = {"publish_at": None, "expire_at": None} | when
    with desk.transaction() as session:
        publishing.schedule(session, by, "KB-1", at=at, **when)


def ticked(desk: DeskUnderTest, at: datetime) -> int:
    with desk.transaction() as session:
        if not clock.any_due(session, desk.settings, at=at, more=publishing.DUE):
            return 0
        return clock.tick(session, desk.settings, at=at, more=publishing.DUE).moved["articles"]


def state(desk: DeskUnderTest) -> State:
    [article] = desk.all(Article)
    with desk.db.reading() as session:
        assert (article.id in versions(session)) == (article.state is State.PUBLISHED)
    found: State = article.state
    return found


def test_an_article_is_published_and_expires_when_it_was_said(
    desk: DeskUnderTest, mara: Principal
) -> None:
    scheduled(desk, mara, publish_at=NOON + HOUR, expire_at=NOON + 3 * HOUR)
    seen = [state(desk)]
    moved = []
    for hours in (0.5, 1, 2, 3, 4):
        moved.append(ticked(desk, NOON + hours * HOUR))
        seen.append(state(desk))

    draft, published, expired = State.DRAFT, State.PUBLISHED, State.EXPIRED
    assert seen == [draft, draft, published, published, expired, expired]
    assert moved == [0, 1, 0, 1, 0]
    kinds = [e.kind for e in desk.all(Event) if e.kind.startswith("article.")]
    assert kinds == ["article.scheduled", "article.published", "article.expired"]


def test_after_a_standstill_it_has_come_and_gone(desk: DeskUnderTest, mara: Principal) -> None:
    scheduled(desk, mara, publish_at=NOON + HOUR, expire_at=NOON + 2 * HOUR)

    assert ticked(desk, NOON + 99 * HOUR) == 1

    assert state(desk) is State.EXPIRED


def test_an_article_is_published_and_withdrawn_at_once(
    desk: DeskUnderTest, mara: Principal
) -> None:
    scheduled(desk, mara, publish_at=NOON + HOUR, expire_at=NOON + 3 * HOUR)
    with desk.transaction() as session:
        waiting = [article.number for article in publishing.planned(session, mara)]
        publishing.publish(session, mara, "KB-1", at=NOON)
    seen = [state(desk)]
    moved = ticked(desk, NOON + HOUR)
    with desk.transaction() as session:
        publishing.withdraw(session, mara, "KB-1", at=NOON)
        publishing.withdraw(session, mara, "KB-1", at=NOON)
    seen.append(state(desk))

    assert (waiting, moved, ticked(desk, NOON + 3 * HOUR)) == (["KB-1"], 0, 0)
    assert seen == [State.PUBLISHED, State.DRAFT]
    kinds = [e.kind for e in desk.all(Event) if e.kind.startswith("article.")]
    assert kinds == ["article.scheduled", "article.published", "article.withdrawn"]
    grace = desk.principal("Grace")
    for act in (publishing.publish, publishing.withdraw):
        with pytest.raises(NotAllowed), desk.transaction() as session:
            act(session, grace, "KB-1", at=NOON)


def test_what_was_put_away_stays_away(desk: DeskUnderTest, mara: Principal) -> None:
    scheduled(desk, mara, expire_at=NOON + HOUR)
    with desk.transaction() as session:
        session.query(Article).update({"state": State.ARCHIVED})

    ticked(desk, NOON + HOUR)

    assert state(desk) is State.ARCHIVED
    assert ticked(desk, NOON + HOUR) == 0


@pytest.mark.parametrize(
    ("when", "field"),
    [
        ({"publish_at": NOON}, "publish_at"),
        ({"expire_at": NOON}, "expire_at"),
        ({"publish_at": NOON + HOUR, "expire_at": NOON + HOUR}, "expire_at"),
    ],
)
def test_a_time_that_is_over_is_refused(
    desk: DeskUnderTest, mara: Principal, when: dict[str, datetime], field: str
) -> None:
    with pytest.raises(WrongTime, match=f"^{field}: "):
        scheduled(desk, mara, **when)

    assert state(desk) is State.PUBLISHED


def test_agents_do_not_schedule_and_waiting_articles_are_found_by_index(
    desk: DeskUnderTest, mara: Principal
) -> None:
    with pytest.raises(NotAllowed):
        scheduled(desk, desk.principal("Grace"), expire_at=NOON + HOUR)
    assert mara

    found = plan(desk, publishing.due(desk.settings, NOON), bitmaps=True)

    assert "ix_articles_publish_at" in found
    assert "ix_articles_expire_at" in found
