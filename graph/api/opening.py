"""Cases that an agent opens: somebody phoned, sent a letter or wrote to them."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import strawberry

from graph.api.asking import Info
from graph.api.changing import FieldChanges
from graph.api.describing import described
from graph.api.problems import problem
from graph.api.work import CaseChanged, CaseResult
from intake import work
from intake.errors import IntakeError

Says = Annotated[
    FieldChanges | None,
    strawberry.argument(description="What it says of itself; perhaps some must be filled in."),
]


@strawberry.input(description="What somebody asked an agent, and who: a contact or an account.")
class Asked:
    channel: str = strawberry.field(description="How they asked: phone, letter or email.")
    subject: str = strawberry.field(description="What it is about.")
    text: str = strawberry.field(default="", description="What they said, or wrote.")
    contact: UUID | None = strawberry.field(default=None, description="The person who asked.")
    account: UUID | None = strawberry.field(
        default=None, description="The account it is for; the contact's own if left out."
    )
    product: UUID | None = strawberry.field(default=None, description="What it is about.")
    minutes: int = strawberry.field(default=0, description="How long it took, as a call.")


@strawberry.type
class OpeningMutations:
    @described("Open a case for somebody you know; it is covered, routed and promised like others.")
    def open_case(
        self,
        info: Info,
        asked: Asked,
        queue: Annotated[
            UUID | None, strawberry.argument(description="Where it waits; else by the rules.")
        ] = None,
        fields: Says = None,
    ) -> CaseResult:
        asking = info.context
        meant = work.Asked(
            asked.channel, asked.subject, asked.text,
            contact_id=asked.contact, account_id=asked.account, product_id=asked.product,
            minutes=asked.minutes,
        )  # fmt: skip
        try:
            with asking.acting() as session:
                case = work.open_case(
                    session, asking.principal, meant,
                    desk=asking.house.desk, at=asking.at, queue_id=queue,
                    says=fields.said() if fields else {},
                )  # fmt: skip
        except IntakeError as error:
            return problem(error)
        return CaseChanged(case_id=case.id)
