"""What stands beside every page: the views and queues I may see, with how much waits in each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import case, func, select

from graph.console.visit import Visit
from intake.agents import Act
from intake.cases import Activity, ActivityState, Case, State
from intake.inbound import Inbound
from intake.inbound import State as InboundState
from intake.queues import Queue
from intake.visibility import queues_visible_to, visible_to

VIEWS = {"all": "All open", "available": "Available", "mine": "Mine", "snoozed": "Snoozed"}


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
    queues: tuple[Place, ...]
    desk: tuple[Place, ...]
    """Beyond single cases: how things stand, and what could not be filed, for managers."""


def beside(
    visit: Visit, visible: Sequence[Queue] | None = None, *, view: str = "", queue: str = ""
) -> Navigation:
    """The navigation of this visitor; four statements at most.

    `visible` are the queues they may see, if the caller has read them already; `queue` is the id
    of the one that is shown, `view` the name of the view.
    """
    if visible is None:
        visible = visit.session.scalars(queues_visible_to(visit.by)).all()
    by_queue = _counts(visit)
    totals = [sum(counts[i] for counts in by_queue.values()) for i in range(len(VIEWS))]
    views = tuple(
        Place(
            "/" if name == "all" else f"/?view={name}", words, totals[i],
            current=name == view and not queue,
        )
        for i, (name, words) in enumerate(VIEWS.items())
    )  # fmt: skip
    queues = tuple(
        Place(f"/?queue={row.id}", row.name, by_queue.get(row.id, (0,))[0], str(row.id) == queue)
        for row in visible
    )
    return Navigation(views, queues, _desk(visit))


def _counts(visit: Visit) -> dict[object, tuple[int, ...]]:
    """Open cases, those nobody took, and mine, in each queue; and those that are put off, which
    are none of them."""
    awake = Case.snoozed_at.is_(None)
    counted = (
        awake,
        awake & Case.owner_id.is_(None),
        awake & (Case.owner_id == visit.by.id),
        ~awake,
    )
    statement = (
        visible_to(visit.by)
        .with_only_columns(
            Case.queue_id, *(func.sum(case((which, 1), else_=0)) for which in counted)
        )
        .where(Case.state == State.ACTIVE)
        .group_by(Case.queue_id)
    )
    return {row[0]: tuple(row[1:]) for row in visit.session.execute(statement)}


def _desk(visit: Visit) -> tuple[Place, ...]:
    here = visit.request.url.path
    places = [
        Place("/activities", "To do", _due(visit), here.startswith("/activities"), "check"),
        Place("/reports", "Reports", 0, here == "/reports", "chart"),
        Place("/customers", "Customers", 0, here.startswith("/customers"), "people"),
    ]
    if visit.by.may(Act.MANAGE):
        places += [
            Place("/slas", "SLAs", 0, here.startswith("/slas"), "clock"),
            Place("/calendars", "Business hours", 0, here.startswith("/calendars"), "sun"),
        ]
        waiting = select(func.count()).where(Inbound.state == InboundState.QUARANTINED)
        count = visit.session.scalar(waiting) or 0
        rules = here.startswith(("/routing", "/automation", "/macros", "/templates"))
        places.append(Place("/routing", "Rules", 0, rules, "steps"))
        places.append(Place("/inbound", "Unfiled mail", count, here == "/inbound", "email"))
    if visit.by.may(Act.ADMINISTER):
        places.append(Place("/webhooks", "Webhooks", 0, here.startswith("/webhooks"), "out"))
    return tuple(places)


def _due(visit: Visit) -> int:
    """How much of what I have to do is due."""
    mine = select(func.count()).where(
        Activity.owner_id == visit.by.id,
        Activity.state == ActivityState.OPEN,
        Activity.order_at <= visit.at,
    )
    return visit.session.scalar(mine) or 0
