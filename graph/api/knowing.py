"""What an agent writes down about customers and what they have, and who is whom."""

from __future__ import annotations

from datetime import date
from typing import Annotated
from uuid import UUID

import strawberry
from sqlalchemy.orm import Session

from graph.api.asking import Info
from graph.api.customers import Account, Contact, ContactKind, Customer
from graph.api.describing import described
from graph.api.doing import done
from graph.api.loading import by_id
from graph.api.people import TimeOfDay, Weekday
from graph.api.problems import AnyProblem
from intake import customers as rows
from intake import products
from intake.agents import Principal
from intake.customers import merging, notes, points, preferences


@strawberry.type(description="It is written down.")
class CustomerChanged:
    account_id: strawberry.Private[UUID | None] = None
    contact_id: strawberry.Private[UUID | None] = None

    @described("The customer now; the survivor of a merge.")
    def customer(self, info: Info) -> Customer | None:
        if self.account_id is not None:
            return by_id(info.context, Account, rows.Account, [self.account_id])[self.account_id]
        return by_id(info.context, Contact, rows.Contact, [self.contact_id]).get(self.contact_id)


CustomerResult = Annotated[
    CustomerChanged | AnyProblem,
    strawberry.union("CustomerResult", description="It is written down, or why it is not."),
]


@strawberry.input(description="How a contact likes to be served; what is left out stays.")
class Wishes:
    language: str | None = strawberry.field(
        default=strawberry.UNSET, description="Their language, as in es or pt-BR."
    )
    time_zone: str | None = strawberry.field(
        default=strawberry.UNSET, description="Their time zone, as in Europe/Madrid."
    )
    days: list[Weekday] | None = strawberry.field(
        default=strawberry.UNSET, description="On which days; none: on any."
    )
    time_of_day: TimeOfDay | None = strawberry.field(
        default=strawberry.UNSET, description="When, on their own clock."
    )
    agent: UUID | None = strawberry.field(default=strawberry.UNSET, description="By whom.")
    equipment: str | None = strawberry.field(
        default=strawberry.UNSET, description="With which equipment."
    )

    def fields(self) -> dict[str, object]:
        """The wishes that were given, as the domain takes them; null takes one back."""
        nothing = {"language": "", "time_zone": "", "days": [], "equipment": ""}
        given = {n: v for n, v in vars(self).items() if v is not strawberry.UNSET}
        named = {"agent_id" if name == "agent" else name: v for name, v in given.items()}
        return {name: nothing.get(name) if v is None else v for name, v in named.items()}


@strawberry.type
class CustomerMutations:
    @described("Make two contacts one: the survivor gets everything of the other.")
    def merge_contacts(self, info: Info, survivor: UUID, other: UUID) -> CustomerResult:
        at = info.context.at

        def act(session: Session, by: Principal) -> CustomerChanged:
            merging.merge(session, by, survivor, other, at=at)
            return CustomerChanged(contact_id=survivor)

        return done(info, act)

    @described("Make two contacts of one again; what came since stays with the survivor.")
    def undo_merge(self, info: Info, merge: UUID) -> CustomerResult:
        at = info.context.at

        def act(session: Session, by: Principal) -> CustomerChanged:
            return CustomerChanged(contact_id=merging.undo(session, by, merge, at=at).survivor_id)

        return done(info, act)

    @described("Write a note on an account; its people never see it.")
    def note_account(self, info: Info, account: UUID, text: str) -> CustomerResult:
        at = info.context.at

        def act(session: Session, by: Principal) -> CustomerChanged:
            notes.note(session, by, account, text, at=at)
            return CustomerChanged(account_id=account)

        return done(info, act)

    @described("Write down how a contact likes to be served.")
    def set_preferences(self, info: Info, contact: UUID, wishes: Wishes) -> CustomerResult:
        at = info.context.at

        def act(session: Session, by: Principal) -> CustomerChanged:
            preferences.prefer(session, by, contact, at=at, **wishes.fields())
            return CustomerChanged(contact_id=contact)

        return done(info, act)

    @described("A contact is reached there too: what comes from there is from them.")
    def attach_point(
        self, info: Info, contact: UUID, kind: ContactKind, value: str
    ) -> CustomerResult:
        asking = info.context
        region = asking.house.settings.phone_region

        def act(session: Session, by: Principal) -> CustomerChanged:
            points.attach(session, by, contact, kind, value, region=region, at=asking.at)
            return CustomerChanged(contact_id=contact)

        return done(info, act)

    @described("A contact is not reached there any more.")
    def detach_point(self, info: Info, point: UUID) -> CustomerResult:
        at = info.context.at

        def act(session: Session, by: Principal) -> CustomerChanged:
            known = session.get(rows.ContactPoint, point)
            points.detach(session, by, point, at=at)
            return CustomerChanged(contact_id=known.contact_id if known else None)

        return done(info, act)

    @described("Note that a customer has one of these products.")
    def own_product(
        self,
        info: Info,
        product: UUID,
        serial_number: str,
        account: UUID | None = None,
        contact: UUID | None = None,
        bought_on: date | None = None,
        warranty_until: date | None = None,
    ) -> CustomerResult:
        at = info.context.at

        def act(session: Session, by: Principal) -> CustomerChanged:
            products.own(
                session, by, product, serial_number,
                account_id=account, contact_id=contact,
                bought_on=bought_on, warranty_until=warranty_until, at=at,
            )  # fmt: skip
            return CustomerChanged(account_id=account, contact_id=contact)

        return done(info, act)
