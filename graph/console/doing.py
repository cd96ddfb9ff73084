"""What a case asks to be done, the time it took, and how it ended each time, beside its story."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from graph.console.filling import Reader
from graph.console.visit import Visit
from intake import attention, billing, charge, work
from intake.agents import Act, Agent
from intake.billing import Spent
from intake.cases import Activity, Case, Resolution


@dataclass(frozen=True, slots=True)
class Ended:
    """One resolution, and who resolved it."""

    resolution: Resolution
    by: str


@dataclass(frozen=True, slots=True)
class Doing:
    """What is done and to be done for a case."""

    open: Sequence[Activity]
    owners: dict[object, str]
    spent: Spent
    offered: int
    """Whole minutes that whoever looks had it open and has not written down."""
    endings: Sequence[Ended]


def of_case(visit: Visit, case: Case) -> Doing:
    """What is done and to be done for a case; four statements."""
    session = visit.session
    activities = work.open_of(session, [case.id])
    resolutions = session.scalars(
        select(Resolution)
        .where(Resolution.case_id == case.id)
        .order_by(Resolution.at.desc(), Resolution.id.desc())
    ).all()
    ids = {row.owner_id for row in activities} | {row.agent_id for row in resolutions}
    people = session.scalars(select(Agent).where(Agent.id.in_(ids))).all() if ids else ()
    names: dict[object, str] = {agent.id: agent.name for agent in people}
    working = visit.by.may(Act.WORK) and case.open
    return Doing(
        activities,
        names,
        billing.spent_on(session, [case.id])[case.id],
        attention.offered(session, visit.by, case.id, at=visit.at) if working else 0,
        [Ended(row, names.get(row.agent_id, "")) for row in resolutions],
    )


def written_down(visit: Visit, case: Case, activity: Activity) -> None:
    """Note the minutes that were typed beside what was written, if any were."""
    if minutes := minutes_in(visit, "took"):
        log(visit, case, minutes, activity)


def log(
    visit: Visit,
    case: Case,
    minutes: int,
    activity: Activity | None = None,
    *,
    version: int | None = None,
) -> None:
    """Write down time on a case; what was offered for it is settled."""
    charge.log_time(
        visit.session, visit.by, case.id, minutes,
        at=visit.at, text=visit.said("what"), billable=visit.said("billable") != "no",
        activity_id=activity.id if activity else None, version=version,
    )  # fmt: skip
    attention.settle(visit.session, visit.by, case.id)


def minutes_in(visit: Visit, name: str) -> int | None:
    """The minutes that were typed, or None. Raises Misfilled."""
    reader = Reader(visit.form)
    minutes = reader.whole_or_none(name)
    reader.finish()
    return minutes
