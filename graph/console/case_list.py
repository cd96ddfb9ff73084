"""The first page: the open cases I may see, the most pressing first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Select, String, case, cast, exists, func, literal, select, tuple_
from sqlalchemy.orm import joinedload
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from graph.console import clocks, rendering
from graph.console.clocks import NO_CLOCK, Clock
from graph.console.navigation import VIEWS, beside
from graph.console.visit import Visit, read
from graph.console.words import Times
from graph.house import House
from intake import search, views
from intake.cases import NEVER, Activity, ActivityState, Case, Direction
from intake.events import Delivery, DeliveryState
from intake.nouns import noun
from intake.queues import Queue
from intake.search import By
from intake.views import Scope, View
from intake.visibility import visible_to

AT_ONCE = 50
INCOMING, UNDELIVERED = Direction.INCOMING.value, "undelivered"
LONGEST_QUESTION = 200
SCOPES = {
    Scope.EVERY: "All queues",
    Scope.MINE: "My queues",
    Scope.PUBLIC: "Public queues",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One case in the list."""

    case: Case
    clock: Clock
    ours: bool
    """Whether it is our turn: the last word is the customer's, or ours did not reach them."""
    undelivered: bool


@dataclass(frozen=True, slots=True)
class Group:
    """Cases whose deadlines are alike."""

    name: str
    rows: tuple[Row, ...]


def routes(house: House) -> list[Route]:
    """The list of cases, which is also where a search ends."""
    return [Route("/", read(house, _cases), name="cases")]


def _cases(visit: Visit) -> Response:
    question = visit.asked("q").strip()[:LONGEST_QUESTION]
    if question:
        return _search(visit, question)
    queue_id = _id(visit.asked("queue"))
    view, scope = _view(visit.asked("view")), _scope(visit.asked("scope"))
    statement = listed = views.cases(visit.by, view, scope=scope, queue_id=queue_id)
    closed = view is View.CLOSED
    if after := cursor(visit.asked("after")):
        at, last_id = (
            literal(each, column.type)
            for each, column in zip(after, (Case.order_at, Case.id), strict=True)
        )
        key = tuple_(Case.updated_at if closed else Case.order_at, Case.id)
        here = tuple_(at, last_id)
        statement = statement.where(key < here if closed else key > here)
    order = (Case.updated_at.desc(), Case.id.desc()) if closed else (Case.order_at, Case.id)
    found = _load(visit, statement.order_by(*order))
    rows = _rows(visit, found[:AT_ONCE])
    asked = _asked(visit)
    nav = beside(visit, view=view, queue=str(queue_id or ""))
    place = next((p for p in (*nav.queues, *nav.views) if p.current), nav.views[0])
    return rendering.page(
        visit,
        "cases.html",
        nav=nav,
        title=place.name,
        total=_count(visit, listed) if len(asked) > 1 and not closed else place.count,
        within=_within(view, scope, queue_id),
        groups=_by_day(visit, rows) if closed else _grouped(visit, rows),
        queue_names={} if queue_id else _names(visit, rows),
        question="",
        empty="queue" if queue_id and view is View.ALL else view,
        following=_next_page(visit, found),
        continued=after is not None,
        again="" if after else _address("/", asked),
        everything=_address("/bulk", asked or {"view": View.ALL.value}),
    )


def _asked(visit: Visit) -> dict[str, str]:
    """What this page is a list of, as its address says."""
    return {name: visit.asked(name) for name in ("view", "scope", "queue") if visit.asked(name)}


def _address(path: str, asked: Mapping[str, str]) -> str:
    return f"{path}?{urlencode(asked)}" if asked else path


def _count(visit: Visit, listed: Select[Case]) -> int:
    return visit.session.scalar(listed.with_only_columns(func.count())) or 0


def _within(view: View, scope: Scope, queue_id: UUID | None) -> list[tuple[str, str, bool]]:
    """The lists that are a part of this one or of which it is a part: what it is called, where it
    is, and whether it is the one that is shown."""
    if queue_id is not None:
        return [
            (words, _address("/", {"view": each.value, "queue": str(queue_id)}), each is view)
            for each, (words, _icon) in VIEWS.items()
        ]
    return [
        (words, _address("/", {"view": view.value, "scope": each.value}), each is scope)
        for each, words in SCOPES.items()
    ]


