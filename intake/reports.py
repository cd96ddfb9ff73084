"""What managers ask of all cases together: how many, by what, and how the promises were kept.

Every figure counts only the cases that who asks may see, in the database and not here.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import and_, case, func, or_, select
from sqlalchemy.orm import Session

from intake import entitlements
from intake.agents import Act, Principal
from intake.cases import Case, State
from intake.customers import Account, Contact
from intake.desk import Desk
from intake.entitlements import Entitlement, Forecast
from intake.queues import Queue
from intake.sla import RUNNING, KpiInstance, KpiState
from intake.visibility import queues_visible_to, visible_to

LOOKED_AT = 500


@dataclass(frozen=True, slots=True)
class Share:
    """How many cases of a channel stand in a state, and what share of all that is."""

    state: State
    channel: str
    count: int
    percent: float


@dataclass(frozen=True, slots=True)
class SlaWeek:
    """The promises of the cases opened in one week, a case counted once by its worst clock."""

    starts_on: date
    """A Monday on the organisation's wall calendar."""
    near_deadline: int
    in_time: int
    in_work: int
    missed: int
    without: int


@dataclass(frozen=True, slots=True)
class QueueLoad:
    """The open cases of one queue, each counted once: late, else free to take, else in work."""

    queue: Queue
    late: int
    available: int
    in_work: int


@dataclass(frozen=True, slots=True)
class Remaining:
    """What is left of an entitlement in force, whose it is, and how long it will last."""

    entitlement: Entitlement
    customer: str
    forecast: Forecast

    @property
    def lasts_until(self) -> date:
        """The day it is used up, as far as one can tell, or ends."""
        return self.forecast.used_up_on or self.entitlement.ends_on


def case_summary(session: Session, principal: Principal) -> list[Share]:
    """The cases by state and channel, and each share in percent of all of them."""
    rows = session.execute(
        visible_to(principal)
        .with_only_columns(Case.state, Case.channel, func.count())
        .group_by(Case.state, Case.channel)
        .order_by(Case.state, Case.channel)
    ).all()
    total = sum(count for _state, _channel, count in rows)
    return [
        Share(state, channel, count, round(100 * count / total, 1))
        for state, channel, count in rows
    ]


# The worst clock of a case speaks for it; cancelled clocks say nothing.
_SEVERITY = {
    KpiState.SUCCEEDED: 1,
    KpiState.IN_PROGRESS: 2,
    KpiState.PAUSED: 2,
    KpiState.NEARING: 3,
    KpiState.NONCOMPLIANT: 4,
}
_WORDS = {1: "in_time", 2: "in_work", 3: "near_deadline", 4: "missed"}


def sla_weeks(
    session: Session, principal: Principal, *, weeks: int, at: datetime, zone: str
) -> list[SlaWeek]:
    """How the cases opened in each of the last `weeks` weeks stand by their promises, oldest first.

    Weeks begin on Monday at midnight in `zone`; the last one is the week of `at`.
    """
    mondays = _mondays(weeks, at, zone)
    begins = [datetime.combine(monday, time(), ZoneInfo(zone)) for monday in mondays]
    overdue = KpiInstance.state.in_(RUNNING) & (KpiInstance.fail_at <= at)
    kept_so_far = (KpiInstance.state == KpiState.SUCCEEDED) & (Case.state == State.ACTIVE)
    severity = case(
        (overdue, _SEVERITY[KpiState.NONCOMPLIANT]),
        (kept_so_far, _SEVERITY[KpiState.IN_PROGRESS]),
        else_=case(_SEVERITY, value=KpiInstance.state),
    )
    worst = (
        select(KpiInstance.case_id, func.max(severity).label("worst"))
        .join(Case, Case.id == KpiInstance.case_id)
        .where(Case.opened_at >= begins[0])
        .group_by(KpiInstance.case_id)
        .subquery()
    )
    latest_first = reversed(list(enumerate(begins)))
    week = case(*((Case.opened_at >= begin, number) for number, begin in latest_first))
    cases = (
        visible_to(principal)
        .where(Case.opened_at >= begins[0])
        .outerjoin(worst, worst.c.case_id == Case.id)
        .with_only_columns(week.label("week"), worst.c.worst)
        .subquery()
    )
    counted: dict[int, Counter[str]] = {number: Counter() for number in range(weeks)}
    for number, worst_severity, count in session.execute(
        select(cases.c.week, cases.c.worst, func.count()).group_by(cases.c.week, cases.c.worst)
    ):
        counted[number][_WORDS.get(worst_severity, "without")] += count
    return [_week(monday, counted[number]) for number, monday in enumerate(mondays)]


def _mondays(weeks: int, at: datetime, zone: str) -> list[date]:
    today = at.astimezone(ZoneInfo(zone)).date()
    this = today - timedelta(days=today.weekday())
    return [this - timedelta(weeks=ago) for ago in reversed(range(weeks))]


def _week(monday: date, counts: Counter[str]) -> SlaWeek:
    return SlaWeek(
        starts_on=monday,
        near_deadline=counts["near_deadline"],
        in_time=counts["in_time"],
        in_work=counts["in_work"],
        missed=counts["missed"],
        without=counts["without"],
    )


def queue_load(session: Session, principal: Principal, *, at: datetime) -> list[QueueLoad]:
    """The open cases of each queue that this principal may see, the fullest first."""
    late = Case.order_at <= at
    free = and_(Case.order_at > at, Case.owner_id.is_(None))
    statement = (
        visible_to(principal)
        .where(Case.state == State.ACTIVE)
        .with_only_columns(
            Case.queue_id,
            func.count(),
            func.sum(case((late, 1), else_=0)),
            func.sum(case((free, 1), else_=0)),
        )
        .group_by(Case.queue_id)
    )
    counts = {queue_id: rest for queue_id, *rest in session.execute(statement)}
    loads = []
    for queue in session.scalars(queues_visible_to(principal)):
        total, behind, available = counts.get(queue.id, (0, 0, 0))
        loads.append(QueueLoad(queue, behind, available, total - behind - available))
    return sorted(loads, key=lambda load: -(load.late + load.available + load.in_work))


def running_out(
    session: Session, principal: Principal, desk: Desk, *, at: datetime, limit: int = LOOKED_AT
) -> list[Remaining]:
    """The entitlements in force that will be used up or end soonest; two statements for all.

    Looked for among the `LOOKED_AT` of which the smallest share is left.
    """
    principal.must(Act.READ)
    on = desk.day(at)
    whole = case((Entitlement.total > 0, Entitlement.total), else_=1)
    in_force = session.execute(
        select(Entitlement, func.coalesce(Account.name, Contact.name))
        .outerjoin(Account, Account.id == Entitlement.account_id)
        .outerjoin(Contact, Contact.id == Entitlement.contact_id)
        .where(Entitlement.state == entitlements.State.ACTIVE)
        .where(or_(Entitlement.total > 0, Entitlement.restricted))
        .order_by(Entitlement.remaining * 1.0 / whole, Entitlement.ends_on, Entitlement.id)
        .limit(LOOKED_AT)
    ).all()
    forecasts = entitlements.forecasts(session, [row[0] for row in in_force], desk, on=on)
    found = [
        Remaining(entitlement, customer, forecasts[entitlement.id])
        for entitlement, customer in in_force
    ]
    # Of those that last as long, the one with the smallest share left stays first.
    return sorted(found, key=lambda each: each.lasts_until)[:limit]
