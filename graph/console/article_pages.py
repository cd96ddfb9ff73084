"""Articles: which there are, when each comes and goes, and the form that says so."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, or_, select
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from graph.console import rendering
from graph.console.filling import Filled, Reader, again
from graph.console.navigation import beside
from graph.console.visit import Visit, act, read
from graph.house import House
from intake.agents import Act
from intake.errors import IntakeError, NotFound
from kb import publishing
from kb.articles import Article, State

AT_MOST = 200
PLANNED = "planned"
LABELS = {"publish_at": "Published from", "expire_at": "Expires"}
WAITS = or_(Article.publish_at.is_not(None), Article.expire_at.is_not(None))


def routes(house: House) -> list[Route]:
    """The list, the page of one, and an address for each act."""
    one = "/articles/{number}"
    return [
        Route("/articles", read(house, _list), name="articles"),
        Route(f"{one}/page", read(house, _page), name="article-page"),
        *(
            Route(f"{one}/{name}", act(house, partial(_do, done), _again), methods=["POST"])
            for name, done in ACTS.items()
        ),
    ]


def _list(visit: Visit) -> Response:
    visit.by.must(Act.READ)
    managing = visit.by.may(Act.MANAGE)
    asked = visit.asked("show") if managing else ""
    question = visit.asked("q").strip()[:200]
    statement = select(Article).where(_of_tab(asked) if managing else _published())
    if question:
        named = (Article.title, Article.number)
        statement = statement.where(
            or_(*(column.icontains(question, autoescape=True) for column in named))
        )
    # What comes next stands first where it is asked what comes.
    first = (Article.publish_at, Article.expire_at) if asked == PLANNED else ()
    found = visit.session.scalars(statement.order_by(*first, Article.number).limit(AT_MOST + 1))
    articles = found.all()
    return rendering.page(
        visit,
        "articles.html",
        nav=beside(visit),
        articles=articles[:AT_MOST],
        more=len(articles) > AT_MOST,
        asked=question,
        shown=asked,
        tabs=[("", "All"), (PLANNED, "Planned"), *((s.value, s.value.capitalize()) for s in State)],
        managing=managing,
    )


def _of_tab(asked: str) -> ColumnElement[bool]:
    if asked == PLANNED:
        return WAITS
    return Article.state == State(asked) if asked in tuple(State) else Article.id.is_not(None)


def _published() -> ColumnElement[bool]:
    return Article.state == State.PUBLISHED


def _page(visit: Visit) -> Response:
    return _show(visit, None)


def _show(visit: Visit, filled: Filled | None) -> Response:
    visit.by.must(Act.READ)
    found = visit.session.scalar(
        select(Article).where(Article.number == visit.request.path_params["number"])
    )
    managing = visit.by.may(Act.MANAGE)
    if found is None or not (managing or found.state is State.PUBLISHED):
        raise NotFound("there is no such article")
    return rendering.page(
        visit,
        "article.html",
        422 if filled else 200,
        nav=beside(visit),
        article=found,
        filled=filled or Filled(_typed(found, _zone(visit))),
        labels=LABELS,
        zone=visit.house.settings.time_zone,
        managing=managing,
    )


def _again(visit: Visit, error: IntakeError) -> Response:
    return _show(visit, again(visit.form, error, LABELS))


def _do(done: Callable[[Visit, str], object], visit: Visit) -> Response:
    visit.by.must(Act.MANAGE)
    number = visit.request.path_params["number"]
    done(visit, number)
    return RedirectResponse(visit.request.url_for("article-page", number=number).path, 303)


def _plan(visit: Visit, number: str) -> None:
    reader = Reader(visit.form)
    publish_at, expire_at = (reader.instant_or_none(name, _zone(visit)) for name in LABELS)
    reader.finish()
    publishing.schedule(
        visit.session, visit.by, number, publish_at=publish_at, expire_at=expire_at, at=visit.at
    )


def _unplan(visit: Visit, number: str) -> None:
    publishing.schedule(
        visit.session, visit.by, number, publish_at=None, expire_at=None, at=visit.at
    )


def _publish(visit: Visit, number: str) -> None:
    publishing.publish(visit.session, visit.by, number, at=visit.at)


def _withdraw(visit: Visit, number: str) -> None:
    publishing.withdraw(visit.session, visit.by, number, at=visit.at)


ACTS = {"plan": _plan, "unplan": _unplan, "publish": _publish, "withdraw": _withdraw}


def _typed(article: Article, zone: ZoneInfo) -> dict[str, str]:
    def written(instant: datetime | None) -> str:
        return f"{instant.astimezone(zone):%Y-%m-%dT%H:%M}" if instant else ""

    return {name: written(getattr(article, name)) for name in LABELS}


def _zone(visit: Visit) -> ZoneInfo:
    return ZoneInfo(visit.house.settings.time_zone)
