"""The promises about time that run on a case, and how far each clock has counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import strawberry
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from graph.api.asking import Asking, Info
from graph.api.describing import described
from graph.api.loading import Shown, grouped
from intake import sla as rows

Kpi = rows.Kpi
strawberry.enum(Kpi, name="Kpi", description="What is promised.")
KpiState = rows.KpiState
strawberry.enum(KpiState, name="KpiState", description="Where the clock of a promise stands.")


@strawberry.type(description="One promise about time, running on one case.")
class KpiInstance(Shown):
    id: UUID = strawberry.field(description="The instance's id.")
    kpi: Kpi = strawberry.field(description="What is promised.")
    state: KpiState = strawberry.field(description="Where its clock stands.")
    started_at: datetime = strawberry.field(description="When the clock started.")
    warn_at: datetime | None = strawberry.field(description="When it warns; null while paused.")
    fail_at: datetime | None = strawberry.field(description="The deadline; null while paused.")
    warned_at: datetime | None = strawberry.field(description="When it warned.")
    failed_at: datetime | None = strawberry.field(description="When the deadline was missed.")
    succeeded_at: datetime | None = strawberry.field(description="When the promise was kept.")
    case_id: strawberry.Private[UUID]
    item: strawberry.Private[rows.SlaItem]

    @described("How many minutes the promise allows.")
    def allowed_minutes(self) -> int:
        return self.item.fail_after_minutes

    @described("How many open minutes its calendar has counted so far.")
    def counted_minutes(self, info: Info) -> int:
        return int(self._counted(info) / timedelta(minutes=1))

    @described("How far it is in words, as in “2 h 15 min of 4 h counted”.")
    def sentence(self, info: Info) -> str:
        allowed = timedelta(minutes=self.item.fail_after_minutes)
        return f"{spelt(self._counted(info))} of {spelt(allowed)} counted"

    def _counted(self, info: Info) -> timedelta:
        held = self.loaded(info, holds).get(self.case_id, [])
        calendar = rows.calendar_of(self.row)
        end = self.succeeded_at or info.context.at
        on_hold = sum(
            (calendar.open_between(begin, until) for begin, until in self._pauses(held, end)),
            timedelta(),
        )
        return calendar.open_between(self.started_at, max(end, self.started_at)) - on_hold

    def _pauses(self, held: Sequence[rows.Hold], end: datetime) -> list[tuple[datetime, datetime]]:
        spans = [
            (max(hold.started_at, self.started_at), min(hold.ended_at or end, end)) for hold in held
        ]
        return [(begin, until) for begin, until in spans if begin < until]


def running(asking: Asking, cases: Sequence[Shown]) -> Mapping[UUID, list[KpiInstance]]:
    """The clocks of these cases, oldest first."""
    found = asking.session.scalars(
        select(rows.KpiInstance)
        .where(rows.KpiInstance.case_id.in_([case.id for case in cases]))
        .order_by(rows.KpiInstance.started_at, rows.KpiInstance.id)
        .options(joinedload(rows.KpiInstance.item), joinedload(rows.KpiInstance.calendar))
    )
    return grouped(KpiInstance, found, lambda row: row.case_id)


def holds(asking: Asking, instances: Sequence[KpiInstance]) -> Mapping[UUID, list[rows.Hold]]:
    """When the cases of these clocks were on hold, by case."""
    ids = {instance.case_id for instance in instances}
    found: dict[UUID, list[rows.Hold]] = {}
    for hold in asking.session.scalars(select(rows.Hold).where(rows.Hold.case_id.in_(ids))):
        found.setdefault(hold.case_id, []).append(hold)
    return found


def spelt(span: timedelta) -> str:
    """A span as people say it: "2 h 15 min"."""
    minutes = int(span / timedelta(minutes=1))
    hours, rest = divmod(minutes, 60)
    if not hours:
        return f"{rest} min"
    return f"{hours} h {rest} min" if rest else f"{hours} h"
