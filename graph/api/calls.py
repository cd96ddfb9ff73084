"""The phone log: a call that was taken, kept and filed like any other message."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

import strawberry
from sqlalchemy import select

from channels import journal, phone
from channels.journal import Arrived
from graph.api.asking import Asking, Info
from graph.api.cases import Case, visible_case
from graph.api.describing import described
from graph.api.inbound import InboundState
from graph.api.problems import AnyProblem, problem
from intake.agents import Act
from intake.errors import IntakeError
from intake.inbound import Inbound, State


@strawberry.enum(description="Who called whom.")
class CallDirection(StrEnum):
    INCOMING = "incoming"
    OUTGOING = "outgoing"


@strawberry.input(description="A call, as whoever took it writes it down.")
class PhoneCall:
    caller: str = strawberry.field(
        description="The other party's number, or empty when it was withheld."
    )
    subject: str = strawberry.field(description="What it was about.")
    text: str = strawberry.field(default="", description="What was said.")
    name: str = strawberry.field(default="", description="How they call themselves.")
    duration_minutes: int = strawberry.field(default=0, description="How long it took.")
    direction: CallDirection = strawberry.field(
        default=CallDirection.INCOMING, description="Who called whom."
    )
    called_at: datetime | None = strawberry.field(
        default=None, description="When the call began, with its zone; now if left out."
    )
    external_id: str = strawberry.field(
        default="", description="Your own id of the call: the same again is the same call."
    )


@strawberry.type(description="The call is kept.")
class PhoneCallLogged:
    state: InboundState = strawberry.field(
        description="FILED as a rule; PENDING when filing it has to wait for a worker."
    )
    case_id: strawberry.Private[UUID | None]

    @described("The case it became or joined, if you may see it.")
    def case(self, info: Info) -> Case | None:
        return visible_case(info.context, self.case_id)


LogResult = Annotated[
    PhoneCallLogged | AnyProblem,
    strawberry.union("LogPhoneCallResult", description="It was kept, or why it was not."),
]


@strawberry.type
class CallMutations:
    @described("Write down a phone call: it becomes a case or part of one.")
    def log_phone_call(self, info: Info, call: PhoneCall) -> LogResult:
        asking = info.context
        try:
            asking.principal.must(Act.WORK)
            return file(asking, call)
        except IntakeError as error:
            return problem(error)


def file(asking: Asking, call: PhoneCall) -> PhoneCallLogged:
    """Keep the call, and file it at once: reception does both in transactions of its own."""
    house = asking.house
    arrived = phone.arrived(
        caller=call.caller,
        subject=call.subject,
        text=call.text,
        region=house.settings.phone_region,
        at=asking.at,
        name=call.name,
        duration_minutes=call.duration_minutes,
        direction=call.direction,
        called_at=call.called_at,
        agent=asking.principal.name,
        external_id=call.external_id,
    )
    asking.close()
    journal.keep(house.db, [arrived], reserve_bytes=house.settings.reserve_bytes)
    if (kept := _kept(asking, arrived)).state is State.PENDING:
        asking.close()
        house.reception.file(at=asking.at, ids=[kept.id])
        kept = _kept(asking, arrived)
    return PhoneCallLogged(state=kept.state, case_id=kept.case_id)


def _kept(asking: Asking, arrived: Arrived) -> Inbound:
    key = (Inbound.mailbox == arrived.mailbox, Inbound.content_key == arrived.key())
    return asking.session.scalars(select(Inbound).where(*key)).one()
