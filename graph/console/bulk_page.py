"""Changing many cases: what is chosen, what would be done, how far it is, and the way back."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from enum import StrEnum
from functools import partial
from typing import TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Select
from sqlalchemy.orm import joinedload
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from graph.console import bulk_fields, later, rendering, standing
from graph.console.case_list import LONGEST_QUESTION
from graph.console.filling import Filled
from graph.console.navigation import beside
from graph.console.visit import Visit, act, read
from graph.console.words import Times
from graph.house import House
from intake import bulk, reasons, saved_views, views
from intake.agents import Act, who_work
from intake.bulk import Bulk, BulkItem, ItemState, OperationState, What, WrongBulk
from intake.cases import Case, Priority
from intake.errors import IntakeError
from intake.queues import Queue
from intake.views import Scope, View
from intake.visibility import queues_visible_to, visible_to

E = TypeVar("E", bound=StrEnum)
NUMBERS = re.compile(r"\d{1,9}")
LISTED = 200
MOST_FIELDS = 400
CHOOSING = ("view", "scope", "queue", "saved", "q")
"""What names all cases of something: a list of the desk, a queue, a saved view, a search."""
VIEWS = {
    View.ALL: "All open",
    View.AVAILABLE: "Available",
    View.MINE: "Mine",
    View.SNOOZED: "Snoozed",
    View.COMPLAINTS: "Complaints",
    View.CLOSED: "Closed",
}
FIELDS = ("what", "agent", "queue_to", "priority", "tags", "reason", "until", "kind", "text", "why")


def routes(house: House) -> list[Route]:
    """Choosing and looking; starting; how far it is; stopping and undoing."""
    return [
        Route("/bulk", read(house, _choose), methods=["GET"]),
        Route(
            "/bulk",
            act(house, _start, _mend, most_fields=MOST_FIELDS, names_others=True),
            methods=["POST"],
        ),
        Route("/bulk/{id:uuid}", read(house, _progress), methods=["GET"]),
        Route("/bulk/{id:uuid}/stop", act(house, partial(_turn, bulk.stop)), methods=["POST"]),
        Route("/bulk/{id:uuid}/undo", act(house, partial(_turn, bulk.undo)), methods=["POST"]),
    ]


def _choose(visit: Visit, reason: str = "") -> Response:
    visit.by.must(Act.WORK)
    typed = {name: visit.said(name) or visit.asked(name) for name in FIELDS}
    typed |= bulk_fields.typed({**visit.request.query_params, **visit.form})
    chosen, name = _chosen(visit)
    preview, total = None, 0
    try:
        total = len(visit.session.scalars(chosen.with_only_columns(Case.id)).all())
        if typed["what"] and not reason:
            preview = bulk.preview(
                visit.session, visit.by, _meant(visit, typed), chosen,
                desk=visit.house.desk, at=visit.at,
            )  # fmt: skip
    except IntakeError as error:
        reason = str(error)
    times = Times(visit.at, ZoneInfo(visit.house.settings.time_zone))
    return rendering.page(
        visit,
        "bulk.html",
        409 if reason else 200,
        nav=beside(visit),
        total=total,
        most=bulk.MOST,
        which=_which(visit),
        chosen=name,
        typed=typed,
        filled=Filled(typed),
        fields=bulk_fields.offered(visit),
        zone=visit.house.settings.time_zone,
        preview=preview,
        reason=reason,
        agents=who_work(visit.session),
        queues=visit.session.scalars(queues_visible_to(visit.by)).all(),
        priorities=tuple(Priority),
        statuses=standing.of_any(visit.session),
        later=later.choices(times),
    )


def _which(visit: Visit) -> list[tuple[str, str]]:
    """What names the chosen cases in an address or a form."""
    numbers = _numbers(visit)
    if numbers:
        return [("cases", " ".join(str(number) for number in numbers))]
    asked = [(name, visit.said(name) or visit.asked(name)) for name in CHOOSING]
    return [(name, value) for name, value in asked if value]


def _numbers(visit: Visit) -> list[int]:
    said = [
        *visit.request.query_params.getlist("case"),
        visit.asked("cases"),
        visit.said("cases"),
    ]
    return list(dict.fromkeys(int(n) for words in said for n in NUMBERS.findall(words)))


def _chosen(visit: Visit) -> tuple[Select[Case], str]:
    """The cases, and what they are all of in words; '' for those that were ticked."""
    numbers = _numbers(visit)
    if numbers:
        return bulk.chosen(visit.by, numbers), ""
    named = dict(_which(visit))
    if question := named.get("q", "")[:LONGEST_QUESTION]:
        return bulk.found(visit.session, visit.by, question), f"what “{question}” finds"
    if (saved_id := _id(named.get("saved", ""))) is not None:
        view = saved_views.one(visit.session, visit.by, saved_id)
        return saved_views.cases(visit.by, view, at=visit.at), f"the view {view.name}"
    queue_id = _id(named.get("queue", ""))
    view_name = named.get("view", "")
    if queue_id is None and view_name not in tuple(View):
        return visible_to(visit.by).where(Case.id.is_(None)), ""
    listed = View(view_name) if view_name in tuple(View) else View.ALL
    queue = visit.session.get(Queue, queue_id) if queue_id else None
    scope_name = named.get("scope", "")
    scope = Scope(scope_name) if scope_name in tuple(Scope) else Scope.EVERY
    name = f"the view {VIEWS.get(listed, listed)}"
    if queue is not None:
        within = f", {VIEWS[listed].lower()}" if listed is not View.ALL else ""
        name = f"the queue {queue.name}{within}"
    elif scope is not Scope.EVERY:
        name += f" in {'my' if scope is Scope.MINE else 'public'} queues"
    return views.cases(visit.by, listed, scope=scope, queue_id=queue_id), name


def _meant(visit: Visit, typed: dict[str, str]) -> Bulk:
    what = _one_of(What, typed["what"], "what")
    zone = ZoneInfo(visit.house.settings.time_zone)
    reason = typed["kind"] if what is What.RESOLVE else typed["reason"]
    return Bulk(
        what,
        agent_id=_id(typed["agent"]),
        queue_id=_id(typed["queue_to"]),
        priority=_one_of(Priority, typed["priority"], "priority") if typed["priority"] else None,
        fields=bulk_fields.meant(visit, typed) if what is What.CHANGE else {},
        tags=tuple(name.strip() for name in typed["tags"].split(",") if name.strip()),
        reason=reasons.read(reason) if reason else None,
        until=(
            later.read(typed["until"], "", zone)
            if what is What.SNOOZE and typed["until"] not in ("", "answer")
            else None
        ),
        text=typed["text"] if what is What.RESOLVE else typed["why"],
    )


def _one_of(words: type[E], said: str, field: str) -> E:
    try:
        return words(said)
    except ValueError as error:
        raise WrongBulk(f"{field}: choose one") from error


def _id(said: str) -> UUID | None:
    try:
        return UUID(said)
    except ValueError:
        return None


def _start(visit: Visit) -> Response:
    typed = {name: visit.said(name) for name in FIELDS} | bulk_fields.typed(visit.form)
    seen = visit.said("expected")
    operation = bulk.start(
        visit.session, visit.by, _meant(visit, typed), _chosen(visit)[0], at=visit.at,
        expected=int(seen) if NUMBERS.fullmatch(seen) else None,
    )  # fmt: skip
    return RedirectResponse(f"/bulk/{operation.id}", 303)


def _mend(visit: Visit, error: IntakeError) -> Response:
    return _choose(visit, str(error))


def _progress(visit: Visit) -> Response:
    operation = bulk.operation(visit.session, visit.by, visit.request.path_params["id"])
    counts = bulk.counts(visit.session, operation)
    waiting = (
        counts.get(ItemState.DONE, 0)
        if operation.state is OperationState.UNDOING
        else counts.get(ItemState.WAITING, 0)
    )
    told = bulk.items_of(operation, ItemState.FAILED, ItemState.SKIPPED, ItemState.KEPT)
    return rendering.page(
        visit,
        "bulk_progress.html",
        nav=beside(visit),
        operation=operation,
        counts=counts,
        waiting=waiting,
        running=operation.state in (OperationState.RUNNING, OperationState.UNDOING),
        can_be_undone=operation.state is OperationState.DONE and counts.get(ItemState.DONE, 0) > 0,
        told=_with_cases(visit, visit.session.scalars(told.limit(LISTED)).all()),
    )


def _with_cases(visit: Visit, items: Sequence[BulkItem]) -> list[tuple[BulkItem, Case | None]]:
    ids = [item.case_id for item in items]
    found = visit.session.scalars(
        visible_to(visit.by).where(Case.id.in_(ids)).options(joinedload(Case.contact))
    )
    cases = {case.id: case for case in found}
    return [(item, cases.get(item.case_id)) for item in items]


def _turn(change: Callable[..., bulk.BulkOperation], visit: Visit) -> Response:
    operation = change(visit.session, visit.by, visit.request.path_params["id"], at=visit.at)
    return RedirectResponse(f"/bulk/{operation.id}", 303)
