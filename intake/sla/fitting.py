"""One case and one SLA: which clocks belong on it now, and what becomes of those that do not.

The items are tried in their order; the first of each KPI that applies, and whose instant the case
has, makes the promise. Of each KPI a case has one clock after another: each begins at one instant,
runs while it is the one that counts, and ends kept, broken or cancelled. What was kept or broken is
not judged again; what was kept before its clock began is kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from intake.cases import Case
from intake.db import new_id
from intake.entitlements import Entitlement
from intake.facts import facts_of
from intake.sla.answers import answers
from intake.sla.clocks import (
    LIVE,
    Hold,
    KpiInstance,
    KpiState,
    cancel_one,
    current,
    judge,
    look,
    note_deadline,
    place,
    succeed,
)
from intake.sla.promises import (
    BY_MESSAGES,
    From,
    Kpi,
    OnReopening,
    ServiceCalendar,
    Sla,
    SlaItem,
    instant_of,
)


class Fitting:
    """One case, and what is needed to say which clocks belong on it now.

    `kept` says when promises with a condition of their own were kept under another SLA; `changed`
    that somebody changed the case, and not the clock itself.
    """

    def __init__(
        self,
        session: Session,
        case: Case,
        sla: Sla,
        instances: list[KpiInstance],
        holds: Sequence[Hold],
        at: datetime,
        *,
        kept: Mapping[Kpi, datetime | None] | None = None,
        changed: bool = False,
    ) -> None:
        self.session, self.case, self.sla, self.at = session, case, sla, at
        self.instances, self.holds = instances, holds
        self.kept, self.changed = kept or {}, changed
        self.facts = facts_of(case, at=at)
        self.cover = covered_hours(session, case)

    def fit(self, *, asked_at: datetime | None = None) -> None:
        """Keep, move, cancel and begin clocks. `asked_at` says that the customer wrote then and
        waits for an answer."""
        for instance in self.instances:
            look(instance, at=self.at)  # what was due by now was due, whoever looks first
        self._succeed()
        kpis = (*(i.kpi for i in self.sla.items), *(i.kpi for i in self.instances))
        for kpi in dict.fromkeys(kpis):
            self._fit_one(kpi, asked_at)
        note_deadline(self.case, self.instances)

    def _succeed(self) -> None:
        # Before applicability: a condition that a success makes untrue must not cancel it.
        for instance in self.instances:
            if instance.state is KpiState.CANCELLED or instance.succeeded_at is not None:
                continue
            condition = instance.item.success
            if condition is not None and condition.holds(self.facts):
                succeed(instance, self.holds, at=self.at)

    def _fit_one(self, kpi: Kpi, asked_at: datetime | None) -> None:
        last = current(self.instances).get(kpi)
        live = last if last is not None and last.state in LIVE else None
        item, instant = self._promise(kpi, last, asked_at)
        begin = self._begin(instant, live)
        if live is not None and (item is None or item.id != live.item_id):
            cancel_one(live)
            self.session.flush()  # one of a kind is live at most, and rows are added first
            live = None
        if item is None or instant is None or begin is None:
            return
        if live is not None:
            counts_in(live, self.cover or item.calendar, self.holds)
            if begin != live.started_at:
                _move(live, begin, self.holds)
        elif not self._settled(item, instant):
            self._begin_clock(item, begin)

    def _begin_clock(self, item: SlaItem, begin: datetime) -> None:
        instance = begin_clock(self.session, self.case, item, begin, self.holds, self.cover)
        self.instances.append(instance)
        kept_at = self._kept_at(item, begin)
        if kept_at is not None:
            judge(instance, self.holds, kept_at=kept_at)

    def _promise(
        self, kpi: Kpi, last: KpiInstance | None, asked_at: datetime | None
    ) -> tuple[SlaItem | None, datetime | None]:
        """The item that speaks of the case now, and the instant that it counts from."""
        for item in self.sla.items:
            if item.kpi is not kpi or not item.applies(self.facts):
                continue
            if (
                not self.case.open
                and item.success is None
                and item.starts_from is not From.RESOLVED
            ):
                continue  # nobody waits for anything on a closed case
            instant = self._instant(item, last, asked_at)
            if instant is not None:
                return item, instant
        return None, None

    def _instant(
        self, item: SlaItem, last: KpiInstance | None, asked_at: datetime | None
    ) -> datetime | None:
        start = item.starts_from
        if start in BY_MESSAGES:
            waits = last is not None and self._waits(last)
            if asked_at is not None and not (waits and start is From.UNANSWERED):
                return asked_at
            return last.started_at if last is not None and waits else None
        if start is From.CHANGED and last is not None and not self.changed:
            return last.started_at  # what the clock itself sets off does not put it off
        return instant_of(self.case, item, self.cover)

    def _waits(self, last: KpiInstance) -> bool:
        """Whether the customer still waits for what that clock counted."""
        if last.state is KpiState.CANCELLED and last.succeeded_at is None:
            return self._answered_since(last.started_at) is None
        return last.succeeded_at is None

    def _begin(self, instant: datetime | None, live: KpiInstance | None) -> datetime | None:
        """When a clock from that instant begins: not before the case was opened for the last time,
        unless it has run since before."""
        reopened_at = self.case.reopened_at
        if instant is None or reopened_at is None:
            return instant
        return max(instant, min(reopened_at, live.started_at) if live else reopened_at)

    def _settled(self, item: SlaItem, instant: datetime) -> bool:
        """Whether what counts from that instant was kept or broken before.

        A promise is made anew when its instant lies after the end of the last one; and when the
        case is reopened, unless its item keeps the result. The first answer is given once.
        """
        reopened_at, first_at = self.case.reopened_at, self.case.first_response_at
        before = reopened_at is not None and instant < reopened_at
        if before and item.kpi is Kpi.FIRST_RESPONSE and ended_before(first_at, reopened_at):
            return True
        ended = (i for i in reversed(self.instances) if i.kpi is item.kpi)
        last = next((i for i in ended if i.state is not KpiState.CANCELLED), None)
        if last is None:
            return False
        if ended_before(last.failed_at or last.succeeded_at, reopened_at):
            return before and item.on_reopening is OnReopening.KEEP
        if last.succeeded_at is not None:
            return instant <= last.succeeded_at
        if last.failed_at is None or last.item.starts_from in BY_MESSAGES:
            return True  # broken, and still to be answered
        return instant < last.failed_at

    def _kept_at(self, item: SlaItem, begin: datetime) -> datetime | None:
        """When a promise whose clock begins only now was kept already."""
        if item.success is not None:
            return (self.kept.get(item.kpi) or begin) if item.success.holds(self.facts) else None
        if item.kpi is Kpi.RESOLVE_BY:
            return self.case.resolved_at
        first_at = self.case.first_response_at
        if item.kpi is Kpi.FIRST_RESPONSE and first_at is not None and first_at >= begin:
            return first_at
        return self._answered_since(begin)

    def _answered_since(self, begin: datetime) -> datetime | None:
        if self.case.first_response_at is None or begin >= self.at:
            return None
        given = answers(self.session, [self.case.id])[self.case.id]
        return next((at for at in given if at > begin), None)


def ended_before(ended_at: datetime | None, reopened_at: datetime | None) -> bool:
    """Whether what ended then belongs to the time before the case was opened again."""
    return ended_at is not None and reopened_at is not None and ended_at <= reopened_at


def covered_hours(session: Session, case: Case) -> ServiceCalendar | None:
    """The hours in which what covers the case is served; its clocks count in them, whatever the
    items of its SLA say. None where it names no hours, or nothing covers the case."""
    cover = session.get(Entitlement, case.entitlement_id) if case.entitlement_id else None
    if cover is None or cover.calendar_id is None:
        return None
    return session.get_one(ServiceCalendar, cover.calendar_id)


def counts_in(
    instance: KpiInstance, calendar: ServiceCalendar | None, holds: Sequence[Hold]
) -> None:
    """Let a live clock count in other hours. A version of the same ones, which it was left when
    they changed, stays."""
    now = instance.calendar
    same = (now.current_id or now.id) if now else None
    if same == (calendar.id if calendar else None):
        return
    instance.calendar_id = calendar.id if calendar else None
    set_committed_value(instance, "calendar", calendar)
    place(instance, holds)


def begin_clock(
    session: Session,
    case: Case,
    item: SlaItem,
    begin: datetime,
    holds: Sequence[Hold],
    cover: ServiceCalendar | None,
) -> KpiInstance:
    """A clock of that item runs on the case from now on."""
    instance = clock_on(case, item, begin, holds, cover)
    session.add(instance)
    return instance


def clock_on(
    case: Case,
    item: SlaItem,
    begin: datetime,
    holds: Sequence[Hold],
    cover: ServiceCalendar | None,
) -> KpiInstance:
    """A clock as it would run on the case; nothing keeps it yet."""
    calendar = cover or item.calendar
    instance = KpiInstance(
        id=new_id(),
        case_id=case.id,
        item_id=item.id,
        calendar_id=calendar.id if calendar else None,
        kpi=item.kpi,
        state=KpiState.IN_PROGRESS,
        started_at=begin,
    )
    set_committed_value(instance, "item", item)
    set_committed_value(instance, "calendar", calendar)
    place(instance, holds)
    return instance


def _move(instance: KpiInstance, begin: datetime, holds: Sequence[Hold]) -> None:
    """Let a live clock count from another instant; its warning is to be given again."""
    instance.started_at = begin
    instance.warned_at = instance.untold = None
    place(instance, holds)
