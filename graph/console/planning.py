"""What is to be done: my list by when it is due, everybody's, and a page for each thing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Select, select
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from graph.console import rendering
from graph.console.doing import minutes_in
from graph.console.filling import Filled, Reader, again, choices
from graph.console.navigation import beside
from graph.console.planning_form import KINDS, LABELS, about_of, owner_in, plan_in, typed
from graph.console.visit import Visit, act, read
from graph.console.words import Times
from graph.house import House
from intake import work
from intake.agents import Act, Agent, at_work
from intake.cases import NEVER, Activity, ActivityState, Case
from intake.contracts import Contract
from intake.customers import Account, Contact
from intake.errors import IntakeError, NotFound
from intake.visibility import activities_visible_to, visible_to

SHOWN = 100
ABOUT_SHOWN = 30
TABS = {"mine": "Mine", "all": "Everybody's", "done": "Done by me"}
Done = Callable[[Visit, Activity, int | None], object]


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to be done, as a list shows it."""

    activity: Activity
    owner: str
    about: str
    """What it is about, in words."""
    href: str
    """Where that is shown."""
    late: bool


@dataclass(frozen=True, slots=True)
class Group:
    """Those that are due at about the same time."""

    name: str
    items: tuple[Item, ...]


def routes(house: House) -> list[Route]:
    """The list, one page for each, and one address for each act."""
    one = "/activities/{id:uuid}"
    return [
        Route("/activities", read(house, _list), name="activities"),
        Route("/activities", act(house, _add, _add_again, names_others=True), methods=["POST"]),
        Route("/activities/new", read(house, _new), name="new-activity"),
        Route(one, read(house, _page), name="activity"),
        *(
            Route(f"{one}/{name}", act(house, partial(_do, done), _mend), methods=["POST"])
            for name, done in ACTS.items()
        ),
    ]


def about(visit: Visit, column: Any, id: UUID) -> list[Item]:
    """The latest that was planned and done about an account, a contact or a contract."""
    of = activities_visible_to(visit.by).where(column == id, Activity.case_id.is_(None))
    latest = of.order_by(Activity.state != ActivityState.OPEN, Activity.at.desc(), Activity.id)
    return items(visit, visit.session.scalars(latest.limit(ABOUT_SHOWN)).all())


def items(visit: Visit, activities: Sequence[Activity]) -> list[Item]:
    """These with what they are about and whose they are; five statements at most."""
    session = visit.session
    names = _names(visit, Agent, {row.owner_id for row in activities})
    cases = {
        case.id: case
        for case in session.scalars(
            visible_to(visit.by).where(Case.id.in_({row.case_id for row in activities} - {None}))
        )
    }
    accounts = _names(visit, Account, {row.account_id for row in activities})
    contacts = _names(visit, Contact, {r.contact_id for r in activities if not r.case_id})
    contracts = _names(visit, Contract, {row.contract_id for row in activities})

    def item(row: Activity) -> Item:
        if row.case_id is not None:
            case = cases[row.case_id]
            said, href = f"{case.number} {case.subject}", f"/cases/{case.number}"
        elif row.account_id is not None:
            said, href = accounts[row.account_id], f"/customers/accounts/{row.account_id}"
        elif row.contract_id is not None:
            said, href = contracts[row.contract_id], f"/contracts/{row.contract_id}"
        else:
            said, href = contacts[row.contact_id], f"/customers/contacts/{row.contact_id}"
        is_open = row.state is ActivityState.OPEN
        return Item(
            row, names.get(row.owner_id, ""), said, href, is_open and row.order_at <= visit.at
        )

    return [item(row) for row in activities]


def _names(visit: Visit, table: type, ids: set[UUID | None]) -> dict[UUID | None, str]:
    wanted = ids - {None}
    if not wanted:
        return {}
    rows = visit.session.execute(
        select(table.id, table.name).where(table.id.in_(wanted))  # type: ignore[attr-defined]
    )
    return {row.id: row.name for row in rows}


def _list(visit: Visit) -> Response:
    visit.by.must(Act.READ)
    tab = visit.asked("view") if visit.asked("view") in TABS else "mine"
    found = visit.session.scalars(_wanted(visit, tab).limit(SHOWN)).all()
    times = Times(visit.at, ZoneInfo(visit.house.settings.time_zone))
    grouped = groupby(items(visit, found), key=partial(_when, times, tab))
    return rendering.page(
        visit,
        "activities.html",
        nav=beside(visit),
        tab=tab,
        tabs=TABS,
        groups=[Group(name, tuple(part)) for name, part in grouped],
        cut=len(found) == SHOWN,
        working=visit.by.may(Act.WORK),
    )


