"""One case and one SLA: which clocks belong on it now, and what becomes of those that do not.

The items are tried in their order; the first of each KPI that applies, and whose instant the case
has, makes the promise. What was kept or broken is not judged again.
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
from intake.sla.clocks import (
    LIVE,
    Hold,
    KpiInstance,
    KpiState,
    cancel_one,
    note_deadline,
    place,
    succeed,
)
from intake.sla.promises import (
    BY_MESSAGES,
    From,
    Kpi,
    ServiceCalendar,
    Sla,
    SlaItem,
    instant_of,
)


class Fitting:
    """One case, and what is needed to say which clocks belong on it now."""

    def __init__(
        self,
        session: Session,
        case: Case,
        sla: Sla,
        instances: list[KpiInstance],
        holds: Sequence[Hold],
        at: datetime,
    ) -> None:
        self.session, self.case, self.sla, self.at = session, case, sla, at
        self.instances, self.holds = instances, holds
        self.facts = facts_of(case, at=at)
        self.cover = covered_hours(session, case)

    def fit(
        self,
        *,
        kept: Mapping[Kpi, datetime | None] | None = None,
        asked_at: datetime | None = None,
    ) -> None:
        """Keep, move, cancel and begin clocks. `kept` says when promises were kept already;
        `asked_at` that the customer wrote then and waits for an answer."""
        self._succeed()
        for kpi in dict.fromkeys(
            (*(i.kpi for i in self.sla.items), *(i.kpi for i in self.instances))
        ):
            self._fit_one(kpi, asked_at)
            latest = self._latest(kpi)
            kept_at = (kept or {}).get(kpi)
            if kept_at is not None and latest is not None and latest.state in LIVE:
                succeed(latest, self.holds, at=kept_at)
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
        last = next((i for i in reversed(self.instances) if i.kpi is kpi), None)
        live = last if last is not None and last.state in LIVE else None
        if live is None and self._settled(kpi, last, asked_at):
            return
        item, begin = self._promise(kpi, last, asked_at)
        if live is not None and (item is None or item.id != live.item_id):
            cancel_one(live)
            live = None
        if item is None or begin is None:
            return
        if live is None:
            self.instances.append(
                begin_clock(self.session, self.case, item, begin, self.holds, self.cover)
            )
        else:
            counts_in(live, self.cover or item.calendar, self.holds)
            if begin != live.started_at:
                _move(live, begin, self.holds)

    def _settled(self, kpi: Kpi, last: KpiInstance | None, asked_at: datetime | None) -> bool:
        """Whether this promise was kept or broken, and nothing asks for another."""
        if last is None or last.state is KpiState.CANCELLED:
            return False
        if kpi is Kpi.NEXT_RESPONSE and asked_at is not None:
            return last.succeeded_at is None  # broken, and still to be answered
        return True

    def _promise(
        self, kpi: Kpi, last: KpiInstance | None, asked_at: datetime | None
    ) -> tuple[SlaItem | None, datetime | None]:
        for item in self.sla.items:
            if item.kpi is not kpi or not item.applies(self.facts):
                continue
            if (
                not self.case.open
                and item.success is None
                and item.starts_from is not From.RESOLVED
            ):
                continue  # nobody waits for anything on a closed case
            begin = self._begin_of(item, last, asked_at)
            if begin is not None:
                return item, begin
        return None, None

    def _begin_of(
        self, item: SlaItem, last: KpiInstance | None, asked_at: datetime | None
    ) -> datetime | None:
        start = item.starts_from
        if start in BY_MESSAGES:
            waiting = last is not None and last.succeeded_at is None
            if asked_at is not None and not (waiting and start is From.UNANSWERED):
                return asked_at
            return last.started_at if last is not None and waiting else None
        if start is From.CREATED and last is not None and last.item.starts_from is From.CREATED:
            return last.started_at  # of its present cycle, if it was reopened
        return instant_of(self.case, start)

    def _latest(self, kpi: Kpi) -> KpiInstance | None:
        return next((i for i in reversed(self.instances) if i.kpi is kpi), None)


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
