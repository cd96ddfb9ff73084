"""What a manager does to contracts: each mutation is one act of `intake.agree`.

What is shown afterwards is read when the act is durable, as with the acts on cases.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Annotated, Concatenate, ParamSpec
from uuid import UUID

import strawberry
from sqlalchemy.orm import Session

from graph.api.asking import Info
from graph.api.contract_templates import Allotment, Discount, Frequency
from graph.api.contracts import Contract, Overage, contracts_by_id
from graph.api.describing import described
from graph.api.problems import AnyProblem, problem
from graph.api.work import CaseNumber, CaseResult, Version, change
from intake import agree
from intake import contracts as rows
from intake.agents import Principal
from intake.errors import IntakeError

P = ParamSpec("P")


@strawberry.input(description="What is written into a contract.")
class ContractTerms:
    name: str = strawberry.field(description="What it is called.")
    starts_on: date = strawberry.field(description="Its first day.")
    ends_on: date = strawberry.field(description="Its last day, included.")
    currency: str = strawberry.field(description="The currency of its amounts (ISO 4217).")
    account: UUID | None = strawberry.field(default=None, description="The account it is with …")
    contact: UUID | None = strawberry.field(default=None, description="… or the contact.")
    template: UUID | None = strawberry.field(
        default=None, description="Its template, whose words win from `billingFrequency` to `sla`."
    )
    bill_to: str = strawberry.field(default="", description="The address of its invoices.")
    billing_starts_on: date | None = strawberry.field(
        default=None, description="The first day that is billed, if not its first."
    )
    billing_ends_on: date | None = strawberry.field(
        default=None, description="The last day that is billed, if not its last."
    )
    overage: Overage = strawberry.field(
        default=rows.Overage.ASK,
        description="What becomes of what is used beyond what a line had left.",
    )
    external_id: str | None = strawberry.field(default=None, description="Its id elsewhere.")
    billing_frequency: Frequency = strawberry.field(
        default=rows.Frequency.ANNUALLY, description="How often is billed."
    )
    allotment: Allotment = strawberry.field(
        default=rows.Allotment.CASES, description="What its lines count."
    )
    discount_mode: Discount = strawberry.field(
        default=rows.Discount.PERCENTAGE, description="What the discounts of its lines are."
    )
    calendar: UUID | None = strawberry.field(
        default=None, description="The hours it covers; null: around the clock."
    )
    sla: UUID | None = strawberry.field(default=None, description="The service level.")
    owner: UUID | None = strawberry.field(
        default=None, description="The agent who answers for it, and is told of its renewal."
    )
    email: str = strawberry.field(default="", description="Where the reminders go.")
    renewal_days: list[int] = strawberry.field(
        default_factory=list,
        description="Reminders go out so many days before its end; < 0 is after it.",
    )
    draft_renewal_days: int | None = strawberry.field(
        default=None,
        description="The clock drafts the next term so many days before the end, or when a line "
        "runs low; null: never.",
    )

    def row(self) -> rows.Terms:
        """The terms as the domain takes them."""
        return rows.Terms(
            name=self.name,
            starts_on=self.starts_on,
            ends_on=self.ends_on,
            currency=self.currency,
            account_id=self.account,
            contact_id=self.contact,
            template_id=self.template,
            bill_to=self.bill_to,
            billing_starts_on=self.billing_starts_on,
            billing_ends_on=self.billing_ends_on,
            overage=self.overage,
            external_id=self.external_id,
            billing_frequency=self.billing_frequency,
            allotment=self.allotment,
            discount_mode=self.discount_mode,
            calendar_id=self.calendar,
            sla_id=self.sla,
            owner_id=self.owner,
            email=self.email,
            renewal_days=self.renewal_days,
            draft_renewal_days=self.draft_renewal_days,
        )


@strawberry.input(description="What is written into a line of a contract.")
class ContractLineTerms:
    title: str = strawberry.field(description="What is bought.")
    total: int = strawberry.field(
        default=0, description="The allotment, in cases or minutes; 0 where only the dates count."
    )
    price: Decimal = strawberry.field(default=Decimal(), description="What one costs.")
    discount: Decimal = strawberry.field(
        default=Decimal(), description="In per cent or in money, as the contract says."
    )
    quantity: int = strawberry.field(default=1, description="How many are bought.")
    product: UUID | None = strawberry.field(
        default=None, description="The product it covers; null: any."
    )
    starts_on: date | None = strawberry.field(
        default=None, description="Its first day, if not the contract's."
    )
    ends_on: date | None = strawberry.field(
        default=None, description="Its last day, if not the contract's."
    )
    overage_rate: Decimal | None = strawberry.field(
        default=None, description="What an hour beyond it costs; null: as without a contract."
    )

    def row(self) -> rows.LineTerms:
        """The terms as the domain takes them."""
        return rows.LineTerms(
            title=self.title,
            total=self.total,
            price=self.price,
            discount=self.discount,
            quantity=self.quantity,
            product_id=self.product,
            starts_on=self.starts_on,
            ends_on=self.ends_on,
            overage_rate=self.overage_rate,
        )


@strawberry.type(description="It was done.")
class ContractChanged:
    contract_id: strawberry.Private[UUID | None]

    @described("The contract now; null when it was deleted.")
    def contract(self, info: Info) -> Contract | None:
        return contracts_by_id(info.context, {self.contract_id}).get(self.contract_id)


ContractResult = Annotated[
    ContractChanged | AnyProblem,
    strawberry.union("ContractResult", description="It was done, or why it was not."),
]
ContractId = Annotated[UUID, strawberry.argument(description="The id of the contract.")]
LineId = Annotated[UUID, strawberry.argument(description="The id of the line.")]


def act_on(
    info: Info,
    act: Callable[Concatenate[Session, Principal, P], rows.Contract | rows.ContractLine | None],
    *args: P.args,
    **kwargs: P.kwargs,
) -> ContractChanged | AnyProblem:
    """Do that act of `intake.agree`, or say why not."""
    asking = info.context
    try:
        with asking.acting() as session:
            done = act(session, asking.principal, *args, **kwargs)
    except IntakeError as error:
        return problem(error)
    if isinstance(done, rows.ContractLine):
        return ContractChanged(contract_id=done.contract_id)
    return ContractChanged(contract_id=done.id if done else None)


@strawberry.type
class ContractMutations:
    @described("Draft a contract with its lines: by hand, or from the template it names.")
    def draft_contract(
        self, info: Info, terms: ContractTerms, lines: list[ContractLineTerms] | None = None
    ) -> ContractResult:
        asking = info.context
        written = [line.row() for line in lines or ()]
        return act_on(
            info, agree.draft, terms.row(), *written, desk=asking.house.desk, at=asking.at
        )

    @described("Write other terms into a draft.")
    def redraft_contract(
        self, info: Info, id: ContractId, terms: ContractTerms, expected_version: Version = None
    ) -> ContractResult:
        asking = info.context
        return act_on(
            info, agree.redraft, id, terms.row(),
            desk=asking.house.desk, at=asking.at, version=expected_version,
        )  # fmt: skip

    @described("Draft a contract that says the same as another, under a number of its own.")
    def copy_contract(self, info: Info, id: ContractId) -> ContractResult:
        asking = info.context
        return act_on(info, agree.copy, id, desk=asking.house.desk, at=asking.at)

    @described("Throw a draft away; what it was to renew can be renewed again.")
    def delete_contract(
        self, info: Info, id: ContractId, expected_version: Version = None
    ) -> ContractResult:
        asking = info.context
        return act_on(
            info, agree.delete, id, desk=asking.house.desk, at=asking.at, version=expected_version
        )

    @described("Add a line; on an active contract it covers from its first day on.")
    def add_contract_line(
        self, info: Info, id: ContractId, line: ContractLineTerms, expected_version: Version = None
    ) -> ContractResult:
        asking = info.context
        return act_on(
            info, agree.add_line, id, line.row(),
            desk=asking.house.desk, at=asking.at, version=expected_version,
        )  # fmt: skip

    @described("Write other terms into a line of a draft.")
    def change_contract_line(
        self,
        info: Info,
        id: ContractId,
        line: LineId,
        terms: ContractLineTerms,
        expected_version: Version = None,
    ) -> ContractResult:
        asking = info.context
        return act_on(
            info, agree.change_line, id, line, terms.row(),
            desk=asking.house.desk, at=asking.at, version=expected_version,
        )  # fmt: skip

    @described("Strike a line from a draft.")
    def remove_contract_line(
        self, info: Info, id: ContractId, line: LineId, expected_version: Version = None
    ) -> ContractResult:
        asking = info.context
        return act_on(
            info, agree.remove_line, id, line,
            desk=asking.house.desk, at=asking.at, version=expected_version,
        )  # fmt: skip

    @described("End one line at once; the rest of the contract goes on.")
    def cancel_contract_line(
        self, info: Info, id: ContractId, line: LineId, expected_version: Version = None
    ) -> ContractResult:
        asking = info.context
        return act_on(
            info, agree.cancel_line, id, line,
            desk=asking.house.desk, at=asking.at, version=expected_version,
        )  # fmt: skip

    @described("The customer accepted: the terms are fixed, and its first day makes it active.")
    def invoice_contract(
        self, info: Info, id: ContractId, expected_version: Version = None
    ) -> ContractResult:
        asking = info.context
        return act_on(
            info, agree.invoice, id, desk=asking.house.desk, at=asking.at, version=expected_version
        )

    @described("Cover nothing until it is released.")
    def hold_contract(
        self, info: Info, id: ContractId, expected_version: Version = None
    ) -> ContractResult:
        asking = info.context
        return act_on(
            info, agree.hold, id, desk=asking.house.desk, at=asking.at, version=expected_version
        )

    @described("Go on after a hold, as its dates say.")
    def release_contract(
        self, info: Info, id: ContractId, expected_version: Version = None
    ) -> ContractResult:
        asking = info.context
        return act_on(
            info, agree.release, id, desk=asking.house.desk, at=asking.at, version=expected_version
        )

    @described("End it at once, or `on` a later day, which is the first without cover.")
    def cancel_contract(
        self,
        info: Info,
        id: ContractId,
        on: date | None = None,
        expected_version: Version = None,
    ) -> ContractResult:
        asking = info.context
        return act_on(
            info, agree.cancel, id,
            on=on, desk=asking.house.desk, at=asking.at, version=expected_version,
        )  # fmt: skip

    @described("Draft its next term under the same number; cancelled lines only if asked.")
    def renew_contract(
        self,
        info: Info,
        id: ContractId,
        include_cancelled: bool = False,
        expected_version: Version = None,
    ) -> ContractResult:
        asking = info.context
        return act_on(
            info, agree.renew, id,
            include_cancelled=include_cancelled,
            desk=asking.house.desk, at=asking.at, version=expected_version,
        )  # fmt: skip

    @described("Log a case against a contract, or against a line of it, which then counts it.")
    def log_against_contract(
        self,
        info: Info,
        case_number: CaseNumber,
        contract: ContractId,
        line: UUID | None = None,
        expected_version: Version = None,
    ) -> CaseResult:
        asking = info.context
        return change(
            info, case_number, agree.tie, contract, line,
            desk=asking.house.desk, at=asking.at, version=expected_version,
        )  # fmt: skip

    @described("The case belongs to no contract; its entitlement stays as it is.")
    def take_off_contract(
        self, info: Info, case_number: CaseNumber, expected_version: Version = None
    ) -> CaseResult:
        return change(info, case_number, agree.untie, at=info.context.at, version=expected_version)