def _wanted(visit: Visit, tab: str) -> Select[Activity]:
    seen = activities_visible_to(visit.by).where(Activity.owner_id.is_not(None))
    if tab != "all":
        seen = seen.where(Activity.owner_id == visit.by.id)
    if tab == "done":
        ended = seen.where(Activity.state != ActivityState.OPEN)
        return ended.order_by(Activity.ended_at.desc(), Activity.id.desc())
    return seen.where(Activity.state == ActivityState.OPEN).order_by(Activity.order_at, Activity.id)


def _when(times: Times, tab: str, item: Item) -> str:
    activity = item.activity
    if tab == "done":
        return times.day(activity.ended_at or activity.at)
    if item.late:
        return "Overdue"
    return "Some day" if activity.order_at == NEVER else times.day(activity.order_at)


def _page(visit: Visit) -> Response:
    activity = _found(visit)
    zone = ZoneInfo(visit.house.settings.time_zone)
    return _show(visit, activity, Filled(typed(activity, zone)))


def _show(visit: Visit, activity: Activity, filled: Filled, status: int = 200) -> Response:
    [item] = items(visit, [activity])
    case = visit.session.get(Case, activity.case_id) if activity.case_id else None
    planned = activity.state is ActivityState.OPEN or activity.ended_at is not None
    return rendering.page(
        visit,
        "activity.html",
        status,
        nav=beside(visit),
        item=item,
        activity=activity,
        filled=filled,
        labels=LABELS,
        kinds=KINDS,
        agents=choices(at_work(visit.session)),
        changing=planned and visit.by.may(Act.WORK) and (case is None or case.open),
        closed=case is not None and not case.open,
    )


def _found(visit: Visit) -> Activity:
    visit.by.must(Act.READ)
    seen = activities_visible_to(visit.by).where(Activity.id == visit.request.path_params["id"])
    activity = visit.session.scalar(seen)
    if activity is None:
        raise NotFound("there is no such activity, or it is not for you to see")
    return activity


def _add(visit: Visit) -> Response:
    added = work.add_activity(
        visit.session, visit.by, about_of(visit.form), plan_in(visit),
        at=visit.at, owner_id=owner_in(visit), completed=visit.said("completed") == "yes",
    )  # fmt: skip
    [item] = items(visit, [added])
    return RedirectResponse(f"{item.href}#activities", 303)


def _new(visit: Visit) -> Response:
    named = {name: visit.asked(name) for name in ("account", "contact", "contract")}
    return _form(visit, Filled({**named, "owner": str(visit.by.id or "")}))


def _add_again(visit: Visit, error: IntakeError) -> Response:
    return _form(visit, again(visit.form, error, LABELS), 422)


def _form(visit: Visit, filled: Filled, status: int = 200) -> Response:
    visit.by.must(Act.WORK)
    return rendering.page(
        visit,
        "activity_form.html",
        status,
        nav=beside(visit),
        filled=filled,
        labels=LABELS,
        kinds=KINDS,
        agents=choices(at_work(visit.session)),
    )


def _do(done: Done, visit: Visit) -> Response:
    activity = _found(visit)
    done(visit, activity, Reader(visit.form).whole_or_none("version"))
    visit.session.flush()
    back = visit.said("back")
    if back == "list":
        return RedirectResponse("/activities", 303)
    if back == "record":
        return RedirectResponse(items(visit, [activity])[0].href, 303)
    return RedirectResponse(f"/activities/{activity.id}", 303)


def _mend(visit: Visit, error: IntakeError) -> Response:
    activity = _found(visit)
    zone = ZoneInfo(visit.house.settings.time_zone)
    values = {**typed(activity, zone), **visit.form}
    return _show(visit, activity, again(values, error, LABELS), 422)


def _edit(visit: Visit, activity: Activity, version: int | None) -> None:
    visit.by.must(Act.WORK)
    plan, owner = plan_in(visit), owner_in(visit)
    if owner is not None and owner != activity.owner_id:
        work.assign_activity(
            visit.session, visit.by, activity.id, owner, at=visit.at, version=version
        )
        version = None
    work.edit_activity(visit.session, visit.by, activity.id, plan, at=visit.at, version=version)


def _complete(visit: Visit, activity: Activity, version: int | None) -> None:
    work.complete_activity(
        visit.session, visit.by, activity.id,
        at=visit.at,
        minutes=minutes_in(visit, "took"),
        billable=visit.said("billable") != "no",
        text=visit.said("outcome"),
        version=version,
    )  # fmt: skip


def _cancel(visit: Visit, activity: Activity, version: int | None) -> None:
    work.cancel_activity(visit.session, visit.by, activity.id, at=visit.at, version=version)


def _reopen(visit: Visit, activity: Activity, version: int | None) -> None:
    work.reopen_activity(visit.session, visit.by, activity.id, at=visit.at, version=version)


ACTS: dict[str, Done] = {
    "edit": _edit,
    "complete": _complete,
    "cancel": _cancel,
    "reopen": _reopen,
}