def _search(visit: Visit, question: str) -> Response:
    """Cases by number, or by words of what is known of them; closed ones as well."""
    number = question.removeprefix("#")
    if number.isascii() and number.isdigit() and len(number) <= 12:
        known = (
            visible_to(visit.by).with_only_columns(Case.number).where(Case.number == int(number))
        )
        if visit.session.scalar(known) is not None:
            return RedirectResponse(f"/cases/{int(number)}", 303)
    hits = search.search(visit.session, visit.by, question, first=AT_ONCE)
    ids = [hit.case.id for hit in hits]
    shown = {row.id: row for row in _load(visit, visible_to(visit.by).where(Case.id.in_(ids)))}
    rows = _rows(visit, [shown[id] for id in ids])
    like_it = any(hit.by is By.SPELLING for hit in hits)
    groups = [
        Group(name, part)
        for name, part in (
            ("Open", tuple(row for row in rows if row.case.open)),
            ("Closed", tuple(row for row in rows if not row.case.open)),
        )
        if part
    ]
    return rendering.page(
        visit,
        "cases.html",
        nav=beside(visit),
        title=f"{noun.Many} that read like “{question}”"
        if like_it
        else f"{noun.Many} with “{question}”",
        total=len(rows),
        groups=groups,
        queue_names=_names(visit, rows),
        question=question,
        empty="search",
        within=[],
        following="",
        continued=False,
        again="",
        everything="/bulk?" + urlencode({"q": question}),
    )


def _view(asked: str) -> View:
    return View(asked) if asked in tuple(View) else View.ALL


def _scope(asked: str) -> Scope:
    return Scope(asked) if asked in tuple(Scope) else Scope.EVERY


def _load(visit: Visit, statement: Select[Case]) -> Sequence[Case]:
    people = (joinedload(Case.contact), joinedload(Case.account), joinedload(Case.owner))
    return visit.session.scalars(statement.options(*people).limit(AT_ONCE + 1)).all()


def _rows(visit: Visit, cases: Sequence[Case]) -> list[Row]:
    ids = [row.id for row in cases]
    clock_of = clocks.of_cases(visit.session, ids, at=visit.at)
    last_word = _last_word(visit, ids)
    return [
        Row(
            row,
            clock_of.get(row.id, NO_CLOCK),
            last_word.get(row.id) in (INCOMING, UNDELIVERED),
            last_word.get(row.id) == UNDELIVERED,
        )
        for row in cases
    ]


def _last_word(visit: Visit, ids: Sequence[UUID]) -> dict[UUID, str]:
    """Who spoke last in each case, and whether it arrived; notes among ourselves do not count."""
    turn = func.row_number().over(
        partition_by=Activity.case_id, order_by=(Activity.at.desc(), Activity.id.desc())
    )
    given_up = exists().where(
        Delivery.activity_id == Activity.id,
        Delivery.kind == "reply",
        Delivery.state == DeliveryState.FAILED,
    )
    word = case((given_up, UNDELIVERED), else_=cast(Activity.direction, String))
    spoken = (
        select(Activity.case_id, word.label("word"), turn.label("turn"))
        .where(Activity.case_id.in_(ids), Activity.direction != Direction.INTERNAL)
        .where(Activity.state == ActivityState.COMPLETED)
        .subquery()
    )
    rows = visit.session.execute(select(spoken.c.case_id, spoken.c.word).where(spoken.c.turn == 1))
    return dict(rows.all())


def _names(visit: Visit, rows: Sequence[Row]) -> dict[UUID, str]:
    wanted = {row.case.queue_id for row in rows}
    found = visit.session.execute(select(Queue.id, Queue.name).where(Queue.id.in_(wanted)))
    return dict(found.all())


def _grouped(visit: Visit, rows: Sequence[Row]) -> list[Group]:
    zone = ZoneInfo(visit.house.settings.time_zone)
    today = visit.at.astimezone(zone).date()

    def name(row: Row) -> str:
        order_at = row.case.order_at
        if order_at >= NEVER:
            return "No clock running"
        if order_at <= visit.at:
            return "Late"
        day = order_at.astimezone(zone).date()
        if day == today:
            return "Today"
        return "Tomorrow" if day == today + timedelta(days=1) else "Later"

    return [Group(key, tuple(part)) for key, part in groupby(rows, key=name)]


def _by_day(visit: Visit, rows: Sequence[Row]) -> list[Group]:
    """Closed cases by the day on which they changed last."""
    times = Times(visit.at, ZoneInfo(visit.house.settings.time_zone))
    days = groupby(rows, key=lambda row: times.day(row.case.updated_at))
    return [Group(name, tuple(part)) for name, part in days]


def _next_page(visit: Visit, found: Sequence[Case]) -> str:
    if len(found) <= AT_ONCE:
        return ""
    last = found[AT_ONCE - 1]
    kept = _asked(visit)
    at = last.updated_at if kept.get("view") == View.CLOSED else last.order_at
    return "/?" + urlencode({**kept, "after": f"{at.isoformat()}_{last.id}"})


def cursor(text: str) -> tuple[datetime, UUID] | None:
    """Where the page before ended; what is no cursor of ours begins at the beginning."""
    order_at, _, last_id = text.partition("_")
    try:
        instant = datetime.fromisoformat(order_at)
        return (instant.astimezone(UTC), UUID(last_id)) if instant.tzinfo else None
    except (ValueError, OverflowError):
        return None


def _id(text: str) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        return None
