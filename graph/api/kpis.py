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
from graph.api.loading import Shown, grouped, together
from graph.api.slas import Kpi, SlaItem
from intake import sla as rows
from intake.sla import spelt

__all__ = ["Kpi", "KpiInstance", "KpiInterval", "KpiState", "Stretch", "holds", "running", "spelt"]

KpiState = rows.KpiState
strawberry.enum(KpiState, name="KpiState", description="Where the clock of a promise stands.")
Stretch = rows.Stretch
strawberry.enum(Stretch, name="Stretch", description="What a stretch of time is to a clock.")


@strawberry.type(description="A stretch of the time of a clock, all of one kind.")
class KpiInterval:
    start: datetime = strawberry.field(description="When it begins.")
    end: datetime = strawberry.field(description="When the next begins.")
    kind: Stretch = strawberry.field(description="What it is to the clock.")
    name: str = strawberry.field(description="The holiday or the status, or empty.")
    seconds: float = strawberry.field(description="How long it is.")

    @classmethod
    def of(cls, row: rows.Interval) -> KpiInterval:
        """The stretch as this type shows it."""
        return cls(
            start=row.start,
            end=row.end,
            kind=row.kind,
            name=row.name,
            seconds=row.length.total_seconds(),
        )


@strawberry.type(
    description="How much of the time of a clock is of which kind; together, all of it."
)
class KpiTotals:
    counting_seconds: float = strawberry.field(description="Open time that counts.")
    closed_seconds: float = strawberry.field(description="Outside the working hours.")
    holiday_seconds: float = strawberry.field(description="On holidays.")
    on_hold_seconds: float = strawberry.field(description="Open time on hold.")


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
    overrun_seconds: int | None = strawberry.field(
        description="How much open time too late it was kept, if it was."
    )
    case_id: strawberry.Private[UUID]
    item: strawberry.Private[rows.SlaItem]

    @described("How many minutes the promise allows.")
    def allowed_minutes(self) -> int:
        return self.item.fail_after_minutes

    @described("How many open minutes its calendar has counted so far.")
    def counted_minutes(self, info: Info) -> int:
        return int(self._explained(info).counted / timedelta(minutes=1))

    @described("Where it stands, as in “2 h 15 min of 4 h counted; closed since Friday 17:00”.")
    def sentence(self, info: Info) -> str:
        return self._explained(info).sentence

    @described("Its time from start to deadline; the seconds add up, those that count to allowed.")
    def intervals(self, info: Info) -> list[KpiInterval]:
        return [KpiInterval.of(each) for each in self._explained(info).intervals]

    @described("How much of that time is of which kind.")
    def totals(self, info: Info) -> KpiTotals:
        explained = self._explained(info)
        return KpiTotals(
            counting_seconds=explained.total(Stretch.COUNTING).total_seconds(),
            closed_seconds=explained.total(Stretch.CLOSED).total_seconds(),
            holiday_seconds=explained.total(Stretch.HOLIDAY).total_seconds(),
            on_hold_seconds=explained.total(Stretch.ON_HOLD).total_seconds(),
        )

    @described("The clause that promised it.")
    def clause(self, info: Info) -> SlaItem:
        return self.loaded(info, promises)[self.item.id]

    def _explained(self, info: Info) -> rows.Explanation:
        held = self.loaded(info, holds).get(self.case_id, [])
        return rows.explain(self.row, held, info.context.at)


def running(asking: Asking, cases: Sequence[Shown]) -> Mapping[UUID, list[KpiInstance]]:
    """The clocks of these cases, oldest first."""
    found = asking.session.scalars(
        select(rows.KpiInstance)
        .where(rows.KpiInstance.case_id.in_([case.id for case in cases]))
        .order_by(rows.KpiInstance.started_at, rows.KpiInstance.id)
        .options(joinedload(rows.KpiInstance.item), joinedload(rows.KpiInstance.calendar))
    )
    return grouped(KpiInstance, found, lambda row: row.case_id)


def promises(_asking: Asking, instances: Sequence[KpiInstance]) -> Mapping[UUID, SlaItem]:
    """The clauses of these clocks, which came with them."""
    clauses = {instance.item.id: instance.item for instance in instances}
    return {item.id: item for item in together(SlaItem, clauses.values())}


def holds(asking: Asking, instances: Sequence[KpiInstance]) -> Mapping[UUID, list[rows.Hold]]:
    """When the cases of these clocks were on hold, by case."""
    return rows.holds_of(asking.session, list({instance.case_id for instance in instances}))
