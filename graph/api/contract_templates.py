"""Contract templates: what contracts of one sort agree on, written until one of them uses it."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

import strawberry
from sqlalchemy import select

from graph.api.asking import Info
from graph.api.describing import described
from graph.api.loading import Shown, by_id, together
from graph.api.problems import AnyProblem, problem
from graph.api.slas import ServiceCalendar, Sla
from intake import agree, sla
from intake import contracts as rows
from intake.errors import IntakeError

Frequency = rows.Frequency
strawberry.enum(Frequency, name="BillingFrequency", description="How often a contract is billed.")
Allotment = rows.Allotment
strawberry.enum(
    Allotment,
    name="AllotmentType",
    description="What a line counts: cases, minutes, or nothing but its dates.",
)
Discount = rows.Discount
strawberry.enum(Discount, name="DiscountMode", description="What the discount of a line is.")


@strawberry.type(description="What contracts of one sort agree on; frozen once one uses it.")
class ContractTemplate(Shown):
    id: UUID = strawberry.field(description="The template's id.")
    name: str = strawberry.field(description="What it is called.")
    abbreviation: str = strawberry.field(description="Its name in short.")
    description: str = strawberry.field(description="What it is for, or empty.")
    billing_frequency: Frequency = strawberry.field(description="How often is billed.")
    allotment: Allotment = strawberry.field(description="What lines count.")
    discount_mode: Discount = strawberry.field(description="What discounts are.")
    calendar_id: strawberry.Private[UUID | None]
    sla_id: strawberry.Private[UUID | None]

    @described("The hours it covers; null: around the clock.")
    def calendar(self, info: Info) -> ServiceCalendar | None:
        return self.named(info, "calendar_id", ServiceCalendar, sla.ServiceCalendar)

    @described("The service level.")
    def sla(self, info: Info) -> Sla | None:
        return self.named(info, "sla_id", Sla, sla.Sla)


@strawberry.type
class ContractTemplateQueries:
    @described("What contracts are made from, by name.")
    def contract_templates(self, info: Info) -> list[ContractTemplate]:
        statement = select(rows.ContractTemplate).order_by(rows.ContractTemplate.name)
        return together(ContractTemplate, info.context.session.scalars(statement))


@strawberry.input(description="What contracts of one sort agree on.")
class ContractTemplateTerms:
    name: str = strawberry.field(description="What it is called.")
    abbreviation: str = strawberry.field(description="Its name in short.")
    description: str = strawberry.field(default="", description="What it is for.")
    billing_frequency: Frequency = strawberry.field(
        default=rows.Frequency.ANNUALLY, description="How often is billed."
    )
    allotment: Allotment = strawberry.field(
        default=rows.Allotment.CASES, description="What lines count."
    )
    discount_mode: Discount = strawberry.field(
        default=rows.Discount.PERCENTAGE, description="What discounts are."
    )
    calendar: UUID | None = strawberry.field(
        default=None, description="The hours its contracts cover; null: around the clock."
    )
    sla: UUID | None = strawberry.field(default=None, description="The service level.")

    def fields(self) -> dict[str, Any]:
        """The terms as the domain takes them."""
        given = dict(vars(self))
        return {"calendar_id": given.pop("calendar"), "sla_id": given.pop("sla"), **given}


@strawberry.type(description="The template is kept.")
class ContractTemplateKept:
    template_id: strawberry.Private[UUID]

    @described("The template now.")
    def template(self, info: Info) -> ContractTemplate | None:
        found = by_id(info.context, ContractTemplate, rows.ContractTemplate, [self.template_id])
        return found.get(self.template_id)


ContractTemplateResult = Annotated[
    ContractTemplateKept | AnyProblem,
    strawberry.union("ContractTemplateResult", description="It is kept, or why it is not."),
]


@strawberry.type
class ContractTemplateMutations:
    @described("Keep a template for contracts.")
    def add_contract_template(
        self, info: Info, terms: ContractTemplateTerms
    ) -> ContractTemplateResult:
        asking = info.context
        try:
            with asking.acting() as session:
                kept = agree.template(session, asking.principal, at=asking.at, **terms.fields())
        except IntakeError as error:
            return problem(error)
        return ContractTemplateKept(template_id=kept.id)

    @described("Write other terms into a template that no contract uses yet.")
    def change_contract_template(
        self, info: Info, id: UUID, terms: ContractTemplateTerms
    ) -> ContractTemplateResult:
        asking = info.context
        try:
            with asking.acting() as session:
                agree.change_template(session, asking.principal, id, at=asking.at, **terms.fields())
        except IntakeError as error:
            return problem(error)
        return ContractTemplateKept(template_id=id)
