"""Writing what is promised about time: SLAs as drafts, their versions, and what a KPI means."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any, cast
from uuid import UUID

import strawberry
from sqlalchemy.orm import Session
from strawberry.scalars import JSON

from graph.api.asking import Info
from graph.api.describing import described
from graph.api.doing import done
from graph.api.hours import Scope
from graph.api.loading import by_id
from graph.api.problems import AnyProblem, problem
from graph.api.slas import From, Kpi, OnReopening, Sla
from intake import sla as rows
from intake.agents import Principal
from intake.db import new_id
from intake.errors import IntakeError
from intake.sla import activation, changing, defining


@strawberry.type(description="What items of a KPI do unless they say otherwise.")
class KpiDefinition:
    kpi: Kpi = strawberry.field(description="The promise.")
    starts_from: From = strawberry.field(description="The instant from which its clocks count.")
    from_field: str | None = strawberry.field(
        description="The custom field that says it, such as `instant.install_at`, where one does."
    )
    pauses: list[str] | None = strawberry.field(
        description="The status reasons that stop them; null: those that put a case on hold."
    )

    @classmethod
    def of(cls, row: rows.KpiDefinition) -> KpiDefinition:
        """The definition as this type shows it."""
        return cls(
            kpi=row.kpi,
            starts_from=row.applicable_from,
            from_field=row.from_field,
            pauses=row.pauses,
        )


@strawberry.type
class PromiseQueries:
    @described("What items of each KPI do unless they say otherwise.")
    def kpi_definitions(self, info: Info) -> list[KpiDefinition]:
        return [KpiDefinition.of(row) for row in defining.definitions(info.context.session)]


@strawberry.input(description="One clause of a draft.")
class SlaItemInput:
    kpi: Kpi = strawberry.field(description="What it promises.")
    fail_after_minutes: int = strawberry.field(description="Open minutes that it allows.")
    warn_after_minutes: int | None = strawberry.field(
        default=None, description="Open minutes until it warns; null: it does not."
    )
    starts_from: From | None = strawberry.field(
        default=None, description="The instant from which it counts; null: as the KPI says."
    )
    from_field: str | None = strawberry.field(
        default=None,
        description="With DATE_FIELD, the custom field of a day or an instant, "
        "such as `instant.install_at`.",
    )
    applicable_when: JSON | None = strawberry.field(
        default=None, description="A condition for the cases it speaks of; null: every case."
    )
    success_when: JSON | None = strawberry.field(
        default=None, description="A condition that keeps it; null: the KPI's own act."
    )
    calendar: UUID | None = strawberry.field(
        default=None, description="The hours it counts in; null: around the clock."
    )
    pauses: list[str] | None = strawberry.field(
        default=None,
        description="The status reasons that stop it; null: as the KPI says; []: none does.",
    )
    on_reopening: OnReopening = strawberry.field(
        default=OnReopening.NEW_CYCLE, description="What reopening a case does to it."
    )
    actions: list[JSON] = strawberry.field(
        default_factory=list, description="What its warning, failure and success set off."
    )

    def row(self) -> rows.SlaItem:
        """The clause as the desk keeps it."""
        return rows.SlaItem(
            id=new_id(),
            kpi=self.kpi,
            applicable_from=self.starts_from,
            from_field=self.from_field,
            applicable_when=cast(Any, self.applicable_when),
            success_when=cast(Any, self.success_when),
            warn_after_minutes=self.warn_after_minutes,
            fail_after_minutes=self.fail_after_minutes,
            calendar_id=self.calendar,
            pauses=self.pauses,
            on_reopening=self.on_reopening,
            actions=cast(Any, list(self.actions)),
        )


@strawberry.type(description="It was done.")
class SlaChanged:
    sla_id: strawberry.Private[UUID]
    cases_moved: int = strawberry.field(
        default=0, description="How many open cases run by this version that did not before."
    )

    @described("The SLA now; null when it was a draft that is gone.")
    def sla(self, info: Info) -> Sla | None:
        return by_id(info.context, Sla, rows.Sla, [self.sla_id]).get(self.sla_id)


@strawberry.type(description="It is defined.")
class KpiDefined:
    definition: KpiDefinition = strawberry.field(description="What the KPI means now.")


SlaResult = Annotated[
    SlaChanged | AnyProblem,
    strawberry.union("SlaResult", description="It was done, or why it was not."),
]
KpiResult = Annotated[
    KpiDefined | AnyProblem,
    strawberry.union("KpiResult", description="It was done, or why it was not."),
]
SlaId = Annotated[UUID, strawberry.argument(description="The id of the SLA's version.")]
Clauses = Annotated[
    list[SlaItemInput],
    strawberry.argument(description="What it promises; the first item that applies counts."),
]
FromField = Annotated[
    str | None,
    strawberry.argument(
        description="With DATE_FIELD, the custom field of a day or an instant from which it counts."
    ),
]
ChosenWhen = Annotated[
    JSON | None,
    strawberry.argument(
        description="A condition over a case that chooses it before any entitlement; null: none."
    ),
]


@strawberry.type
class SlaMutations:
    @described("A new SLA, as a draft that promises nothing yet. For administrators.")
    def draft_sla(
        self, info: Info, name: str, items: Clauses, chosen_when: ChosenWhen = None
    ) -> SlaResult:
        at, when, slack = info.context.at, cast(Any, chosen_when), info.context.house.desk.slack
        return change(
            info,
            lambda session, by: (
                activation.draft(
                    session, by, name, written(items), chosen_when=when, slack=slack, at=at
                ).id,
                0,
            ),
        )  # fmt: skip

    @described("Let a draft say this instead of all it said. For administrators.")
    def rewrite_sla(
        self, info: Info, id: SlaId, items: Clauses, chosen_when: ChosenWhen = None
    ) -> SlaResult:
        at, when, slack = info.context.at, cast(Any, chosen_when), info.context.house.desk.slack
        return change(
            info,
            lambda session, by: (
                activation.rewrite(
                    session, by, id, written(items), chosen_when=when, slack=slack, at=at
                ).id,
                0,
            ),
        )  # fmt: skip

    @described("Forget a draft. For administrators.")
    def discard_sla(self, info: Info, id: SlaId) -> SlaResult:
        def forget(session: Session, by: Principal) -> tuple[UUID, int]:
            activation.discard(session, by, id, at=info.context.at)
            return id, 0

        return change(info, forget)

    @described("Draft the next version of an SLA, that says the same. For administrators.")
    def revise_sla(self, info: Info, id: SlaId) -> SlaResult:
        at = info.context.at
        return change(info, lambda session, by: (activation.revise(session, by, id, at=at).id, 0))

    @described(
        "Put a draft in force in the place of the version before: for new cases, unless told that "
        "running ones take it too. For administrators."
    )
    def activate_sla(self, info: Info, id: SlaId, scope: Scope = Scope.NEW) -> SlaResult:
        at, slack = info.context.at, info.context.house.desk.slack
        return change(
            info,
            lambda session, by: (
                id, changing.put_in_force(session, by, id, scope, slack=slack, at=at)
            ),
        )  # fmt: skip

    @described("Let open cases that run by other versions run by this one. For administrators.")
    def adopt_sla(self, info: Info, id: SlaId) -> SlaResult:
        at = info.context.at
        return change(info, lambda session, by: (id, changing.adopt(session, by, id, at=at)))

    @described("Take an SLA out of force; its clocks run on. For administrators.")
    def retire_sla(self, info: Info, id: SlaId) -> SlaResult:
        at = info.context.at
        return change(info, lambda session, by: (activation.retire(session, by, id, at=at).id, 0))

    @described("Make it the SLA of cases that nothing else chooses one for. For administrators.")
    def set_default_sla(self, info: Info, id: SlaId) -> SlaResult:
        at = info.context.at
        return change(
            info, lambda session, by: (activation.make_default(session, by, id, at=at).id, 0)
        )

    @described(
        "Say from when clocks of a KPI count and what stops them, unless their item says so. "
        "For administrators."
    )
    def define_kpi(
        self,
        info: Info,
        kpi: Kpi,
        starts_from: From,
        pauses: list[str] | None = None,
        from_field: FromField = None,
    ) -> KpiResult:
        asking = info.context
        try:
            with asking.acting() as session:
                defined = defining.define(
                    session, asking.principal, kpi,
                    applicable_from=starts_from, from_field=from_field, pauses=pauses, at=asking.at,
                )  # fmt: skip
                return KpiDefined(definition=KpiDefinition.of(defined))
        except IntakeError as error:
            return problem(error)


def written(items: Sequence[SlaItemInput]) -> list[rows.SlaItem]:
    """The clauses as the desk keeps them, in their order."""
    return [item.row() for item in items]


def change(
    info: Info, act: Callable[[Session, Principal], tuple[UUID, int]]
) -> SlaChanged | AnyProblem:
    """Do that in a transaction of its own, or say why not; `act` tells of which SLA, and how many
    cases it moved."""

    def acted(session: Session, by: Principal) -> SlaChanged:
        sla_id, cases = act(session, by)
        return SlaChanged(sla_id=sla_id, cases_moved=cases)

    return done(info, acted)
