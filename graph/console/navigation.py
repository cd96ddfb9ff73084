"""What stands beside every page: the views and queues I may see, with how much waits in each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, case, func, literal_column, select

from graph.console.visit import Visit
from intake import saved_views, views
from intake.agents import Act, Principal
from intake.availability import Availability, Presence
from intake.cases import Activity, ActivityState, Case
from intake.inbound import Inbound
from intake.inbound import State as InboundState
from intake.nouns import noun
from intake.queues import Queue
from intake.views import View
from intake.visibility import queues_listed_for, visible_to

MOST_SAVED = 50
VIEWS = {
    View.ALL: ("All open", "all"),
    View.AVAILABLE: ("Available", "tray"),
    View.MINE: ("Mine", "person"),
    View.SNOOZED: ("Snoozed", "snooze"),
}
REVIEWED = {View.COMPLAINTS: ("Complaints", "warning"), View.CLOSED: ("Closed", "check")}
"""What managers review as well. Closed cases are not counted: they are all there ever were."""


@dataclass(frozen=True, slots=True)
class Place:
    """One entry: where it leads, what it is called, how many cases are there."""

    href: str
    name: str
    count: int
    current: bool = False
    icon: str = "queue"


@dataclass(frozen=True, slots=True)
class Navigation:
    """Everything that stands beside a page."""

    views: tuple[Place, ...]
    saved: tuple[Place, ...]
    """Views that people saved."""
    queues: tuple[Place, ...]
    desk: tuple[Place, ...]
    """Beyond single cases: customers, how things stand, what could not be filed."""
    set_up: tuple[Place, ...]
    """How the desk works: for managers and administrators."""
    presence: Presence
    """What this visitor says about now."""


def beside(
    visit: Visit, visible: Sequence[Queue] | None = None, *, view: str = "", queue: str = ""
) -> Navigation:
    """The navigation of this visitor, with a few statements of its own.

    `visible` are the queues they may see, if the caller has read them already; `queue` is the id
    of the one that is shown, `view` the name of the view.
    """
    if visible is None:
        visible = visit.session.scalars(queues_listed_for(visit.by)).all()
    by_queue = _counts(visit)
    shown = {**VIEWS, **(REVIEWED if visit.by.may(Act.MANAGE) else {})}
    totals = [sum(counts[i] for counts in by_queue.values()) for i in range(len(VIEWS))]
    totals += [_complaints(visit), 0] if len(shown) > len(VIEWS) else []
    views = tuple(
        Place(
            "/" if name is View.ALL else f"/?view={name}", words, total,
            current=name == view and not queue, icon=icon,
        )
        for (name, (words, icon)), total in zip(shown.items(), totals, strict=True)
    )  # fmt: skip
    queues = tuple(
        Place(f"/?queue={row.id}", row.name, by_queue.get(row.id, (0,))[0], str(row.id) == queue)
        for row in visible
    )
    return Navigation(views, _saved(visit), queues, _desk(visit), _set_up(visit), _presence(visit))


def _saved(visit: Visit) -> tuple[Place, ...]:
    here = visit.request.url.path
    return tuple(
        Place(f"/views/{row.id}", row.name, 0, here == f"/views/{row.id}", "all")
        for row in visit.session.scalars(saved_views.seen_by(visit.by).limit(MOST_SAVED))
    )


def _presence(visit: Visit) -> Presence:
    known = visit.session.get(Availability, visit.by.id) if visit.by.id else None
    return known.presence if known else Presence.OFFLINE


def _complaints(visit: Visit) -> int:
    pending = views.cases(visit.by, View.COMPLAINTS).with_only_columns(func.count())
    return visit.session.scalar(pending) or 0


def _counts(visit: Visit) -> dict[object, tuple[int, ...]]:
    """Open cases, those nobody took, and mine, in each queue; and those that are put off, which
    are none of them."""
    return {row[0]: tuple(row[1:]) for row in visit.session.execute(counting_open(visit.by))}


def counting_open(by: Principal) -> Select[*tuple[Any, ...]]:
    """The statement that counts them, from an index of what is open alone."""
    awake = Case.snoozed_at.is_(None)
    counted = (
        awake,
        awake & views.available_to(by),
        awake & (Case.owner_id == by.id),
        ~awake,
    )
    return (
        visible_to(by)
        .with_only_columns(
            Case.queue_id, *(func.sum(case((which, 1), else_=0)) for which in counted)
        )
        # Written out, for a database takes a partial index only for what it says itself.
        .where(Case.state == literal_column("'active'"))
        .group_by(Case.queue_id)
    )


def _desk(visit: Visit) -> tuple[Place, ...]:
    places = [
        _place(visit, "/activities", "To do", "check", count=_due(visit)),
        _place(visit, "/reports", "Reports", "chart"),
        _place(visit, "/customers", "Customers", "people"),
        _place(visit, "/products", "Products", "all"),
        _place(visit, "/contracts", "Contracts", "shield"),
        _place(visit, "/articles", "Articles", "book"),
    ]
    if visit.by.may(Act.MANAGE):
        waiting = select(func.count()).where(Inbound.state == InboundState.QUARANTINED)
        count = visit.session.scalar(waiting) or 0
        places.append(_place(visit, "/billing", "Billing", "down"))
        places.append(_place(visit, "/inbound", "Unfiled mail", "email", count=count))
    return tuple(places)


def _set_up(visit: Visit) -> tuple[Place, ...]:
    places = []
    if visit.by.may(Act.MANAGE):
        places += [
            _place(visit, "/staffing", "Queues and people", "people"),
            _place(visit, "/routing", "Rules", "steps", "/automation", "/macros", "/templates"),
            _place(visit, "/slas", "SLAs", "clock"),
            _place(visit, "/calendars", "Business hours", "sun"),
        ]
    if visit.by.may(Act.ADMINISTER):
        places.append(_place(visit, "/fields", f"{noun.One} fields", "edit"))
        places.append(_place(visit, "/webhooks", "Webhooks", "out"))
    return tuple(places)


def _place(visit: Visit, href: str, name: str, icon: str, *also: str, count: int = 0) -> Place:
    """An entry for the pages at that address, and below it; and for those at other ones."""
    here = visit.request.url.path.startswith((href, *also))
    return Place(href, name, count, here, icon)


def _due(visit: Visit) -> int:
    """How much of what I have to do is due."""
    mine = select(func.count()).where(
        Activity.owner_id == visit.by.id,
        Activity.state == ActivityState.OPEN,
        Activity.order_at <= visit.at,
    )
    return visit.session.scalar(mine) or 0
